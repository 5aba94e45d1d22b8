//! Recipients: created here only when they can't wait for their first mail.

use crate::{Asker, Desk, DeskError, FieldError, Whose, audit::Intent, error::Result};
use inbound::{
    lists::{Entry, lower, parse_batch},
    name::EmailAddress,
};
use mailchannels::{Error as Upstream, Filter, PutRecipient, RecipientOutcome};

/// The form, as typed.
#[derive(Clone, Debug, Default)]
pub struct RecipientInput {
    /// The address.
    pub address: String,
    /// A domain admin.
    pub admin: bool,
    /// `true`, `false` or `compute`.
    pub filter: String,
    /// First safelist entries.
    pub safelist: String,
    /// First blocklist entries.
    pub blocklist: String,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct RecipientReport {
    /// The recipient, with an alias resolved.
    pub address: EmailAddress,
    /// Whether it was made; else it existed and nothing was changed.
    pub created: bool,
    /// Whether its mail is filtered; none when the service does not say.
    pub filtered: Option<bool>,
    /// Entries that were wanted and are not among those the service reports.
    pub missing: Vec<String>,
}

fn entries(text: &str, field: &str, errors: &mut Vec<FieldError>) -> Vec<String> {
    let batch = parse_batch(text);
    for error in batch.errors {
        errors.push(FieldError::new(field, format!("Line {}: {}", error.line, error.message)));
    }
    batch.rows.into_iter().map(|row| row.item).collect()
}

impl Desk {
    /// Creates a recipient. An existing one is left as it is `[spec]`.
    pub async fn create_recipient(&self, asker: &Asker, input: &RecipientInput) -> Result<RecipientReport> {
        let mut errors = Vec::new();
        let address = EmailAddress::parse(&input.address)
            .map(|address| lower(&address))
            .map_err(|error| errors.push(FieldError::new("address", error.to_string())))
            .ok();
        let filter = match input.filter.as_str() {
            "true" => Filter::True,
            "false" => Filter::False,
            "compute" => Filter::Compute,
            _ => {
                errors.push(FieldError::new("filter", "Choose how its mail is filtered."));
                Filter::Compute
            }
        };
        let safelist = entries(&input.safelist, "safelist", &mut errors);
        let blocklist = entries(&input.blocklist, "blocklist", &mut errors);
        let Some(address) = address.filter(|_| errors.is_empty()) else {
            return Err(DeskError::Invalid(errors));
        };
        let (scope, opened) =
            self.reach_scope(&asker.person, &Whose::User(address)).await.map_err(|error| match error {
                DeskError::NotFound(_) => DeskError::field(
                    "address",
                    "None of your keys reaches its domain. Check the spelling, or provision the domain first.",
                ),
                other => other,
            })?;
        let Whose::User(address) = scope.whose else {
            return Err(DeskError::Storage);
        };
        let object = address.to_string();
        let intent = self
            .intend(
                asker,
                Intent {
                    action: "recipient.create",
                    object_kind: "recipient",
                    object: &object,
                    account: Some(&opened.key.account),
                    fingerprint: Some(&opened.key.fingerprint),
                    before: None,
                    after: None,
                },
            )
            .await?;
        let wanted = PutRecipient { email: object.clone(), admin: input.admin, filter, safelist, blocklist };
        let put = opened.session().put_recipient(&wanted).await;
        if put.is_ok() {
            self.note_recipient(&address).await;
        }
        match put {
            Ok(RecipientOutcome::Created { recipient, entries }) => {
                self.conclude(intent, "done").await;
                let has = |item: &String| entries.iter().any(|entry| Entry::read(&entry.item) == Entry::read(item));
                let missing =
                    wanted.safelist.iter().chain(&wanted.blocklist).filter(|item| !has(item)).cloned().collect();
                Ok(RecipientReport { address, created: true, filtered: recipient.filter, missing })
            }
            Ok(RecipientOutcome::Existed) => {
                self.conclude(intent, "done: it existed, nothing was changed").await;
                Ok(RecipientReport { address, created: false, filtered: None, missing: Vec::new() })
            }
            Err(error) => {
                let ended = if error == Upstream::Ambiguous { "unknown" } else { "failed" };
                self.conclude(intent, &format!("{ended}: {error}")).await;
                Err(match error {
                    Upstream::LimitReached { .. } => DeskError::field(
                        "filter",
                        "Not created: the limit of protected recipients is reached. Choose “unless the limit is reached”, which would leave it unfiltered, or “not filtered”; or raise the limit.",
                    ),
                    Upstream::NotFound { .. } => DeskError::field(
                        "address",
                        "Not created: MailChannels does not know its domain. Sync your keys.",
                    ),
                    other => other.into(),
                })
            }
        }
    }
}
