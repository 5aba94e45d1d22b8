//! A person's own keys.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act, segment},
    },
    server::{actor::Need, flash::Flash},
};
use desk::FirstSync;
use leptos::server;

/// Stores a key after checking it.
#[server(prefix = "/do", endpoint = "keys/add")]
pub async fn add_key(label: String, secret: String, #[server(default)] reason: String) -> Result<(), AppError> {
    // The secret is not among what is kept: a rejected key is pasted again.
    let form = Form::new("add", "/keys#add").typed("label", &label).reason(&reason);
    act(Need::StoreKeys, form, async move |desk, asker| {
        let read = match desk.add_key(&asker, &label, &secret).await? {
            FirstSync::Done => "Its domains are in the list.",
            FirstSync::UnderWay => "Its domains are being read: look again in a minute.",
            FirstSync::Failed => "Its domains could not be read yet, which is tried again by itself.",
        };
        Ok(Next::say("/keys", Flash::done(format!("{} is stored. {read}", label.trim()))))
    })
    .await
}

/// Gives a key another label.
#[server(prefix = "/do", endpoint = "keys/rename")]
pub async fn rename_key(id: String, label: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = Form::new("rename", format!("/keys/{}#rename", segment(&id))).typed("label", &label).reason(&reason);
    act(Need::OwnKeys, form, async move |desk, asker| {
        desk.rename_key(&asker, &id, &label).await?;
        Ok(Next::say("/keys", Flash::done(format!("The key is called {} now.", label.trim()))))
    })
    .await
}

/// Replaces a key's secret.
#[server(prefix = "/do", endpoint = "keys/replace")]
pub async fn replace_key(id: String, secret: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = Form::new("replace", format!("/keys/{}#replace", segment(&id))).reason(&reason);
    act(Need::StoreKeys, form, async move |desk, asker| {
        desk.replace_key(&asker, &id, &secret).await?;
        Ok(Next::say(
            "/keys",
            Flash::done("The key is replaced. The old one is forgotten here; delete it in the Host Console."),
        ))
    })
    .await
}

/// Removes a key from Sluice.
#[server(prefix = "/do", endpoint = "keys/remove")]
pub async fn remove_key(id: String, typed: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = Form::new("remove", format!("/keys/{}#remove", segment(&id))).typed("typed", &typed).reason(&reason);
    act(Need::OwnKeys, form, async move |desk, asker| {
        desk.remove_key(&asker, &id, &typed).await?;
        Ok(Next::say("/keys", Flash::done("The key is removed from Sluice. At MailChannels nothing changed.")))
    })
    .await
}

/// Lets others use a key.
#[server(prefix = "/do", endpoint = "keys/share")]
pub async fn share_key(
    id: String,
    #[server(default)] with: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let page = format!("/keys/{}#share", segment(&id));
    let form = Form::new("share", page.clone()).typed("with", &with).reason(&reason);
    act(Need::StoreKeys, form, async move |desk, asker| {
        desk.share_key(&asker, &id, &with).await?;
        Ok(Next::say(page, Flash::done("They may use the key now. They never see it.")))
    })
    .await
}

/// Withdraws a share.
#[server(prefix = "/do", endpoint = "keys/unshare")]
pub async fn withdraw_share(id: String, #[server(default)] share: String) -> Result<(), AppError> {
    let page = format!("/keys/{}#share", segment(&id));
    act(Need::OwnKeys, Form::new("share", page.clone()), async move |desk, asker| {
        let flash = if desk.withdraw_share(&asker, &id, &share).await? {
            Flash::done("Withdrawn. The key can't be used by them any more.")
        } else {
            Flash {
                tone: crate::server::flash::Tone::Info,
                title: "That was withdrawn already.".into(),
                ..Flash::default()
            }
        };
        Ok(Next::say(page, flash))
    })
    .await
}

/// Mirrors all of one's keys now.
#[server(prefix = "/do", endpoint = "keys/sync")]
pub async fn sync_keys(#[server(default)] back: String) -> Result<(), AppError> {
    let back = crate::server::actor::local_path(&back).unwrap_or("/domains").to_owned();
    act(Need::Read, Form::new("sync", back.clone()), async move |desk, asker| {
        desk.sync_own(&asker.person).await?;
        Ok(Next::to(back))
    })
    .await
}
