//! Provision one domain with all its sections.

use crate::{
    components::{
        Cx, Field, Icon, SelectField, TextArea, alert, empty, field_error, icon, note, page, page::Page, reason_field,
    },
    islands::ServersEditor,
    pages::domain::{server_lines, spam_fields},
    server::actor::Need,
};
use desk::{KeyRef, SubscriptionView};
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn ProvisionOne() -> impl IntoView {
    page("/provision", Need::ChangeDomains, async |cx: Arc<Cx>| {
        let keys = cx.keys().await?.refs();
        if keys.is_empty() {
            return Ok(Page::new("Provision domain", no_key()));
        }
        let accounts = cx.desk.subscriptions(&cx.actor.person).await?;
        Ok(Page::new("Provision domain", body(&cx, &keys, &accounts)))
    })
}

/// What is shown to somebody without a key.
pub fn no_key() -> impl IntoView {
    let action = view! { <a class="btn btn-primary" href="/keys#add">{icon(Icon::Plus)}"Add a key"</a> }.into_any();
    view! { <h1>"Provision"</h1>{empty(Icon::KeyRound, "Add a key first", "A domain is provisioned with one of your keys.", Some(action))} }
}

/// The choice of key and subscription, for one domain or many.
pub fn with_which(
    cx: &Cx,
    form: &'static str,
    keys: &[KeyRef],
    accounts: &[SubscriptionView],
    chosen: (&str, &str, bool),
) -> impl IntoView + use<> {
    let key_options = keys.iter().map(|key| (key.id.clone(), key.label.clone())).collect();
    let mut handles: Vec<(String, String)> = accounts
        .iter()
        .filter_map(|account| account.subscriptions.as_ref().ok())
        .flatten()
        .map(|subscription| {
            (subscription.handle.clone(), format!("{}, {}", subscription.handle, subscription.plan.name))
        })
        .collect();
    let (key, subscription, lock) = chosen;
    // What was chosen before is kept, also where it can't be read this time.
    if !subscription.is_empty() && handles.iter().all(|(handle, _)| handle != subscription) {
        handles.push((subscription.to_owned(), subscription.to_owned()));
    }
    if handles.len() != 1 {
        handles.insert(0, (String::new(), "Choose a subscription".to_owned()));
    }
    let unread = accounts
        .iter()
        .filter_map(|account| {
            let (what, next) = account.subscriptions.as_ref().err()?;
            let of = if account.account.is_empty() { &account.key.label } else { &account.account };
            let title = format!("The subscriptions of {of} could not be read");
            Some(alert("warn", title, format!("{what} {next}"), None))
        })
        .collect_view();
    view! {
        <SelectField name="key" form=form label="Key" options=key_options value=key error=cx.error(form, "key")/>
        <label class="check">
            <input type="checkbox" name="lock" value="true" checked=lock/>
            <span>"Lock to this key"<small>"No other key can then read or change it"</small></span>
        </label>
        <SelectField name="subscription" form=form label="Subscription" options=handles value=subscription error=cx.error(form, "subscription")
            hint="Its limit counts this domain."/>
        {unread}
    }
}

fn body(cx: &Cx, keys: &[KeyRef], accounts: &[SubscriptionView]) -> impl IntoView + use<> {
    let typed = |field: &str, value: &str| cx.typed("one", field, value);
    let again = cx.again("one");
    let lock = if again { !typed("lock", "").is_empty() } else { true };
    let (before, rows) = server_lines(cx, "one", &[]);
    let domain = typed("domain", cx.query("domain").unwrap_or_default());
    let policy = if again { typed("policy", "") } else { "quarantine".to_owned() };
    view! {
        <div class="row page-head">
            <div><h1>"Provision domain"</h1><p>"Set its servers first, then point its MX records at MailChannels. A domain that exists already is not changed."</p></div>
            <a class="btn" href="/bulk/provision">{icon(Icon::Upload)}"Provision many"</a>
        </div>
        {note(cx.flash.as_ref())}
        <form class="split" method="post" action="/do/provision/one">
            <div class="stack">
                <section class="card"><div class="body stack">
                    <Field name="domain" form="one" label="Domain" mono=true value=domain error=cx.error("one", "domain") hint="Without http or a path"/>
                </div></section>
                <section class="card" aria-labelledby="h-srv">
                    <header><h2 id="h-srv">"Downstream servers"</h2></header>
                    <ServersEditor before=before rows=rows editable=true/>
                    {field_error("one-servers-err".into(), cx.error("one", "servers"))}
                </section>
                <section class="card" aria-labelledby="h-spam">
                    <header><h2 id="h-spam">"Spam handling"</h2></header>
                    <div class="body stack">{spam_fields(cx, "one", policy, !typed("override_recipient", "").is_empty(), String::new(), String::new(), true)}</div>
                </section>
            </div>
            <aside class="stack" aria-label="Key and names">
                <section class="card"><div class="body stack">{with_which(cx, "one", keys, accounts, (&typed("key", ""), &typed("subscription", ""), lock))}</div></section>
                <section class="card"><div class="body stack">
                    <TextArea name="aliases" form="one" label="Aliases, one a line" value=typed("aliases", "") error=cx.error("one", "aliases")/>
                    <TextArea name="admins" form="one" label="Domain admins, one a line" value=typed("admins", "") error=cx.error("one", "admins")/>
                </div></section>
                {reason_field(cx, "one", "")}
                <button class="btn btn-primary">"Provision 1 domain"</button>
            </aside>
        </form>
    }
}
