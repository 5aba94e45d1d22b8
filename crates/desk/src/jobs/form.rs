//! From the fields of a bulk form to what is done to every row; every error beside its field.

use crate::{Desk, DeskError, FieldError, Person, error::Result};
use inbound::{
    downstream::parse_compact,
    lists::{Entry, List},
    name::EmailAddress,
    plan::{Act, How, Kind, SettingsChange},
    settings::{Policy, SettingsFields},
};
use std::collections::HashMap;

/// What rows get that have no entry of their own.
type Common = Option<(List, String)>;

/// The fields of a form, as typed.
struct Fields<'a> {
    typed: &'a HashMap<String, String>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> &'a str {
        self.typed.get(name).map(|value| value.trim()).unwrap_or_default()
    }

    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    fn settings(&mut self) -> SettingsChange {
        let policy = Policy::parse(self.get("policy")).map(|policy| policy.as_str().to_owned());
        let override_recipient = match self.get("override") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let header = match self.get("header_mode") {
            "set" => {
                let fields = SettingsFields {
                    policy: "flag".into(),
                    override_recipient: String::new(),
                    header_name: self.get("header_name").to_owned(),
                    header_value: self.get("header_value").to_owned(),
                };
                match fields.parse() {
                    Ok(settings) if settings.header_name.is_none() => {
                        self.wrong("header_name", "Enter the header's name, or leave the header as it is.");
                        None
                    }
                    Ok(settings) => {
                        Some((settings.header_name.unwrap_or_default(), settings.header_value.unwrap_or_default()))
                    }
                    Err(errors) => {
                        for error in errors {
                            self.wrong(&error.field.to_string(), error.message);
                        }
                        None
                    }
                }
            }
            "clear" => Some((String::new(), String::new())),
            _ => None,
        };
        SettingsChange { policy, override_recipient, header }
    }

    fn servers(&mut self) -> Vec<String> {
        let mut servers = Vec::new();
        for (index, line) in lines(self.get("servers")) {
            match parse_compact(line) {
                Ok(server) => servers.push(server.to_compact()),
                Err(message) => self.wrong("servers", format!("Line {index}: {message}")),
            }
        }
        if servers.len() > mailchannels::DOWNSTREAMS_MAX {
            self.wrong("servers", format!("{} servers; a domain has at most 10.", servers.len()));
        }
        servers.sort();
        servers.dedup();
        servers
    }

    fn admins(&mut self) -> Vec<String> {
        let mut admins = Vec::new();
        for (index, line) in lines(self.get("admins")) {
            match EmailAddress::parse(line) {
                Ok(address) => admins.push(address.to_string()),
                Err(error) => self.wrong("admins", format!("Line {index}: {error}")),
            }
        }
        admins.sort();
        admins.dedup();
        admins
    }

    fn entry(&mut self) -> Common {
        let item = self.get("item");
        if item.is_empty() {
            return None;
        }
        match (List::parse(self.get("list")), Entry::parse(item)) {
            (Some(list), Ok(entry)) => Some((list, entry.item())),
            (None, _) => {
                self.wrong("list", "Choose a list: safelist or blocklist.");
                None
            }
            (_, Err(error)) => {
                self.wrong("item", error.to_string());
                None
            }
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.is_empty())
}

impl Desk {
    /// Reads the fields of a form. Rows are looked at when the plan is made.
    pub async fn act_of(&self, person: &Person, kind: Kind, typed: &HashMap<String, String>) -> Result<(Act, Common)> {
        let mut fields = Fields { typed, errors: Vec::new() };
        let mut common = None;
        let act = match kind {
            Kind::Provision | Kind::Associate => {
                let rows = self.key_rows(person).await?;
                let key = rows.iter().find(|row| row.id == fields.get("key"));
                if key.is_none() {
                    fields.wrong("key", "Choose one of your keys.");
                }
                let fingerprint = key.map(|key| key.fingerprint.clone()).unwrap_or_default();
                let account = key.and_then(|key| key.account_id.clone()).unwrap_or_default();
                if kind == Kind::Associate {
                    Act::Associate { fingerprint, account }
                } else {
                    let subscription = fields.get("subscription").to_owned();
                    if subscription.is_empty() {
                        fields.wrong("subscription", "Choose the subscription they count towards.");
                    }
                    let (lock, update) = (!fields.get("lock").is_empty(), !fields.get("update").is_empty());
                    Act::Provision { subscription, fingerprint, account, lock, update }
                }
            }
            Kind::Deprovision => Act::Deprovision,
            Kind::Settings => Act::Settings(fields.settings()),
            Kind::Servers => Act::Servers { servers: fields.servers() },
            Kind::Admins => {
                let how = match fields.get("how") {
                    "remove" => How::Remove,
                    "replace" => How::Replace,
                    _ => How::Add,
                };
                Act::Admins { how, admins: fields.admins() }
            }
            Kind::AddAliases => Act::Aliases { present: true },
            Kind::RemoveAliases => Act::Aliases { present: false },
            Kind::AddEntries | Kind::RemoveEntries => {
                common = fields.entry();
                Act::Entries { present: kind == Kind::AddEntries }
            }
            Kind::LoginLinks => Act::LoginLinks,
            Kind::Undo => return Err(DeskError::field("text", "An undo begins at the job that it takes back.")),
        };
        if fields.errors.is_empty() { Ok((act, common)) } else { Err(DeskError::Invalid(fields.errors)) }
    }
}
