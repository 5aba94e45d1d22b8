//! What is done about a leaked key, one function a step. Each names the key, whose guide is the open one.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act, segment},
    },
    server::{
        actor::Need,
        flash::{Flash, Tone},
    },
};
use desk::{Heir, Pulse, Verified};
use inbound::words;
use leptos::server;

/// The page of a leaked key, at one of its sections.
pub fn rescue_page(key: &str, section: &str) -> String {
    let mark = if section.is_empty() { "" } else { "#" };
    format!("/keys/{}/leaked{mark}{section}", segment(key))
}

fn said(tone: Tone, title: impl Into<String>, detail: impl Into<String>) -> Flash {
    Flash { tone, title: title.into(), detail: detail.into(), ..Flash::default() }
}

/// Begins, or goes on where it stopped.
#[server(prefix = "/do", endpoint = "rescue/begin")]
pub async fn begin_rescue(id: String, #[server(default)] since: String) -> Result<(), AppError> {
    let form = Form::new("begin", rescue_page(&id, "")).typed("since", &since);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        desk.begin_rescue(&asker, &id, &since).await?;
        Ok(Next::say(rescue_page(&id, ""), Flash::done("The guide is started. Nothing was changed yet.")))
    })
    .await
}

/// Chooses the key that takes over.
#[server(prefix = "/do", endpoint = "rescue/key")]
pub async fn choose_new_key(id: String, #[server(default)] key: String) -> Result<(), AppError> {
    let form = Form::new("choose", rescue_page(&id, "new-key")).typed("key", &key);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        desk.choose_new_key(&asker, &id, &key).await?;
        Ok(Next::say(rescue_page(&id, ""), Flash::done("The new key is chosen. Nothing was moved yet.")))
    })
    .await
}

/// Stores a key and lets it take over.
#[server(prefix = "/do", endpoint = "rescue/add-key")]
pub async fn add_new_key(
    id: String,
    #[server(default)] label: String,
    #[server(default)] secret: String,
) -> Result<(), AppError> {
    // The secret is not among what is kept: a rejected key is pasted again.
    let form = Form::new("add", rescue_page(&id, "new-key")).typed("label", &label);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        let heir = desk.add_new_key(&asker, &id, &label, &secret).await?;
        let label = label.trim();
        Ok(match heir {
            Heir::Chosen => {
                let title = format!("{label} is stored and takes over. Nothing was moved yet.");
                Next::say(rescue_page(&id, ""), Flash::done(title))
            }
            Heir::OfAnotherAccount => {
                let title = format!("{label} is stored, but belongs to another account, so it cannot take over.");
                let next = "Add a key of the leaked key’s account. This one stays under API keys until you remove it.";
                Next::say(rescue_page(&id, "new-key"), said(Tone::Warn, title, next))
            }
            Heir::NotChosen => {
                let title =
                    format!("{label} is stored, but does not take over: the guide went on elsewhere meanwhile.");
                let next = "Look at what is chosen now; choose this one if it is to take over.";
                Next::say(rescue_page(&id, "new-key"), said(Tone::Warn, title, next))
            }
        })
    })
    .await
}

/// Notes that the moves were made.
#[server(prefix = "/do", endpoint = "rescue/moved")]
pub async fn rescue_moved(id: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("moved", rescue_page(&id, "")), async move |desk, asker| {
        desk.rescue_moved(&asker, &id, None).await?;
        Ok(Next::say(rescue_page(&id, ""), said(Tone::Info, "Noted. Now ask both keys what they see.", "")))
    })
    .await
}

fn verified(found: &Verified, leave: bool) -> Flash {
    let moved = &found.moved;
    let count = |set: &std::collections::BTreeSet<String>| words::count(set.len() as u64, "domain", "domains");
    let missing = if moved.missing.is_empty() {
        String::new()
    } else {
        format!(" {} of the old key’s not seen by either: look at them below.", count(&moved.missing))
    };
    if found.old_is_dead {
        let title = "MailChannels rejects the old key already: nobody can use it any more.";
        return said(
            Tone::Ok,
            title,
            format!(
                "Its domains are free to any key of the account. Lock them to the new key, or they stay free.{missing}"
            ),
        );
    }
    if moved.is_clean() {
        let title = format!("{} moved: the old key sees none of them any more.", count(&moved.moved));
        return said(if missing.is_empty() { Tone::Ok } else { Tone::Warn }, title, missing.trim().to_owned());
    }
    let still = moved.open.len() + moved.left.len();
    let still = words::count(still as u64, "domain", "domains");
    let title = format!("{} moved; the old key still sees {still}.", count(&moved.moved));
    let next = if leave {
        "You leave them: they are open to whoever has the old key until it is deleted, then free."
    } else {
        "Move the rest, then ask again."
    };
    said(Tone::Warn, title, format!("{next}{missing}"))
}

/// Asks both keys what they see.
#[server(prefix = "/do", endpoint = "rescue/verify")]
pub async fn rescue_verify(id: String, #[server(default)] leave: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("verify", rescue_page(&id, "")), async move |desk, asker| {
        let leave = leave == "yes";
        let found = desk.rescue_verify(&asker, &id, leave).await?;
        Ok(Next::say(rescue_page(&id, ""), verified(&found, leave)))
    })
    .await
}

/// Reads domains and account lists afresh, to find what changed.
#[server(prefix = "/do", endpoint = "rescue/compare")]
pub async fn rescue_compare(id: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("compare", rescue_page(&id, "")), async move |desk, asker| {
        desk.rescue_compare(&asker, &id).await?;
        let title = "The domains and the account’s lists are read afresh.";
        Ok(Next::say(
            rescue_page(&id, ""),
            said(Tone::Ok, title, "What changed and was not done here is listed below."),
        ))
    })
    .await
}

fn pulse(pulse: Pulse) -> Flash {
    match pulse {
        Pulse::Dead => Flash::done("The old key is dead: MailChannels rejects it."),
        Pulse::Alive => said(
            Tone::Bad,
            "MailChannels still takes the old key.",
            "Delete it in the Host Console: check its last four characters there, then check again here.",
        ),
        Pulse::Unknown((what, _)) => said(
            Tone::Warn,
            format!("Not known: {}", what.trim_start_matches("Not done: ")),
            "Only a rejection proves that the key is dead. Check again in a minute; nothing else is lost.",
        ),
    }
}

/// Notes that the old key was deleted, and checks it.
#[server(prefix = "/do", endpoint = "rescue/deleted")]
pub async fn rescue_deleted(id: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("deleted", rescue_page(&id, "")), async move |desk, asker| {
        let found = desk.rescue_deleted(&asker, &id).await?;
        Ok(Next::say(rescue_page(&id, ""), pulse(found)))
    })
    .await
}

/// Checks whether the old key is dead.
#[server(prefix = "/do", endpoint = "rescue/check")]
pub async fn rescue_check(id: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("check", rescue_page(&id, "")), async move |desk, asker| {
        let found = desk.rescue_check(&asker, &id).await?;
        Ok(Next::say(rescue_page(&id, ""), pulse(found)))
    })
    .await
}

/// Removes the dead key from Sluice, and ends the guide.
#[server(prefix = "/do", endpoint = "rescue/remove")]
pub async fn rescue_remove(id: String, #[server(default)] typed: String) -> Result<(), AppError> {
    let form = Form::new("remove", rescue_page(&id, "done")).typed("typed", &typed);
    act(Need::ChangeDomains, form, async move |desk, asker| {
        desk.rescue_remove(&asker, &id, &typed).await?;
        Ok(Next::say("/keys", Flash::done("The leaked key is dead, and removed from Sluice.")))
    })
    .await
}

/// Ends the guide, finished or not.
#[server(prefix = "/do", endpoint = "rescue/close")]
pub async fn close_rescue(id: String) -> Result<(), AppError> {
    act(Need::ChangeDomains, Form::new("close", rescue_page(&id, "")), async move |desk, asker| {
        desk.close_rescue(&asker, &id).await?;
        Ok(Next::say("/keys", said(Tone::Info, "The guide is closed. Nothing else was changed.", "")))
    })
    .await
}
