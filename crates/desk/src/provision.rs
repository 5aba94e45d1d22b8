//! Provisioning one domain with all its sections. Many are a job.

use crate::{
    Asker, Desk, DeskError, FieldError, Snapshot,
    apply::{domain_name, to_wire},
    audit::Intent,
    changes::{admins, servers},
    error::Result,
    live::mirror_of,
    reach::Opened,
};
use inbound::{
    downstream::{Server, ServerFields},
    name::DomainName,
    settings::SettingsFields,
};
use mailchannels::{Domain, DomainSettings, Error as Upstream, Provision, Provisioned};

/// The form for one domain.
#[derive(Clone, Debug, Default)]
pub struct OneInput {
    /// Id of the person's key to use.
    pub key: String,
    /// Subscription handle.
    pub subscription: String,
    /// Lock the domain to that key.
    pub lock: bool,
    /// The domain.
    pub domain: String,
    /// Spam handling.
    pub settings: SettingsFields,
    /// Servers.
    pub servers: Vec<ServerFields>,
    /// Aliases, one a line.
    pub aliases: String,
    /// Admins, one a line.
    pub admins: String,
}

/// What became of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OneOutcome {
    /// It is provisioned now.
    Created(DomainName),
    /// It was provisioned already; nothing was changed.
    Existed(DomainName),
}

impl Desk {
    /// Provisions one domain.
    pub async fn provision_one(&self, asker: &Asker, input: &OneInput) -> Result<OneOutcome> {
        let (domain, wire) = check_one(input)?;
        let opened = self.open_own(&asker.person, &input.key).await.map_err(|error| match error {
            DeskError::NotFound(_) => DeskError::field("key", "Choose one of your keys."),
            other => other,
        })?;
        let intent = self.provision_intent(asker, &opened, domain.as_str()).await?;
        let how = Provision { associate_key: input.lock, overwrite: false };
        let outcome = match opened.changing().provision(&wire, how).await {
            Ok(Provisioned::Created(_)) => Ok(OneOutcome::Created(domain.clone())),
            Ok(Provisioned::Existed(_)) => Ok(OneOutcome::Existed(domain.clone())),
            // The answer was lost: whether the domain is there now decides.
            Err(Upstream::Ambiguous) => match opened.changing().domain(domain.as_str()).await {
                Ok(Some(_)) => Ok(OneOutcome::Created(domain.clone())),
                Ok(None) => Err(DeskError::Upstream(Upstream::Unavailable { status: None })),
                Err(_) => Err(DeskError::Upstream(Upstream::Ambiguous)),
            },
            Err(Upstream::Conflict { .. }) => Err(DeskError::field(
                "domain",
                format!(
                    "{domain} is provisioned for another MailChannels customer. Ask MailChannels support who holds it; nothing was changed."
                ),
            )),
            Err(error) => Err(error.into()),
        };
        match &outcome {
            Ok(OneOutcome::Created(_)) => self.conclude(intent, "done").await,
            Ok(OneOutcome::Existed(_)) => self.conclude(intent, "done: it existed, nothing was changed").await,
            Err(error) => self.conclude(intent, &format!("failed: {error}")).await,
        }
        if outcome.is_ok() {
            match opened.changing().domain(domain.as_str()).await {
                Ok(Some(now)) => {
                    self.0.store.patch_domain(&opened.key.fingerprint, mirror_of(&now), self.now_ms()).await?;
                    if input.lock && matches!(outcome, Ok(OneOutcome::Created(_))) {
                        self.0.store.set_holder(&opened.key.account, domain.as_str(), &opened.key.fingerprint).await?;
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a provisioned domain could not be read back"),
            }
        }
        outcome
    }

    async fn provision_intent(&self, asker: &Asker, opened: &Opened, domain: &str) -> Result<i64> {
        self.intend(
            asker,
            Intent {
                action: "domain.provision",
                object_kind: "domain",
                object: domain,
                account: Some(&opened.key.account),
                fingerprint: Some(&opened.key.fingerprint),
                before: None,
                after: Some(Snapshot::Provisioned { present: true }.base()),
            },
        )
        .await
    }
}

/// Checks the whole form at once, so that every error shows in one go.
fn check_one(input: &OneInput) -> Result<(DomainName, Domain)> {
    let mut errors = Vec::new();
    let mut keep = |error: DeskError| match error {
        DeskError::Invalid(fields) => errors.extend(fields),
        other => errors.push(FieldError::new("domain", other.to_string())),
    };
    let domain = domain_name(&input.domain, "domain").map_err(&mut keep).ok();
    let servers: Vec<Server> = servers(&input.servers).map_err(&mut keep).unwrap_or_default();
    let admins = admins(&input.admins).map_err(&mut keep).unwrap_or_default();
    let aliases = aliases(&input.aliases).map_err(&mut keep).unwrap_or_default();
    let settings = input
        .settings
        .parse()
        .map_err(|wrong| {
            for error in wrong {
                keep(DeskError::field(&error.field.to_string(), error.message));
            }
        })
        .ok();
    if input.subscription.is_empty() {
        keep(DeskError::field("subscription", "Choose the subscription it counts towards."));
    }
    let (Some(domain), Some(settings), true) = (domain, settings, errors.is_empty()) else {
        return Err(DeskError::Invalid(errors));
    };
    let wire = Domain {
        domain: domain.as_str().to_owned(),
        subscription_handle: input.subscription.clone(),
        settings: DomainSettings {
            abuse_policy: settings.policy.map(|policy| policy.as_str().into()),
            abuse_policy_override: settings.override_recipient,
            spam_header_name: settings.header_name,
            spam_header_value: settings.header_value,
        },
        admins,
        downstream_addresses: servers.iter().map(to_wire).collect(),
        aliases,
    };
    Ok((domain, wire))
}

fn aliases(text: &str) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    let mut aliases = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        match DomainName::parse(line) {
            Ok(name) => aliases.push(name.as_str().to_owned()),
            Err(error) => errors.push(FieldError::new("aliases", format!("Line {}: {error}", index + 1))),
        }
    }
    if errors.is_empty() { Ok(aliases) } else { Err(DeskError::Invalid(errors)) }
}
