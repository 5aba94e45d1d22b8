//! Recipients: created here only when they can't wait for their first mail.

use crate::{Asker, Desk, DeskError, FieldError, Target, Whose, audit::Intent, error::Result};
use inbound::{
    lists::{Entry, List, Tier, lower, parse_batch},
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
    /// The entries, as [`Self::entries`] has them, that were sent again after their warnings.
    pub sure: String,
}

impl RecipientInput {
    /// Both lists as one text: a yes to other entries is none to these.
    pub fn entries(&self) -> String {
        format!("{}\n/\n{}", self.safelist.trim(), self.blocklist.trim()).replace('\r', "")
    }
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
    /// The answer was lost: it exists now, made just now or before.
    pub lost: bool,
}

/// The entries of one list. A line that says it belongs elsewhere, as an export does, is refused: here it would
/// land on the wrong list.
fn entries(text: &str, list: List, errors: &mut Vec<FieldError>) -> Vec<String> {
    let batch = parse_batch(text);
    let mut wrong: Vec<_> = batch.errors.into_iter().map(|error| (error.line, error.message)).collect();
    let mut items = Vec::new();
    for row in batch.rows {
        match row.place {
            Some(place) if place != (Tier::User, list) => {
                let (tier, other) = (place.0.as_str(), place.1.as_str());
                wrong.push((row.line, format!("“{}” is of a {tier} {other}. Add it on the Lists page.", row.item)));
            }
            _ => items.push(row.item),
        }
    }
    wrong.sort();
    errors.extend(wrong.into_iter().map(|(line, said)| FieldError::new(list.as_str(), format!("Line {line}: {said}"))));
    items
}

/// How mail is filtered, by the form's word.
fn filter(word: &str) -> Option<Filter> {
    Some(match word {
        "true" => Filter::True,
        "false" => Filter::False,
        "compute" => Filter::Compute,
        _ => return None,
    })
}

impl Desk {
    /// Creates a recipient. An existing one is left as it is `[spec]`.
    pub async fn create_recipient(&self, asker: &Asker, input: &RecipientInput) -> Result<RecipientReport> {
        let mut errors = Vec::new();
        let address = EmailAddress::parse(&input.address)
            .map(|address| lower(&address))
            .map_err(|error| errors.push(FieldError::new("address", error.to_string())))
            .ok();
        let filter = filter(&input.filter).unwrap_or_else(|| {
            errors.push(FieldError::new("filter", "Choose how its mail is filtered."));
            Filter::Compute
        });
        let safelist = entries(&input.safelist, List::Safelist, &mut errors);
        let blocklist = entries(&input.blocklist, List::Blocklist, &mut errors);
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
        if input.sure.replace('\r', "") != input.entries() {
            self.first_entries_are_fine(asker, &address, &safelist, &blocklist).await?;
        }
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
        let put = opened.changing().put_recipient(&wanted).await;
        if put.is_ok() {
            self.note_recipient(&address).await;
        }
        match put {
            Ok(RecipientOutcome::Created { recipient, entries }) => {
                self.conclude(intent, "done").await;
                let has = |item: &String| entries.iter().any(|entry| Entry::read(&entry.item) == Entry::read(item));
                let missing =
                    wanted.safelist.iter().chain(&wanted.blocklist).filter(|item| !has(item)).cloned().collect();
                Ok(RecipientReport { address, created: true, filtered: recipient.filter, missing, lost: false })
            }
            Ok(RecipientOutcome::Existed) => {
                self.conclude(intent, "done: it existed, nothing was changed").await;
                Ok(RecipientReport { address, created: false, filtered: None, missing: Vec::new(), lost: false })
            }
            Err(error @ (Upstream::Ambiguous | Upstream::Timeout | Upstream::Unavailable { .. })) => {
                // It may have been made: whether it is there now can be read, whether it was before cannot.
                match opened.changing().user_list(&object, mailchannels::ListName::Safelist).await {
                    Ok(_) => {
                        self.conclude(intent, &format!("unknown: {error}; it exists when read back")).await;
                        Ok(RecipientReport { address, created: false, filtered: None, missing: Vec::new(), lost: true })
                    }
                    Err(Upstream::NotFound { .. }) => {
                        self.conclude(intent, &format!("failed: {error}; it does not exist when read back")).await;
                        Err(DeskError::field(
                            "address",
                            "Not created: MailChannels did not answer in time, and does not know it when asked again. Try again in a minute.",
                        ))
                    }
                    Err(_) => {
                        self.conclude(intent, &format!("unknown: {error}")).await;
                        Err(error.into())
                    }
                }
            }
            Err(error) => {
                self.conclude(intent, &format!("failed: {error}")).await;
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

    /// Warns of first entries as of any others, beside their fields; the form comes again with a yes to them.
    async fn first_entries_are_fine(
        &self,
        asker: &Asker,
        address: &EmailAddress,
        safelist: &[String],
        blocklist: &[String],
    ) -> Result<()> {
        let of = |list: List, items: &[String]| {
            let whose = Whose::User(address.clone());
            items.iter().map(|item| Target { whose: whose.clone(), list, item: item.clone() }).collect::<Vec<_>>()
        };
        let mut errors = Vec::new();
        for (list, items) in [(List::Safelist, safelist), (List::Blocklist, blocklist)] {
            for (item, warning) in self.careful_with(&asker.person, &of(list, items)).await? {
                errors.push(FieldError::new(list.as_str(), format!("{item}: {}", warning.words())));
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        errors.push(FieldError::new("sure", "Nothing was sent yet. Look at the warnings above."));
        Err(DeskError::Invalid(errors))
    }
}
