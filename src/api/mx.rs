//! MX records of one domain: look up now, mute, unmute.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act, domain_page},
    },
    server::{
        actor::Need,
        flash::{Flash, Tone},
    },
};
use leptos::server;
use mx::Verdict;

fn info(title: impl Into<String>) -> Flash {
    Flash { tone: Tone::Info, title: title.into(), ..Flash::default() }
}

/// Looks a domain's MX records up now.
#[server(prefix = "/do", endpoint = "mx/check")]
pub async fn check_mx(name: String) -> Result<(), AppError> {
    act(Need::Read, Form::new("mx", domain_page(&name, "mx")), async move |desk, asker| {
        let flash = match desk.check_mx(&asker, &name).await? {
            None => info("MX records are not checked here: that is switched off in the configuration."),
            Some(found) if found.verdict == Verdict::Unknown => Flash {
                tone: Tone::Warn,
                title: "DNS gave no answer.".into(),
                detail: "What was known before is shown with its age. Check again in a minute.".into(),
                ..Flash::default()
            },
            Some(_) => Flash::done("The MX records are looked up."),
        };
        Ok(Next::say(domain_page(&name, "mx"), flash))
    })
    .await
}

/// Mutes a domain's MX verdict.
#[server(prefix = "/do", endpoint = "mx/mute")]
pub async fn mute_mx(name: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("mx", domain_page(&name, "mx")), async move |desk, asker| {
        let flash = if desk.mute_mx(&asker, &name).await? {
            Flash::done("Its MX records are muted. They are still checked, but shown without colour.")
        } else {
            info("Nothing to change: they are muted already.")
        };
        Ok(Next::say(domain_page(&name, "mx"), flash))
    })
    .await
}

/// Ends a mute.
#[server(prefix = "/do", endpoint = "mx/unmute")]
pub async fn unmute_mx(name: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("mx", domain_page(&name, "mx")), async move |desk, asker| {
        let flash = if desk.unmute_mx(&asker, &name).await? {
            Flash::done("Its MX records are no longer muted.")
        } else {
            info("Nothing to change: they are not muted.")
        };
        Ok(Next::say(domain_page(&name, "mx"), flash))
    })
    .await
}
