//! Provisioning.

#![expect(clippy::too_many_arguments, reason = "a form has as many fields as it has")]
#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        domains::{ServerRow, fields},
        error::AppError,
        forms::{Form, Next, act, domain_page},
    },
    server::{
        actor::Need,
        flash::{self, Flash, Tone},
    },
};
use desk::{BatchInput, OneInput, OneOutcome};
use inbound::settings::SettingsFields;
use leptos::server;

/// Kind of the draft that keeps a batch until it is confirmed.
pub const BATCH_DRAFT: &str = "batch";
/// Kind of the draft that keeps a batch's outcome.
pub const BATCH_REPORT: &str = "batch-report";

/// Provisions one domain.
#[server(prefix = "/do", endpoint = "provision/one")]
pub async fn provision_one(
    #[server(default)] key: String,
    #[server(default)] subscription: String,
    #[server(default)] lock: String,
    #[server(default)] domain: String,
    #[server(default)] policy: String,
    #[server(default)] override_recipient: String,
    #[server(default)] header_name: String,
    #[server(default)] header_value: String,
    #[server(default)] servers: Vec<ServerRow>,
    #[server(default)] aliases: String,
    #[server(default)] admins: String,
) -> Result<(), AppError> {
    let mut form = Form::new("one", "/provision").typed("servers", serde_json::to_string(&servers).unwrap_or_default());
    for (field, value) in [
        ("key", &key),
        ("subscription", &subscription),
        ("lock", &lock),
        ("domain", &domain),
        ("policy", &policy),
        ("override_recipient", &override_recipient),
        ("header_name", &header_name),
        ("header_value", &header_value),
        ("aliases", &aliases),
        ("admins", &admins),
    ] {
        form = form.typed(field, value);
    }
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let input = OneInput {
            key,
            subscription,
            lock: !lock.is_empty(),
            domain,
            settings: SettingsFields { policy, override_recipient, header_name, header_value },
            servers: servers.iter().map(fields).collect(),
            aliases,
            admins,
        };
        let (name, flash) = match desk.provision_one(&asker, &input).await? {
            OneOutcome::Created(name) => {
                let detail = "Point its MX records at MailChannels once its servers are right.".to_owned();
                let flash = Flash { detail, ..Flash::done(format!("{name} is provisioned.")) };
                (name, flash)
            }
            OneOutcome::Existed(name) => {
                let flash = Flash {
                    tone: Tone::Info,
                    title: format!("{name} was provisioned already; nothing was changed."),
                    detail: "What it has is shown below; change it there.".into(),
                    ..Flash::default()
                };
                (name, flash)
            }
        };
        Ok(Next::say(domain_page(name.as_str(), ""), flash))
    })
    .await
}

/// Checks a batch and shows it before anything is sent.
#[server(prefix = "/do", endpoint = "provision/check")]
pub async fn check_batch(
    #[server(default)] key: String,
    #[server(default)] subscription: String,
    #[server(default)] lock: String,
    #[server(default)] text: String,
) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("batch", "/provision/many"), async move |desk, asker| {
        let input = BatchInput { key, subscription, lock: !lock.is_empty(), text };
        let id = flash::keep_as(&desk, &asker.person, BATCH_DRAFT, &input).await?;
        Ok(Next::to(format!("/provision/many?draft={id}")))
    })
    .await
}

/// Sends a checked batch.
#[server(prefix = "/do", endpoint = "provision/send")]
pub async fn send_batch(draft: String, #[server(default)] typed: String) -> Result<(), AppError> {
    let page = format!("/provision/many?draft={}", crate::api::forms::segment(&draft));
    act(Need::ChangeDomains, Form::new("send", page).typed("typed", &typed), async move |desk, asker| {
        let input: BatchInput =
            flash::kept(&desk, &asker.person, BATCH_DRAFT, &draft).await.ok_or(desk::DeskError::Stale)?;
        let rows = desk.check_batch(&input).map_or(0, |rows| rows.len());
        if rows > 10 && typed.trim().replace(',', "") != rows.to_string() {
            return Err(desk::DeskError::field("typed", format!("Type {rows} to provision {rows} domains.")));
        }
        // The draft is spent before the wire: a second press of the button finds nothing to send.
        if !desk.store().take_draft(&draft, &asker.person.id, BATCH_DRAFT).await? {
            return Err(desk::DeskError::Stale);
        }
        let report = match desk.provision_batch(&asker, &input).await {
            Ok(report) => report,
            Err(error) => {
                flash::put_back(&desk, &asker.person, BATCH_DRAFT, &draft, &input).await?;
                return Err(error);
            }
        };
        let id = flash::keep_as(&desk, &asker.person, BATCH_REPORT, &report).await?;
        Ok(Next::to(format!("/provision/outcome/{id}")))
    })
    .await
}
