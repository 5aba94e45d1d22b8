//! Changes of one domain.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act, domain_page, segment},
    },
    server::{
        actor::Need,
        flash::{self, Flash, TakeBack, Tone},
    },
};
use desk::{AdminsInput, Applied, ServersInput, SettingsInput, Snapshot};
use inbound::{downstream::ServerFields, settings::SettingsFields, words};
use leptos::server;
use serde::{Deserialize, Serialize};

/// A row of the servers form.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerRow {
    /// As typed.
    pub priority: String,
    /// As typed.
    pub weight: String,
    /// As typed.
    pub port: String,
    /// As typed.
    pub target: String,
}

/// Kind of the draft that waits for its review.
pub const SERVERS_DRAFT: &str = "servers";

/// A servers form that passed its checks and waits for a yes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServersDraft {
    /// The domain it is for.
    pub domain: String,
    /// The rows.
    pub rows: Vec<ServerRow>,
    /// The state they were made from.
    pub base: String,
}

impl ServersDraft {
    /// As the use case takes it.
    pub fn input(&self) -> ServersInput {
        ServersInput { rows: self.rows.iter().map(fields).collect(), base: self.base.clone() }
    }
}

/// A row as the rules take it. A row without a target is blank: the editor's new rows come with
/// numbers filled in.
pub fn fields(row: &ServerRow) -> ServerFields {
    if row.target.trim().is_empty() {
        return ServerFields::default();
    }
    ServerFields {
        priority: row.priority.clone(),
        weight: row.weight.clone(),
        port: row.port.clone(),
        target: row.target.clone(),
    }
}

fn said(applied: &Applied, domain: &str, title: impl Into<String>) -> Flash {
    let Some(change) = applied.change else {
        return Flash {
            tone: Tone::Info,
            title: "Nothing to change: it is like that already.".into(),
            ..Flash::default()
        };
    };
    Flash { undo: Some(TakeBack::Domain { name: domain.to_owned(), change }), ..Flash::done(title) }
}

/// Saves spam handling.
#[server(prefix = "/do", endpoint = "domains/settings")]
pub async fn save_settings(
    name: String,
    #[server(default)] base: String,
    #[server(default)] policy: String,
    #[server(default)] override_recipient: String,
    #[server(default)] header_name: String,
    #[server(default)] header_value: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let form = Form::new("settings", domain_page(&name, "spam"))
        .typed("policy", &policy)
        .typed("override_recipient", &override_recipient)
        .typed("header_name", &header_name)
        .typed("header_value", &header_value)
        .reason(&reason);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let fields = SettingsFields { policy, override_recipient, header_name, header_value };
        let applied = desk.change_settings(&asker, &name, &SettingsInput { fields, base }).await?;
        Ok(Next::say(domain_page(&name, ""), said(&applied, &name, "Spam handling is saved.")))
    })
    .await
}

/// Checks the servers form, then shows what it would replace.
#[server(prefix = "/do", endpoint = "domains/servers/review")]
pub async fn review_servers(
    name: String,
    #[server(default)] base: String,
    #[server(default)] servers: Vec<ServerRow>,
) -> Result<(), AppError> {
    let draft = ServersDraft { domain: name.clone(), rows: servers, base };
    let typed = serde_json::to_string(&draft.rows).unwrap_or_default();
    let form = Form::new("servers", domain_page(&name, "servers")).typed("servers", typed);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let review = desk.review_servers(&asker, &name, &draft.input()).await?;
        if review.diff.iter().all(|line| line.kind == inbound::downstream::DiffKind::Keep) {
            let flash = Flash {
                tone: Tone::Info,
                title: "Nothing to change: these are the servers already.".into(),
                ..Flash::default()
            };
            return Ok(Next::say(domain_page(&name, "servers"), flash));
        }
        let id = flash::keep_as(&desk, &asker.person, SERVERS_DRAFT, &draft).await?;
        Ok(Next::to(format!("/domains/{}/servers?draft={id}", segment(&name))))
    })
    .await
}

/// Replaces the servers by a reviewed draft.
#[server(prefix = "/do", endpoint = "domains/servers/replace")]
pub async fn replace_servers(
    name: String,
    draft: String,
    #[server(default)] typed: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let page = format!("/domains/{}/servers?draft={}", segment(&name), segment(&draft));
    act(
        Need::ChangeDomains,
        Form::new("replace", page).typed("typed", &typed).reason(&reason),
        async move |desk, asker| {
            let kept: Option<ServersDraft> = flash::kept(&desk, &asker.person, SERVERS_DRAFT, &draft).await;
            let kept = kept.filter(|kept| kept.domain == name).ok_or(desk::DeskError::Stale)?;
            let applied = desk.replace_servers(&asker, &name, &kept.input(), &typed).await?;
            let counts = match (&applied.before, &applied.after) {
                (Snapshot::Servers { servers: before }, Snapshot::Servers { servers: after }) => {
                    (before.len(), after.len())
                }
                _ => (0, 0),
            };
            let title = format!("Replaced {} with {}.", words::count(counts.0 as u64, "server", "servers"), counts.1);
            Ok(Next::say(domain_page(&name, ""), said(&applied, &name, title)))
        },
    )
    .await
}

/// Replaces the domain admins.
#[server(prefix = "/do", endpoint = "domains/admins")]
pub async fn save_admins(
    name: String,
    #[server(default)] base: String,
    #[server(default)] admins: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let form = Form::new("admins", domain_page(&name, "admins")).typed("admins", &admins).reason(&reason);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let applied = desk.change_admins(&asker, &name, &AdminsInput { text: admins, base }).await?;
        Ok(Next::say(domain_page(&name, ""), said(&applied, &name, "The domain admins are saved.")))
    })
    .await
}

/// Adds an alias.
#[server(prefix = "/do", endpoint = "domains/alias/add")]
pub async fn add_alias(name: String, alias: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = Form::new("alias", domain_page(&name, "aliases")).typed("alias", &alias).reason(&reason);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let applied = desk.add_alias(&asker, &name, &alias).await?;
        Ok(Next::say(domain_page(&name, ""), said(&applied, &name, format!("{} is an alias now.", alias.trim()))))
    })
    .await
}

/// Removes an alias.
#[server(prefix = "/do", endpoint = "domains/alias/remove")]
pub async fn remove_alias(name: String, alias: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = Form::new("alias", domain_page(&name, "aliases")).reason(&reason);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let applied = desk.remove_alias(&asker, &name, &alias).await?;
        Ok(Next::say(domain_page(&name, ""), said(&applied, &name, format!("{alias} is no longer an alias."))))
    })
    .await
}

/// Locks a domain to another of one's keys.
#[server(prefix = "/do", endpoint = "domains/associate")]
pub async fn associate(
    name: String,
    #[server(default)] key: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let form = Form::new("associate", domain_page(&name, "key")).typed("key", &key).reason(&reason);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let applied = desk.associate(&asker, &name, &key).await?;
        Ok(Next::say(domain_page(&name, ""), said(&applied, &name, "The domain is locked to that key now.")))
    })
    .await
}

/// Deprovisions a domain whose name was typed.
#[server(prefix = "/do", endpoint = "domains/deprovision")]
pub async fn deprovision(name: String, typed: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let page = format!("/domains/{}/deprovision", segment(&name));
    act(Need::ChangeDomains, Form::new("deprovision", page).typed("typed", &typed).reason(&reason), async move |desk, asker| {
        desk.deprovision(&asker, &name, &typed).await?;
        let flash = Flash {
            detail: "If its MX records still point at MailChannels, its mail now bounces with 554 5.7.1 Relay access denied.".into(),
            ..Flash::done(format!("{name} is deprovisioned."))
        };
        Ok(Next::say("/domains", flash))
    })
    .await
}

/// Takes a change back.
#[server(prefix = "/do", endpoint = "domains/undo")]
pub async fn undo(name: String, change: i64) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("undo", domain_page(&name, "")), async move |desk, asker| {
        let applied = desk.undo(&asker, &name, change).await?;
        Ok(Next::say(domain_page(&name, ""), said(&applied, &name, "The change is taken back.")))
    })
    .await
}
