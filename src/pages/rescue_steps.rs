//! The steps of a leaked key's guide: those done with their time, the next one with its form, the rest in grey.

use crate::{
    components::{Cx, Field, Icon, SelectField, age, state},
    pages::rescue::{move_plan_url, name},
};
use desk::{Names, RescueView};
use inbound::{name::DomainName, rescue::Step, words};
use leptos::prelude::*;

/// Domains in words.
fn domains(count: u64) -> String {
    words::count(count, "domain", "domains")
}

/// All steps, and what comes after the last.
pub fn steps(cx: &Cx, rescue: &RescueView) -> impl IntoView + use<> {
    let next = rescue.progress.next();
    let items = Step::ALL
        .into_iter()
        .enumerate()
        .map(|(index, step)| {
            let done = rescue.progress.has(step);
            let is_next = next == Some(step);
            let (id, title) = head(rescue, step);
            let body = if is_next { Some(form(cx, rescue, step)) } else { again(cx, rescue, step).filter(|_| done) };
            let mark = if done {
                view! { <span class="push">{state(Icon::CircleCheck, "ok", done_at(cx, rescue, step))}</span> }
                    .into_any()
            } else if is_next {
                view! { <span class="push">{state(Icon::ChevronRight, "", "Next")}</span> }.into_any()
            } else {
                ().into_any()
            };
            view! {
                <li class="card" id=id aria-current=is_next.then_some("step") class:later=!done && !is_next>
                    <header><h2><span class="muted">{format!("{}. ", index + 1)}</span>{title}</h2>{mark}</header>
                    {body}
                </li>
            }
        })
        .collect_view();
    let last = next.is_none().then(|| finished(cx, rescue));
    view! { <ol class="stack guide">{items}</ol>{last} }
}

/// Section and title of a step.
fn head(rescue: &RescueView, step: Step) -> (&'static str, String) {
    let old = name(rescue);
    let new = rescue.new.as_ref().map_or("the new key".to_owned(), |key| key.label.clone());
    match step {
        Step::NewKey => ("new-key", "A new key takes over".into()),
        Step::Move => ("move", format!("Lock the domains to {new}")),
        Step::Verify => ("verify", "Ask both keys what they see".into()),
        Step::Compare => ("compare", "Compare with what was there before".into()),
        Step::Delete => ("delete", format!("Delete {old} in the Host Console")),
        Step::Check => ("check", format!("Check that {old} is dead")),
    }
}

/// When a step was done, in words.
fn done_at(cx: &Cx, rescue: &RescueView, step: Step) -> String {
    let row = &rescue.row;
    let at = match step {
        Step::NewKey => return rescue.new.as_ref().map_or_else(String::new, |key| key.label.clone()),
        Step::Move => row.moved_at,
        Step::Verify => row.verified_at,
        Step::Compare => row.compared_at,
        Step::Delete => row.deleted_at,
        Step::Check => row.dead_at,
    };
    at.map_or_else(String::new, |at| format!("Done {}", age(cx.now, at)))
}

/// A form of one button.
fn button(id: &str, action: &'static str, class: &'static str, words: impl Into<String>) -> AnyView {
    let words = words.into();
    view! {
        <form method="post" action=action>
            <input type="hidden" name="id" value=id.to_owned()/>
            <button class=class>{words}</button>
        </form>
    }
    .into_any()
}

/// What is to be done for the next step.
fn form(cx: &Cx, rescue: &RescueView, step: Step) -> AnyView {
    let id = rescue.row.old_key_id.as_str();
    let old = name(rescue);
    match step {
        Step::NewKey => new_key(cx, rescue).into_any(),
        Step::Move => moves(rescue).into_any(),
        Step::Verify => verify(rescue).into_any(),
        Step::Compare => view! {
            <div class="body stack">
                <p>"Reads the domains and the account’s own safelist and blocklist afresh. What changed since the leak and was not done through Sluice is listed below: servers, admins, aliases, spam handling, account lists."</p>
                <div class="row">{button(id, "/do/rescue/compare", "btn btn-primary", "Compare now")}</div>
            </div>
        }
        .into_any(),
        Step::Delete => {
            let exposed = rescue.standing.exposed();
            let frees = if rescue.old_is_rejected() {
                "MailChannels rejects it already: all that is left is to make sure.".to_owned()
            } else if exposed > 0 {
                format!("{} that it still reaches are free to any key of the account then.", domains(exposed))
            } else {
                "No domain is left with it, so nothing is freed by that.".to_owned()
            };
            let ends = rescue.old.as_ref().map(|key| {
                view! { <p>"The key to delete ends in "<b class="mono">{key.last_four.clone()}</b>"."</p> }
            });
            view! {
                <div class="body stack">
                    <p>"MailChannels has no call for it: open the Host Console, find the key, delete it there. "{frees}</p>
                    {ends}
                    <p class="hint">"This ends what the thief can do with the key. Login links minted with it before may still work for a while: how long is not documented."</p>
                    <div class="row">{button(id, "/do/rescue/deleted", "btn btn-primary", format!("I deleted {old}: check it"))}</div>
                </div>
            }
            .into_any()
        }
        Step::Check => view! {
            <div class="body stack">
                <p>"Only a rejection by MailChannels proves it: the key is asked once more, with a call that changes nothing."</p>
                <div class="row">{button(id, "/do/rescue/check", "btn btn-primary", "Check again")}</div>
            </div>
        }
        .into_any(),
    }
}

/// What can be done again for a step that is done.
fn again(cx: &Cx, rescue: &RescueView, step: Step) -> Option<AnyView> {
    let id = rescue.row.old_key_id.as_str();
    let quiet = |action, words: &str| {
        view! { <div class="body row">{button(id, action, "btn btn-sm", words)}</div> }.into_any()
    };
    // When all is done, the old key is dead, and nothing of it can be done again.
    rescue.progress.next()?;
    match step {
        Step::NewKey => Some(
            view! { <details open=cx.again("choose") || cx.again("add")><summary class="body sm">"Let another key take over instead"</summary>{new_key(cx, rescue)}</details> }
                .into_any(),
        ),
        Step::Move => Some(view! { <p class="body sm"><a href=move_plan_url(rescue)>"Plan the moves again"</a></p> }.into_any()),
        Step::Verify => Some(quiet("/do/rescue/verify", "Ask both again")),
        Step::Compare => Some(quiet("/do/rescue/compare", "Compare again")),
        Step::Delete | Step::Check => None,
    }
}

fn new_key(cx: &Cx, rescue: &RescueView) -> impl IntoView + use<> {
    let id = rescue.row.old_key_id.clone();
    let choose = (!rescue.choices.is_empty()).then(|| {
        let first = (String::new(), "Choose a key".to_owned());
        let options = std::iter::once(first)
            .chain(rescue.choices.iter().map(|key| (key.id.clone(), key.label.clone())))
            .collect();
        let chosen = rescue.row.new_key_id.clone().unwrap_or_default();
        view! {
            <form class="body stack" method="post" action="/do/rescue/key">
                <input type="hidden" name="id" value=id.clone()/>
                <SelectField name="key" form="choose" label="One of your keys of this account" options=options
                    value=cx.typed("choose", "key", &chosen) error=cx.error("choose", "key")
                    hint="Not one that may have leaked with it. Best is a key of its own for that server."/>
                <div class="row"><button class="btn btn-primary">"Let it take over"</button></div>
            </form>
        }
    });
    let only = rescue.choices.is_empty();
    view! {
        {choose}
        <form class="body stack" method="post" action="/do/rescue/add-key">
            <h3>{if only { "Add a new key" } else { "Or add a new key" }}</h3>
            <input type="hidden" name="id" value=id/>
            <div class="cols">
                <Field name="label" form="add" label="Label" value=cx.typed("add", "label", "") error=cx.error("add", "label") hint="The server it belongs to"/>
                <Field name="secret" form="add" label="API key" kind="password" mono=true error=cx.error("add", "secret")
                    hint="Made in the Host Console, with the inbound scope. It is sealed before it is stored."/>
            </div>
            <div class="row"><button class=if only { "btn btn-primary" } else { "btn" }>"Check, store, and let it take over"</button></div>
        </form>
    }
}

fn moves(rescue: &RescueView) -> impl IntoView + use<> {
    let (old, new) = (name(rescue), rescue.new.as_ref().map_or_else(String::new, |key| key.label.clone()));
    let standing = &rescue.standing;
    let signed = if rescue.old_is_rejected() {
        format!(
            "MailChannels rejects {old} already, so nobody can use it. Its domains are free to any key of the account until they are locked to {new}."
        )
    } else {
        format!(
            "Each domain is locked to {new} by a call that is signed with {old}; after it {old} reaches the domain no more. Lists and settings stay."
        )
    };
    let free = (standing.open.total > 0).then(|| {
        let text = format!(
            "{} that both keys see are free: any key of the account reaches them, so they stay open to whoever has {old} until they are locked to {new}, or {old} is deleted. The plan includes them; leave out those that are meant to stay free.",
            domains(standing.open.total)
        );
        view! { <p>{text}</p> }
    });
    let count = standing.exposed();
    let plan =
        if count > 0 { format!("Plan the moves of {}…", domains(count)) } else { "Plan the moves…".to_owned() };
    view! {
        <div class="body stack">
            <p>{signed}</p>
            {free}
            <div class="row">
                <a class="btn btn-primary" href=move_plan_url(rescue)>{plan}</a>
                {button(&rescue.row.old_key_id, "/do/rescue/moved", "btn", "The moves are made")}
            </div>
            {rescue.row.job.map(|job| view! { <p class="sm">"Planned already: "<a href=format!("/jobs/{job}")>{format!("job {job}")}</a></p> })}
            <p class="hint">"Nothing is sent before you confirm the plan. Whether all moves worked, the next step finds out."</p>
        </div>
    }
}

fn verify(rescue: &RescueView) -> impl IntoView + use<> {
    let exposed = rescue.standing.exposed();
    let old = name(rescue);
    let id = rescue.row.old_key_id.clone();
    let rest = (exposed > 0).then(|| {
        let text = format!(
            "By the mirror {old} still sees {}: {} that both see, {} that only it sees.",
            domains(exposed),
            words::thousands(rescue.standing.open.total),
            words::thousands(rescue.standing.left.total)
        );
        let label = format!("Go on, and leave {} to {old} until it is deleted", domains(exposed));
        view! {
            <p>{text}" "<a href=move_plan_url(rescue)>"Plan the rest of the moves"</a></p>
            <label class="check"><input type="checkbox" name="leave" value="yes"/><span>{label}</span></label>
        }
    });
    view! {
        <form class="body stack" method="post" action="/do/rescue/verify">
            <input type="hidden" name="id" value=id/>
            <p>{format!("The new key should see all of them, {old} none. Both are asked afresh, 5,000 domains a call; it changes nothing.")}</p>
            {rest}
            <div class="row"><button class="btn btn-primary">"Ask both keys"</button></div>
        </form>
    }
}

fn finished(cx: &Cx, rescue: &RescueView) -> impl IntoView + use<> {
    let id = rescue.row.old_key_id.clone();
    let label = name(rescue);
    let remove = rescue.old.is_some().then(|| {
        view! {
            <form class="body stack" method="post" action="/do/rescue/remove">
                <input type="hidden" name="id" value=id/>
                <p>"It is of no use any more. Removing it from Sluice loses nothing, and ends this guide."</p>
                <Field name="typed" form="remove" label=format!("Type {label} to remove it") value=cx.typed("remove", "typed", "") error=cx.error("remove", "typed")/>
                <div class="row"><button class="btn btn-danger">"Remove key from Sluice"</button></div>
            </form>
        }
    });
    view! {
        <section class="card" id="done" aria-labelledby="h-done">
            <header><h2 id="h-done">{format!("Done: {label} is dead")}</h2><span class="push">{state(Icon::CircleCheck, "ok", "All steps done")}</span></header>
            {remove}
        </section>
    }
}

/// Some names, each a link to its domain.
fn list(
    title: &'static str,
    hint: &'static str,
    which: Icon,
    tone: &'static str,
    names: &Names,
    linked: bool,
) -> Option<AnyView> {
    (names.total > 0).then(|| {
        let more = names.total.saturating_sub(names.some.len() as u64);
        let items = names
            .some
            .iter()
            .map(|name| {
                let shown = DomainName::parse(name).map_or_else(|_| name.clone(), |name| name.to_unicode());
                if linked {
                    view! { <li><a class="mono" href=crate::api::forms::domain_page(name, "")>{shown}</a></li> }
                        .into_any()
                } else {
                    view! { <li class="mono">{shown}</li> }.into_any()
                }
            })
            .collect_view();
        view! {
            <details>
                <summary>{state(which, tone, title)}" "<b>{words::thousands(names.total)}</b></summary>
                <p class="hint">{hint}</p>
                <ul class="names sm">{items}</ul>
                {(more > 0).then(|| view! { <p class="hint">{format!("and {} more", words::thousands(more))}</p> })}
            </details>
        }
        .into_any()
    })
}

/// How the domains stand, by the mirror.
pub fn standing(rescue: &RescueView) -> impl IntoView + use<> {
    let standing = &rescue.standing;
    let (done, alert) = (Icon::CircleCheck, Icon::TriangleAlert);
    let tone = if rescue.progress.has(Step::Move) { "warn" } else { "" };
    view! {
        <section class="card" aria-labelledby="h-stand">
            <header><h2 id="h-stand">"The domains now"</h2></header>
            <div class="body stack groups">
                {list("With the new key only", "Moved: the old key does not reach them.", done, "ok", &standing.moved, true)}
                {list("Seen by both keys", "Free, or just being moved.", Icon::LockOpen, tone, &standing.open, true)}
                {list("With the old key", "Locked to it, or not seen by the new one yet.", Icon::Lock, tone, &standing.left, true)}
                {list("Freed with the old key", "It was the last to see them. They are free now; the next sync shows it.", Icon::LockOpen, "", &standing.freed, false)}
                {list("With a third key", "Neither key sees them, but another one of the account does.", Icon::CircleHelp, "warn", &standing.elsewhere, true)}
                {list("Not seen any more", "No key here sees them: deprovisioned, or locked to a key that is not stored. If nobody here did that, ask MailChannels support.", alert, "bad", &standing.missing, false)}
                <p class="hint">"By the mirror, as of the last sync or step."</p>
            </div>
        </section>
    }
}
