//! Subscriptions: plan, limits as they come, active count.

use crate::{
    components::{Cx, Icon, alert, empty, icon, note, page, page::Page, state},
    server::actor::Need,
};
use desk::SubscriptionView;
use inbound::words;
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn Subscriptions() -> impl IntoView {
    page("/subscriptions", Need::Read, async |cx: Arc<Cx>| {
        let accounts = cx.desk.subscriptions(&cx.actor.person).await?;
        Ok(Page::new("Subscriptions", body(&cx, accounts)))
    })
}

fn body(cx: &Cx, accounts: Vec<SubscriptionView>) -> impl IntoView + use<> {
    let none = accounts.is_empty().then(|| {
        let action = view! { <a class="btn btn-primary" href="/keys#add">{icon(Icon::Plus)}"Add a key"</a> }.into_any();
        empty(Icon::CreditCard, "No key, no subscriptions", "Subscriptions are read with your keys.", Some(action))
    });
    let accounts = accounts.into_iter().map(account).collect_view();
    view! {
        <div class="page-head"><h1>"Subscriptions"</h1><p>"Read from MailChannels just now. Limits are shown as they come: MailChannels publishes no list of their names."</p></div>
        {note(cx.flash.as_ref())}
        {none}
        <div class="stack">{accounts}</div>
    }
}

fn account(view: SubscriptionView) -> AnyView {
    let status = match view.status {
        Ok(()) => state(Icon::Check, "", "MailChannels answers"),
        Err((what, _)) => state(Icon::TriangleAlert, "warn", what.trim_start_matches("Not done: ").to_owned()),
    };
    let subscriptions = match view.subscriptions {
        Ok(subscriptions) => subscriptions,
        Err((what, next)) => {
            return alert("warn", format!("{}: {what}", view.account), next, None).into_any();
        }
    };
    let cards = subscriptions
        .into_iter()
        .map(|subscription| {
            let limits = subscription
                .limits
                .into_iter()
                .map(|limit| view! { <dt class="mono">{limit.feature_handle}</dt><dd class="mono">{limit.value}</dd> })
                .collect_view();
            let active = if subscription.active { state(Icon::Check, "ok", "Active").into_any() } else { state(Icon::CircleSlash, "warn", "Not active").into_any() };
            view! {
                <section class="card">
                    <header><h2 class="mono">{subscription.handle}</h2><span class="push">{active}</span></header>
                    <div class="body stack">
                        <dl class="facts">
                            <dt>"Plan"</dt><dd>{subscription.plan.name}" "<span class="muted mono">{subscription.plan.handle}</span></dd>
                            <dt>"Domains provisioned"</dt><dd>{words::thousands(u64::try_from(subscription.active_accounts_count).unwrap_or_default())}</dd>
                        </dl>
                        <h3>"Limits"</h3>
                        <dl class="facts">{limits}</dl>
                    </div>
                </section>
            }
        })
        .collect_view();
    view! { <section class="stack"><h2>{view.account}<span class="muted">{format!(" by {}", view.key.label)}</span></h2><p>{status}</p><div class="cols">{cards}</div></section> }.into_any()
}
