//! Changes of one domain: settings, servers, admins, aliases, association, deprovisioning.

use crate::{
    Applied, Asker, Desk, DeskError, FieldError, Snapshot,
    apply::{domain_name, read_first},
    audit::Intent,
    error::{Result, is_lost, unread_after},
    live::servers_snapshot,
};
use inbound::{
    downstream::{self, DiffLine, Server, ServerFields},
    name::EmailAddress,
    settings::SettingsFields,
};
use mailchannels::Error as Upstream;

/// The spam-handling form.
#[derive(Clone, Debug, Default)]
pub struct SettingsInput {
    /// As typed.
    pub fields: SettingsFields,
    /// The state the form was made from.
    pub base: String,
}

/// The servers form.
#[derive(Clone, Debug, Default)]
pub struct ServersInput {
    /// Rows as typed; blank rows don't count.
    pub rows: Vec<ServerFields>,
    /// The state the form was made from.
    pub base: String,
}

/// The admins form.
#[derive(Clone, Debug, Default)]
pub struct AdminsInput {
    /// One address a line.
    pub text: String,
    /// The state the form was made from.
    pub base: String,
}

/// What replacing the servers would do; shown before anything is sent.
#[derive(Clone, Debug)]
pub struct Review {
    /// Servers now.
    pub before: Vec<Server>,
    /// Servers wanted.
    pub after: Vec<Server>,
    /// Line by line.
    pub diff: Vec<DiffLine>,
}

/// Most admins of a domain that Sluice sends at once.
const ADMINS_MAX: usize = 100;

/// Turns the servers form into servers, with every error beside its field.
pub(crate) fn servers(rows: &[ServerFields]) -> Result<Vec<Server>> {
    downstream::parse_servers(rows).map_err(|errors| {
        DeskError::Invalid(
            errors
                .into_iter()
                .map(|error| FieldError::new(format!("servers.{}.{}", error.row, error.field), error.message))
                .collect(),
        )
    })
}

/// Turns lines of addresses into admins.
pub(crate) fn admins(text: &str) -> Result<Vec<String>> {
    let mut admins = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        match EmailAddress::parse(line) {
            Ok(address) => admins.push(address.to_string()),
            Err(error) => errors.push(FieldError::new("admins", format!("Line {}: {error}", index + 1))),
        }
    }
    if admins.len() > ADMINS_MAX {
        errors.push(FieldError::new("admins", format!("{} admins; at most {ADMINS_MAX} at a time.", admins.len())));
    }
    admins.sort();
    admins.dedup();
    if errors.is_empty() { Ok(admins) } else { Err(DeskError::Invalid(errors)) }
}

fn base(text: &str) -> Result<Snapshot> {
    Snapshot::from_base(text).ok_or(DeskError::Stale)
}

impl Desk {
    /// Saves spam handling.
    pub async fn change_settings(&self, asker: &Asker, domain: &str, input: &SettingsInput) -> Result<Applied> {
        let settings = input.fields.parse().map_err(|errors| {
            DeskError::Invalid(
                errors.into_iter().map(|error| FieldError::new(error.field.to_string(), error.message)).collect(),
            )
        })?;
        let target = Snapshot::Settings {
            policy: settings.policy.map(|policy| policy.as_str().to_owned()),
            override_recipient: settings.override_recipient,
            header_name: settings.header_name,
            header_value: settings.header_value,
        };
        self.apply(asker, domain, target, Some(base(&input.base)?)).await
    }

    /// What replacing the servers would do. Sends nothing but a read.
    pub async fn review_servers(&self, asker: &Asker, domain: &str, input: &ServersInput) -> Result<Review> {
        let after = servers(&input.rows)?;
        let (opened, _) = self.reach_domain(asker, domain).await?;
        let live = read_first(&opened, domain).await?;
        if servers_snapshot(&live.servers) != base(&input.base)? {
            return Err(DeskError::Stale);
        }
        let diff = downstream::diff(&live.servers, &after);
        Ok(Review { before: live.servers, after, diff })
    }

    /// Replaces all servers. Clearing them all needs the domain's name typed.
    pub async fn replace_servers(
        &self,
        asker: &Asker,
        domain: &str,
        input: &ServersInput,
        typed: &str,
    ) -> Result<Applied> {
        let servers = servers(&input.rows)?;
        if servers.is_empty() && typed.trim() != domain {
            return Err(DeskError::field(
                "typed",
                format!("Without servers no mail is delivered. Type {domain} to clear them all."),
            ));
        }
        self.apply(asker, domain, servers_snapshot(&servers), Some(base(&input.base)?)).await
    }

    /// Replaces the domain admins.
    pub async fn change_admins(&self, asker: &Asker, domain: &str, input: &AdminsInput) -> Result<Applied> {
        let admins = admins(&input.text)?;
        self.apply(asker, domain, Snapshot::Admins { admins }, Some(base(&input.base)?)).await
    }

    /// Adds an alias.
    pub async fn add_alias(&self, asker: &Asker, domain: &str, alias: &str) -> Result<Applied> {
        let name = domain_name(alias, "alias")?;
        if name.as_str() == domain {
            return Err(DeskError::field("alias", "That is the domain itself. An alias is another name for it."));
        }
        let target = Snapshot::Alias { alias: name.as_str().to_owned(), present: true };
        let applied = self.apply(asker, domain, target, None).await.map_err(|error| match error {
            DeskError::Upstream(Upstream::Conflict { .. }) => DeskError::field(
                "alias",
                format!("{name} is in use already, as a domain or as an alias of another one. Remove it there first."),
            ),
            other => other,
        })?;
        if applied.change.is_none() {
            return Err(DeskError::field("alias", format!("{name} is an alias of this domain already.")));
        }
        Ok(applied)
    }

    /// Removes an alias.
    pub async fn remove_alias(&self, asker: &Asker, domain: &str, alias: &str) -> Result<Applied> {
        let name = domain_name(alias, "alias")?;
        let target = Snapshot::Alias { alias: name.as_str().to_owned(), present: false };
        self.apply(asker, domain, target, None).await
    }

    /// Locks a domain to another of the person's keys.
    pub async fn associate(&self, asker: &Asker, domain: &str, key_id: &str) -> Result<Applied> {
        let refs = self.key_refs(&asker.person).await?;
        let key = refs
            .into_iter()
            .find(|key| key.id == key_id)
            .ok_or_else(|| DeskError::field("key", "Choose one of your keys."))?;
        self.apply(asker, domain, Snapshot::Holder { fingerprint: Some(key.fingerprint) }, None).await
    }

    /// Deprovisions a domain; its name is typed.
    pub async fn deprovision(&self, asker: &Asker, domain: &str, typed: &str) -> Result<()> {
        if domain_name(typed, "typed").ok().is_none_or(|name| name.as_str() != domain) {
            return Err(DeskError::field("typed", format!("Type {domain} to deprovision it.")));
        }
        let (opened, row) = self.reach_domain(asker, domain).await?;
        let intent = self
            .intend(
                asker,
                Intent {
                    action: "domain.deprovision",
                    object_kind: "domain",
                    object: domain,
                    account: Some(&opened.key.account),
                    fingerprint: Some(&opened.key.fingerprint),
                    before: Some(Snapshot::Provisioned { present: true }.base()),
                    after: Some(Snapshot::Provisioned { present: false }.base()),
                },
            )
            .await?;
        let lost = match opened.changing().deprovision(domain).await {
            // A retried DELETE finds nothing left: that is what was wanted.
            Ok(()) | Err(Upstream::NotFound { .. }) => {
                self.0.store.forget_domain(&row.account_id, domain).await?;
                self.conclude(intent, "done").await;
                return Ok(());
            }
            Err(error) if is_lost(&error) => error,
            Err(error) => {
                self.conclude(intent, &format!("failed: {error}")).await;
                return Err(error.into());
            }
        };
        // It may have been done all the same: what is there now decides.
        match opened.changing().domain(domain).await {
            Ok(None) | Err(Upstream::NotFound { .. }) => {
                self.0.store.forget_domain(&row.account_id, domain).await?;
                self.conclude(intent, "done: confirmed by reading back").await;
                Ok(())
            }
            Ok(Some(_)) => {
                self.conclude(intent, &format!("failed: {lost}; it is still there")).await;
                Err(DeskError::NotDone(
                    format!("{domain} is still there: it was not deprovisioned so far."),
                    "Look at it again in a minute, and then decide anew.".into(),
                ))
            }
            Err(_) => {
                let lost = unread_after(lost);
                self.conclude(intent, &format!("unknown: {lost}")).await;
                Err(DeskError::NotDone(
                    format!("The answer was lost: {domain} may or may not be deprovisioned."),
                    "Open its page in a minute: it says what is there.".into(),
                ))
            }
        }
    }
}
