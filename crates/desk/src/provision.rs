//! Provisioning one domain with all its sections. Many are a job.

use crate::{
    Asker, Desk, DeskError, FieldError, Snapshot,
    apply::{domain_name, to_wire},
    audit::Intent,
    changes::{admins, servers},
    error::{Result, may_be_done},
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
    /// The answer was lost and it is provisioned now: by this request, or since before it.
    Lost(DomainName),
    /// The answer was lost and it is not provisioned: what happened, and the next step.
    Absent((String, String)),
    /// The answer was lost and what is there could not be read: what happened, and the next step.
    Unknown((String, String)),
}

impl Desk {
    /// Provisions one domain.
    pub async fn provision_one(&self, asker: &Asker, input: &OneInput) -> Result<OneOutcome> {
        let (domain, wire) = check_one(input)?;
        let opened = self.open_own(&asker.person, &input.key).await.map_err(|error| match error {
            DeskError::Gone(_) => DeskError::field("key", "Choose one of your keys."),
            other => other,
        })?;
        let intent = self.provision_intent(asker, &opened, domain.as_str()).await?;
        let how = Provision { associate_key: input.lock, overwrite: false };
        let outcome = match opened.changing().provision(&wire, how).await {
            Ok(Provisioned::Created(_)) => Ok(OneOutcome::Created(domain.clone())),
            Ok(Provisioned::Existed(_)) => Ok(OneOutcome::Existed(domain.clone())),
            // Whether the domain is there now decides what can be said.
            Err(error) if may_be_done(&error) => Ok(after_loss(&opened, &domain, &error).await),
            Err(Upstream::Conflict { .. }) => Err(DeskError::field(
                "domain",
                format!(
                    "{domain} is provisioned for another MailChannels customer. Ask MailChannels support who holds it; nothing was changed."
                ),
            )),
            // No connection was made, so what is left of these was never sent.
            Err(error) => Err(DeskError::before(error)),
        };
        let conclusion = match &outcome {
            Ok(OneOutcome::Created(_)) => "done".to_owned(),
            Ok(OneOutcome::Existed(_)) => "done: it existed, nothing was changed".to_owned(),
            Ok(OneOutcome::Lost(_)) => "done: it is there by reading back, the answer was lost".to_owned(),
            Ok(OneOutcome::Absent(_)) => "failed: it is not there by reading back, the answer was lost".to_owned(),
            Ok(OneOutcome::Unknown(_)) => "unknown: the answer was lost, and it could not be read back".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        self.conclude(intent, &conclusion).await;
        if let Ok(OneOutcome::Created(_) | OneOutcome::Existed(_) | OneOutcome::Lost(_)) = &outcome {
            let ours = input.lock && matches!(outcome, Ok(OneOutcome::Created(_)));
            // The act is past: a failure to mirror it must not read as one of the act, and the next sync mends it.
            if let Err(error) = self.mirror_provisioned(&opened, &domain, ours).await {
                tracing::warn!(%error, "a provisioned domain could not be mirrored");
            }
        }
        outcome
    }

    /// Brings the mirror up to date with a domain that is provisioned. `ours`: this request locked it to the key.
    async fn mirror_provisioned(&self, opened: &Opened, domain: &DomainName, ours: bool) -> Result<()> {
        let (store, key) = (&self.0.store, &opened.key);
        if let Some(now) = opened.changing().domain(domain.as_str()).await? {
            store.patch_domain(&key.fingerprint, mirror_of(&now), self.now_ms()).await?;
            if ours {
                store.set_holder(&key.account, domain.as_str(), &key.fingerprint).await?;
            }
        }
        Ok(())
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

/// What can be said of a domain whose provisioning got no answer: what is there now.
async fn after_loss(opened: &Opened, domain: &DomainName, error: &Upstream) -> OneOutcome {
    let why = match error {
        Upstream::Ambiguous => "the answer was lost",
        Upstream::Timeout => "MailChannels did not answer in time",
        Upstream::RateLimited => "MailChannels is limiting requests just now",
        _ => "MailChannels did not answer properly",
    };
    match opened.changing().domain(domain.as_str()).await {
        Ok(Some(_)) => OneOutcome::Lost(domain.clone()),
        Ok(None) => {
            let label = &opened.key.label;
            OneOutcome::Absent((
                format!("Not provisioned: {why}, and {domain} is not there by reading with {label}."),
                "Try again.".into(),
            ))
        }
        Err(unread) => {
            let (what, _) = DeskError::Upstream(unread).reading_words();
            OneOutcome::Unknown((
                format!("{domain} may or may not be provisioned: {why}, and it could not be read back. {what}"),
                format!("Look {domain} up first; provision it again if it is not there."),
            ))
        }
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
