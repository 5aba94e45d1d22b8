//! A plan: what every row comes to, what it costs, and the one button that begins it.

use crate::{
    components::{Cx, Field, Icon, alert, icon, note, page, page::Page, state},
    pages::job_rows::{paged, verdict_words},
    server::actor::Need,
};
use desk::{Asker, DeskError, JobView};
use http::StatusCode;
use inbound::{
    plan::{Act, Kind, Verdict},
    words,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;
use store::LineFilter;

/// The asker of a page.
pub fn asker(cx: &Cx) -> Asker {
    Asker::new(cx.actor.person.clone(), cx.actor.request_id.clone())
}

/// Reads a job's number from the address.
pub fn number() -> i64 {
    use_params_map().read_untracked().get("number").and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// The page.
#[component]
pub fn PlanPage() -> impl IntoView {
    let number = number();
    page("/jobs", Need::Lists, async move |cx: Arc<Cx>| {
        let asker = asker(&cx);
        let view = cx.desk.job(&asker, number).await?;
        if view.row.state != "planned" {
            // A plan that was confirmed is a job now; its old address leads there.
            leptos_axum::redirect(&format!("/jobs/{number}"));
            return Ok(Page::new(view.title(), ()).status(StatusCode::SEE_OTHER));
        }
        let verdict = cx.query("verdict").and_then(Verdict::parse);
        let mx = if view.kind == Kind::Deprovision { Some(cx.desk.job_mx(number).await?) } else { None };
        let base = verdict.map_or_else(
            || format!("/plans/{number}"),
            |verdict| format!("/plans/{number}?verdict={}", verdict.as_str()),
        );
        let filter =
            LineFilter { verdict: verdict.map(|verdict| verdict.as_str().to_owned()), ..LineFilter::default() };
        let (rows, turn) = paged(&cx, &asker, &view, filter, &base).await?;
        Ok::<_, DeskError>(Page::new(view.title(), body(&cx, &view, verdict, mx, rows, turn)))
    })
}

/// What holds for every row, in words.
pub fn about(view: &JobView) -> String {
    let target = view.target.clone().unwrap_or_else(|| "a key that is gone".into());
    match &view.act {
        Act::Provision { subscription, lock, update, .. } => format!(
            "With {target}{}, under {subscription}{}.",
            if *lock { ", locked to it" } else { ", free for every key of the account" },
            if *update { "; those that exist are brought to what their row says" } else { "" }
        ),
        Act::Associate { .. } => format!("To {target}."),
        Act::Settings(change) => {
            let mut parts = Vec::new();
            parts.extend(change.policy.as_ref().map(|policy| format!("policy {policy}")));
            parts.extend(
                change
                    .override_recipient
                    .map(|over| if over { "override on".to_owned() } else { "override off".to_owned() }),
            );
            parts.extend(change.header.as_ref().map(|(name, value)| {
                if name.is_empty() { "no header".to_owned() } else { format!("header {name}: {value}") }
            }));
            if parts.is_empty() { "Each row its own policy.".to_owned() } else { format!("{}.", parts.join(", ")) }
        }
        Act::Servers { servers } if !servers.is_empty() => format!("{}.", servers.join(", ")),
        Act::Admins { admins, .. } if !admins.is_empty() => format!("{}.", admins.join(", ")),
        Act::Undo { of } => format!("Of job {of}."),
        _ => String::new(),
    }
}

fn body(
    cx: &Cx,
    view: &JobView,
    chosen: Option<Verdict>,
    mx: Option<(u64, u64)>,
    rows: AnyView,
    turn: AnyView,
) -> impl IntoView + use<> {
    let number = view.row.number;
    let acting = view.counts.acting();
    let tabs = Verdict::ALL
        .into_iter()
        .filter(|verdict| view.counts.verdict(*verdict) > 0)
        .map(|verdict| {
            let (_, _, word) = verdict_words(verdict);
            let link = format!("/plans/{number}?verdict={}", verdict.as_str());
            let count = words::thousands(view.counts.verdict(verdict));
            view! { <a href=link aria-current=(chosen == Some(verdict)).then_some("true")>{word}" "<b>{count}</b></a> }
        })
        .collect_view();
    let all = words::thousands(view.counts.all());
    let keys = view
        .keys
        .iter()
        .map(|(label, count)| view! { <dt>{label.clone()}</dt><dd>{words::count(*count, "row", "rows")}</dd> })
        .collect_view();
    let seconds = view.calls.div_ceil(u64::from(view.rate.max(1)));
    let cost = format!(
        "About {}, {} at the {} requests a second that there are now. The whole customer shares 100; people who work meanwhile go first.",
        words::count(view.calls, "call", "calls"),
        if seconds <= 1 { "a second".to_owned() } else { words::age(seconds) },
        view.rate
    );
    let source = view.row.source.clone();
    let reason = view.row.reason.clone().map(|reason| format!(". {reason}")).unwrap_or_default();
    let text = about(view);
    let warning = mx.and_then(mx_warning);
    let nothing = (acting == 0).then(|| {
        alert(
            "info",
            "Nothing would be sent",
            "No row of this plan changes anything. Look at the reasons below, then make it again.",
            None,
        )
    });
    view! {
        <div class="row page-head">
            <div>
                <p><a class="linkish" href="/jobs">{icon(Icon::ChevronLeft)}"Jobs"</a></p>
                <h1>{format!("Plan: {}", view.title())}</h1>
                <p>{format!("{text} {source}{reason}")}</p>
            </div>
        </div>
        {note(cx.flash.as_ref())}
        <div class="stack">
            {nothing}
            {warning}
            <div class="split">
                <section class="card" aria-labelledby="h-rows">
                    <header><h2 id="h-rows">"Rows"</h2>
                        <nav class="seg" aria-label="Rows by result"><a href=format!("/plans/{number}") aria-current=chosen.is_none().then_some("true")>"All "<b>{all}</b></a>{tabs}</nav>
                    </header>
                    {rows}
                    {turn}
                </section>
                <aside class="stack" aria-label="Cost and confirmation">
                    <section class="card" aria-labelledby="h-cost"><header><h2 id="h-cost">"Cost"</h2></header><div class="body stack"><p class="sm">{cost}</p><dl class="facts">{keys}</dl></div></section>
                    {confirm(cx, view)}
                </aside>
            </div>
        </div>
    }
}

/// What deprovisioning does to mail, from what DNS said last: domains whose MX records point here, and those of which
/// nothing is known.
fn mx_warning((here, unknown): (u64, u64)) -> Option<AnyView> {
    const BOUNCES: &str = "Mail that still comes here bounces with 554 5.7.1 Relay access denied from the moment they are deprovisioned. Move the MX records first.";
    let (title, link) = match (here, unknown) {
        (0, 0) => return None,
        (0, unknown) => (
            format!("The MX records of {} are not known", words::count(unknown, "domain", "domains")),
            "/domains?mx=unknown",
        ),
        (here, _) => (
            format!("The MX records of {} still point at MailChannels", words::count(here, "domain", "domains")),
            "/domains?mx=here",
        ),
    };
    let more = if here > 0 && unknown > 0 {
        format!(" Of {} more nothing is known.", words::thousands(unknown))
    } else {
        String::new()
    };
    let action = view! { <a class="btn btn-sm" href=link>"Show such domains"</a> }.into_any();
    Some(alert("warn", title, format!("{BOUNCES}{more}"), Some(action)))
}

fn confirm(cx: &Cx, view: &JobView) -> impl IntoView + use<> {
    let number = view.row.number;
    let acting = view.counts.acting();
    let left = view.counts.all() - acting;
    let may = cx.actor.person.role.as_str() == view.row.needs || cx.actor.may(Need::bulk(view.kind));
    let typed = view.typed;
    let dangerous = view.kind == Kind::Deprovision;
    let links = view.kind == Kind::LoginLinks;
    let action = if links { format!("/jobs/{number}/links") } else { "/do/jobs/confirm".to_owned() };
    let skips = (left > 0).then(|| {
        format!("{} not sent: invalid, not allowed, or nothing to change.", words::count(left, "row is", "rows are"))
    });
    let label = view.title();
    let begin = (acting > 0 && may).then(|| {
        view! {
            <form class="stack" method="post" action=action>
                <input type="hidden" name="number" value=number/>
                {typed.then(|| view! { <Field name="typed" form="confirm" label=format!("Type {acting} to confirm") value=cx.typed("confirm", "typed", "") error=cx.error("confirm", "typed")/> })}
                {links.then(|| view! { <p class="hint">"Whoever holds a link is that domain's admin. The file is given out once, now, and kept nowhere."</p> })}
                <button class=if dangerous { "btn btn-solid" } else { "btn btn-primary" }>{label}</button>
            </form>
        }
    });
    view! {
        <section class="card" aria-labelledby="h-go">
            <header><h2 id="h-go">"Confirm"</h2></header>
            <div class="body stack">
                {skips.map(|skips| view! { <p class="sm">{state(Icon::Info, "", skips)}</p> })}
                {begin}
                <form method="post" action="/do/jobs/discard"><input type="hidden" name="number" value=number/><button class="btn btn-quiet">{icon(Icon::X)}"Discard the plan"</button></form>
            </div>
        </section>
    }
}
