//! With whom a key is shared.

use crate::components::{Cx, Icon, SelectField, age, icon, reason_field};
use desk::{KeyView, ListedPerson, Role, ShareRow};
use leptos::prelude::*;

/// The section of a key's page.
pub fn section(cx: &Cx, key: &KeyView, shares: Vec<ShareRow>, people: &[ListedPerson]) -> impl IntoView + use<> {
    let none = shares.is_empty();
    let now = cx.now;
    let id = key.id.clone();
    let rows = shares
        .into_iter()
        .map(|share| {
            let with = match (share.role, share.person) {
                (Some(role), _) => format!("Everybody of the role {role} and above"),
                (None, person) => person.unwrap_or_default(),
            };
            view! {
                <li>
                    <form class="row" method="post" action="/do/keys/unshare">
                        <input type="hidden" name="id" value=id.clone()/>
                        <input type="hidden" name="share" value=share.id/>
                        <span>{with.clone()}" "<span class="muted">{age(now, share.created_at)}</span></span>
                        <button class="btn btn-sm push" aria-label=format!("Withdraw: {with}")>{icon(Icon::X)}"Withdraw"</button>
                    </form>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card" id="share" aria-labelledby="h-share">
            <header><h2 id="h-share">"Let others use it"</h2></header>
            <div class="body stack">
                <p class="hint">"They work with its domains as far as their own role goes, and never see the key. The audit log names both of you. Withdrawing counts at once."</p>
                {if none {
                    view! { <p class="muted">"Only you use it."</p> }.into_any()
                } else {
                    view! { <ul class="stack plain">{rows}</ul> }.into_any()
                }}
            </div>
            <form class="body stack" method="post" action="/do/keys/share">
                <input type="hidden" name="id" value=key.id.clone()/>
                <SelectField name="with" form="share" label="Who" options=options(cx, people)
                    value=cx.typed("share", "with", "") error=cx.error("share", "with")/>
                {reason_field(cx, "share", "")}
                <div class="row"><button class="btn push">"Let them use it"</button></div>
            </form>
        </section>
    }
}

fn options(cx: &Cx, people: &[ListedPerson]) -> Vec<(String, String)> {
    let roles = [Role::Agent, Role::Lead, Role::Admin]
        .map(|role| (format!("role:{role}"), format!("Everybody of the role {role} and above")));
    let people = people
        .iter()
        .map(|listed| &listed.person)
        .filter(|person| person.disabled_at.is_none() && person.id != cx.actor.person.id)
        .map(|person| (format!("person:{}", person.id), format!("{} ({})", person.name, person.role)));
    std::iter::once((String::new(), "Choose".to_owned())).chain(roles).chain(people).collect()
}
