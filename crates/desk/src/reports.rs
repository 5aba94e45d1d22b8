//! Reports of misjudged messages. The message itself passes through; only that it was reported is kept.

use crate::{
    Asker, Desk, DeskError, Person, Whose,
    audit::Intent,
    error::{Result, may_be_done},
    lists::Scope,
};
use futures::Stream;
use inbound::name::EmailAddress;
use mailchannels::{Envelope, Error as Upstream, EscapedMessage, ReportType, SendingHost};
use store::ReportRow;

/// What is said about a message.
#[derive(Clone, Debug, Default)]
pub struct ReportInput {
    /// `false_positive` or `false_negative`.
    pub kind: String,
    /// The envelope's recipient: its domain decides which key speaks.
    pub rcpt_to: String,
    /// The envelope's sender; empty is not sent.
    pub mail_from: String,
    /// The name the sending host gave; empty is not sent.
    pub ehlo: String,
    /// The sending host; empty is not sent.
    pub host: String,
    /// The subject, to be hashed.
    pub subject: String,
}

/// A report that can be sent.
#[derive(Clone, Debug)]
pub struct ReportPlan {
    kind: ReportType,
    /// The recipient, as the message has it.
    pub recipient: EmailAddress,
    /// Whose mail it was.
    pub scope: Scope,
}

/// The outcome of a report that is being sent.
const UNDER_WAY: &str = "under way";

/// The spec's limit of a field is not said; RFC 5321 4.5.3.1.2 has 255 for names.
const FIELD_MAX: usize = 320;

impl Desk {
    /// Checks what can be checked before anything is sent.
    pub async fn plan_report(&self, person: &Person, input: &ReportInput) -> Result<ReportPlan> {
        let kind = match input.kind.as_str() {
            "false_positive" => ReportType::FalsePositive,
            "false_negative" => ReportType::FalseNegative,
            _ => return Err(DeskError::field("kind", "Choose what was wrong.")),
        };
        for (field, value) in [("mail_from", &input.mail_from), ("ehlo", &input.ehlo), ("host", &input.host)] {
            if value.len() > FIELD_MAX || value.chars().any(char::is_control) {
                return Err(DeskError::field(field, "That is too long or has control characters. Leave it empty."));
            }
        }
        let recipient = EmailAddress::parse(&input.rcpt_to).map_err(|error| {
            let text = if input.rcpt_to.trim().is_empty() {
                "The message does not say for whom it was. Enter the recipient's address.".to_owned()
            } else {
                error.to_string()
            };
            DeskError::field("rcpt_to", text)
        })?;
        let scope = match self.scope(person, &Whose::User(recipient.clone())).await {
            Err(DeskError::NotFound(_)) => {
                return Err(DeskError::field(
                    "rcpt_to",
                    format!(
                        "None of your keys reaches {}. Enter the recipient at a domain of yours that the message was for.",
                        recipient.domain()
                    ),
                ));
            }
            other => other?,
        };
        Ok(ReportPlan { kind, recipient, scope })
    }

    /// Sends a report. The inner error is what the service said to it, or didn't, and what to do; with any other,
    /// nothing was sent.
    pub async fn send_report(
        &self,
        asker: &Asker,
        input: &ReportInput,
        plan: &ReportPlan,
        message: EscapedMessage<impl Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static>,
    ) -> Result<std::result::Result<(), (String, String)>> {
        let (scope, opened) = self.reach_scope(&asker.person, &plan.scope.whose).await?;
        let domain = scope.row.as_ref().map(|row| row.name.clone()).unwrap_or_default();
        let intent = self
            .intend(
                asker,
                Intent {
                    action: "report",
                    object_kind: "domain",
                    object: &domain,
                    account: Some(&opened.key.account),
                    fingerprint: Some(&opened.key.fingerprint),
                    before: None,
                    after: None,
                },
            )
            .await?;
        let row = ReportRow {
            at: self.now_ms(),
            person_id: asker.person.id.clone(),
            person_name: asker.person.name.clone(),
            kind: input.kind.clone(),
            domain,
            subject_hash: self.0.master.subject(&input.subject),
            outcome: UNDER_WAY.into(),
        };
        let logged = self.0.store.add_report(&row).await?;
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let envelope = Envelope {
            ehlo: some(&input.ehlo),
            mail_from: some(&input.mail_from),
            rcpt_to: Some(plan.recipient.to_string()),
        };
        let host = some(&input.host).map(|name| SendingHost { name });
        let sent = opened.session().report_stream(plan.kind, Some(&envelope), host.as_ref(), message).await;
        let outcome = match &sent {
            Ok(()) => "done".to_owned(),
            Err(error) if may_be_done(error) => format!("unknown: {error}"),
            Err(error) => format!("failed: {error}"),
        };
        self.conclude(intent, &outcome).await;
        // The act is past: a failure to note it must not read as one of the act.
        if let Err(error) = self.0.store.conclude_report(logged, &outcome).await {
            tracing::error!(%error, logged, outcome, "a report's outcome could not be recorded");
        }
        match sent {
            // No connection was made, or none was tried: nothing left Sluice.
            Err(error @ (Upstream::Unavailable { status: None } | Upstream::BreakerOpen)) => {
                Err(DeskError::before(error))
            }
            sent => Ok(sent.map_err(|error| words(&error))),
        }
    }

    /// At start: what was being sent when the program stopped may have arrived or not.
    pub async fn settle_reports(&self) -> Result<()> {
        Ok(self.0.store.settle_reports(UNDER_WAY, "unknown: Sluice stopped while it was sent").await?)
    }

    /// A person's last reports.
    pub async fn reports(&self, person: &Person) -> Result<Vec<ReportRow>> {
        Ok(self.0.store.reports_of(&person.id, 50).await?)
    }
}

/// What a refusal means here, and what to do.
fn words(error: &Upstream) -> (String, String) {
    let quoted = |message: &str| {
        if message.is_empty() { String::new() } else { format!(" It said: “{message}”.") }
    };
    match error {
        Upstream::Invalid { messages } => (
            format!("Not reported: MailChannels can't read it as a message.{}", quoted(&messages.join(" "))),
            "Send the original with all its headers, saved from the mail program, not a forwarded copy.".into(),
        ),
        Upstream::NotYours { message } => (
            format!("Not reported: MailChannels says the message was not for this customer.{}", quoted(message)),
            "Check the recipient. If the domain belongs to another account of yours, report it with a key of that account.".into(),
        ),
        Upstream::Forbidden { message } => (
            format!("Not reported: the key may not report for this domain: it is locked to another key.{}", quoted(message)),
            "Sync your keys, then report it again.".into(),
        ),
        Upstream::NotFound { message } => (
            format!("Not reported: MailChannels does not know this message.{}", quoted(message)),
            "It compares with the mail it saw. Send the untouched original; if it is some weeks old, or did not come through the filter, it can't be reported.".into(),
        ),
        error if may_be_done(error) => {
            let why = match error {
                Upstream::Ambiguous => "The answer was lost",
                Upstream::Timeout => "MailChannels did not answer in time",
                Upstream::RateLimited => "MailChannels is limiting requests just now, or is not available",
                _ => "MailChannels did not answer properly",
            };
            (
                format!("{why}, so the message may or may not have been reported."),
                "Report it again in a minute: at worst MailChannels has the same message twice, and nothing else changes."
                    .into(),
            )
        }
        other => DeskError::Upstream(other.clone()).words(),
    }
}
