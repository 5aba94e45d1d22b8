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
        flash::{Flash, Tone},
    },
};
use desk::{OneInput, OneOutcome};
use inbound::settings::SettingsFields;
use leptos::server;

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
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let mut form = Form::new("one", "/provision")
        .typed("servers", serde_json::to_string(&servers).unwrap_or_default())
        .reason(&reason);
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
    let typed = form.typed.clone();
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
            OneOutcome::Lost(name) => {
                let flash = Flash {
                    tone: Tone::Warn,
                    title: format!("{name} is provisioned now; whether this request did it is not known, because the answer was lost."),
                    detail: "Compare below what it has with what you typed.".into(),
                    ..Flash::default()
                };
                (name, flash)
            }
            OneOutcome::Absent((title, detail)) | OneOutcome::Unknown((title, detail)) => {
                let flash = Flash { form: "one".into(), tone: Tone::Bad, title, detail, typed, ..Flash::default() };
                return Ok(Next::say("/provision", flash));
            }
        };
        Ok(Next::say(domain_page(name.as_str(), ""), flash))
    })
    .await
}
