//! Provisioning: one domain with all its sections, or a batch with an outcome for every row.

use crate::{
    Asker, Desk, DeskError, FieldError, Snapshot,
    apply::{domain_name, to_wire},
    audit::Intent,
    changes::{admins, servers},
    error::Result,
    live::{mirror_of, servers_of, servers_snapshot},
    reach::Opened,
};
use futures::{StreamExt, stream};
use inbound::{
    downstream::{Server, ServerFields},
    import::Row,
    name::DomainName,
    settings::SettingsFields,
};
use mailchannels::{BatchDomain, Domain, DomainSettings, Error as Upstream, Provision, Provisioned};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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

/// The form for many.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BatchInput {
    /// Id of the person's key to use.
    pub key: String,
    /// Subscription handle.
    pub subscription: String,
    /// Lock the domains to that key.
    pub lock: bool,
    /// Lines or CSV as typed.
    pub text: String,
}

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowState {
    /// Provisioned now.
    Created,
    /// Was there already; nothing changed.
    Existed,
    /// Provisioned, but something about it needs a look.
    Incomplete,
    /// Not provisioned.
    Failed,
    /// The answer was lost and reading back could not decide.
    Unknown,
}

/// One row's outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowOutcome {
    /// Line of the input.
    pub line: usize,
    /// The domain, A-label.
    pub domain: String,
    /// How it ended.
    pub state: RowState,
    /// Why, in words; empty when there is nothing to say.
    pub detail: String,
}

/// The outcome of a batch; kept, so that its page can be opened again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchReport {
    /// Unix milliseconds.
    pub at: i64,
    /// Label of the key used.
    pub key: String,
    /// Subscription handle.
    pub subscription: String,
    /// Every row of the input.
    pub rows: Vec<RowOutcome>,
}

/// Servers set again at the same time after a batch.
const REPAIRS_AT_ONCE: usize = 16;

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
        let outcome = match opened.session().provision(&wire, how).await {
            Ok(Provisioned::Created(_)) => Ok(OneOutcome::Created(domain.clone())),
            Ok(Provisioned::Existed(_)) => Ok(OneOutcome::Existed(domain.clone())),
            // The answer was lost: whether the domain is there now decides.
            Err(Upstream::Ambiguous) => match opened.session().domain(domain.as_str()).await {
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
            match opened.session().domain(domain.as_str()).await {
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

    /// Checks the lines of a batch. Every error comes with its line; nothing is sent.
    pub fn check_batch(&self, input: &BatchInput) -> std::result::Result<Vec<Row>, Vec<inbound::import::LineError>> {
        let import = inbound::import::parse(&input.text, mailchannels::BATCH_MAX);
        if import.errors.is_empty() { Ok(import.rows) } else { Err(import.errors) }
    }

    /// Provisions a batch: one call, then what is read back decides row by row.
    pub async fn provision_batch(&self, asker: &Asker, input: &BatchInput) -> Result<BatchReport> {
        let rows = self.check_batch(input).map_err(|errors| {
            DeskError::Invalid(
                errors
                    .into_iter()
                    .map(|error| FieldError::new("text", format!("Line {}: {}", error.line, error.message)))
                    .collect(),
            )
        })?;
        let opened = self.open_own(&asker.person, &input.key).await.map_err(|error| match error {
            DeskError::NotFound(_) => DeskError::field("key", "Choose one of your keys."),
            other => other,
        })?;
        let mut intents = HashMap::new();
        for row in &rows {
            intents.insert(row.domain.as_str(), self.provision_intent(asker, &opened, row.domain.as_str()).await?);
        }
        let batch: Vec<_> = rows.iter().map(wire_row).collect();
        let how = Provision { associate_key: input.lock, overwrite: false };
        let answer = opened.session().provision_batch(&input.subscription, &batch, how).await;
        let outcomes = match answer {
            Ok(answer) => self.judge(&opened, &rows, said(&answer)).await,
            // The answer was lost: what is there now decides, and nothing is sent again.
            Err(Upstream::Ambiguous) => self.judge(&opened, &rows, HashMap::new()).await,
            Err(error) => {
                for intent in intents.values() {
                    self.conclude(*intent, &format!("failed: {error}")).await;
                }
                return Err(match error {
                    Upstream::NotYourSubscription { .. } => DeskError::field(
                        "subscription",
                        "That subscription is not this key's. None of the domains was provisioned.",
                    ),
                    other => other.into(),
                });
            }
        };
        for row in &outcomes {
            if let Some(intent) = intents.get(row.domain.as_str()) {
                let outcome = match row.state {
                    RowState::Created => "done".to_owned(),
                    RowState::Existed => "done: it existed, nothing was changed".to_owned(),
                    RowState::Incomplete => format!("done: {}", row.detail),
                    RowState::Failed => format!("failed: {}", row.detail),
                    RowState::Unknown => format!("unknown: {}", row.detail),
                };
                self.conclude(*intent, &outcome).await;
            }
        }
        if let Err(error) = self.sync_key(&opened.key.fingerprint).await {
            tracing::warn!(%error, "the mirror could not be refreshed after a batch");
        }
        Ok(BatchReport {
            at: self.now_ms(),
            key: opened.key.label,
            subscription: input.subscription.clone(),
            rows: outcomes,
        })
    }

    /// Decides every row from what the service said and what is there now; repairs servers that the
    /// batch call dropped (its field name is in doubt, see the API notes).
    async fn judge(&self, opened: &Opened, rows: &[Row], said: HashMap<String, Said>) -> Vec<RowOutcome> {
        let there: Option<HashMap<String, Domain>> = opened
            .session()
            .all_domains()
            .await
            .ok()
            .map(|domains| domains.into_iter().map(|domain| (mirror_of(&domain).name, domain)).collect());
        // Repairs are calls of their own, so that many are under way at once; the limiter paces them.
        let judged: Vec<_> =
            rows.iter().map(|row| self.judge_row(opened, row, said.get(row.domain.as_str()), there.as_ref())).collect();
        stream::iter(judged).buffered(REPAIRS_AT_ONCE).collect().await
    }

    async fn judge_row(
        &self,
        opened: &Opened,
        row: &Row,
        said: Option<&Said>,
        there: Option<&HashMap<String, Domain>>,
    ) -> RowOutcome {
        let name = row.domain.as_str();
        let (state, detail) = match (said, there.map(|there| there.get(name))) {
            (Some(Said::Error(code, comment)), _) => (RowState::Failed, refusal(*code, comment)),
            (Some(Said::Existed), _) => (RowState::Existed, "Exists; nothing was changed".to_owned()),
            (Some(Said::Created), Some(Some(domain))) => self.complete(opened, row, domain).await,
            (Some(Said::Created), _) => (RowState::Created, String::new()),
            (None, Some(Some(domain))) => {
                let (_, detail) = self.complete(opened, row, domain).await;
                let lost = "The answer was lost; it is provisioned now".to_owned();
                (RowState::Incomplete, if detail.is_empty() { lost } else { detail })
            }
            (None, Some(None)) => {
                (RowState::Failed, "MailChannels gave no outcome and does not list it. Provision it again".to_owned())
            }
            (None, None) => (
                RowState::Unknown,
                "The answer was lost and could not be read back. Look the domain up before trying again".to_owned(),
            ),
        };
        RowOutcome { line: row.line, domain: name.to_owned(), state, detail }
    }

    async fn complete(&self, opened: &Opened, row: &Row, now: &Domain) -> (RowState, String) {
        let Some(wanted) = row.servers.as_ref().filter(|servers| !servers.is_empty()) else {
            return (RowState::Created, String::new());
        };
        if servers_snapshot(&servers_of(&now.downstream_addresses).0) == servers_snapshot(wanted) {
            return (RowState::Created, String::new());
        }
        let wire: Vec<_> = wanted.iter().map(to_wire).collect();
        match opened.session().set_downstreams(row.domain.as_str(), &wire).await {
            Ok(_) => (RowState::Created, String::new()),
            Err(error) => (
                RowState::Incomplete,
                format!("Provisioned, but its servers were not set: {}", DeskError::Upstream(error).words().0),
            ),
        }
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

/// What the batch answer says of a row.
enum Said {
    Created,
    Existed,
    Error(i64, String),
}

/// Sorts the batch answer by domain: the array decides, any code is accepted.
fn said(answer: &mailchannels::BatchOutcome) -> HashMap<String, Said> {
    let name = |domain: &Domain| mirror_of(domain).name;
    let good = answer.successes.iter().map(|item| {
        let said = if item.code == 201 { Said::Created } else { Said::Existed };
        (name(&item.domain), said)
    });
    let bad = answer
        .errors
        .iter()
        .map(|item| (name(&item.domain), Said::Error(item.code, item.comment.clone().unwrap_or_default())));
    good.chain(bad).collect()
}

fn refusal(code: i64, comment: &str) -> String {
    let why = match code {
        400 => "MailChannels refused the name".to_owned(),
        409 => "Provisioned for another MailChannels customer".to_owned(),
        500 => "MailChannels failed on this one. Provision it again".to_owned(),
        other => format!("MailChannels answered {other}"),
    };
    if comment.is_empty() { why } else { format!("{why}. It said: “{comment}”") }
}

fn wire_row(row: &Row) -> BatchDomain {
    BatchDomain {
        domain: row.domain.as_str().to_owned(),
        downstream_address: row.servers.iter().flatten().map(to_wire).collect(),
        settings: row
            .policy
            .map(|policy| DomainSettings { abuse_policy: Some(policy.as_str().into()), ..DomainSettings::default() }),
        aliases: row.aliases.iter().map(|alias| alias.as_str().to_owned()).collect(),
        admins: row.admins.iter().map(ToString::to_string).collect(),
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
