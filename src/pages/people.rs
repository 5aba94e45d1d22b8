//! People: who may sign in, with which role, and the keys that those who are shut out left behind. And one's own
//! sessions.

use crate::{
    components::{Cx, Icon, age, alert, badge, empty, heads, icon, note, page, page::Page, state},
    server::actor::Need,
};
use desk::{ListedPerson, OrphanRow, SessionRow};
use inbound::words;
use leptos::prelude::*;
use std::{net::IpAddr, sync::Arc};

/// The page of all people.
#[component]
pub fn People() -> impl IntoView {
    page("/people", Need::SeePeople, async |cx: Arc<Cx>| {
        let (people, orphans) = futures::try_join!(cx.desk.people(), cx.desk.orphaned_keys())?;
        Ok(Page::new("People", body(&cx, people, orphans)))
    })
}

fn body(cx: &Cx, people: Vec<ListedPerson>, orphans: Vec<OrphanRow>) -> impl IntoView + use<> {
    let sum = words::count(people.len() as u64, "person has signed in.", "people have signed in.");
    let me = cx.actor.person.id.clone();
    let now = cx.now;
    let rows = people.into_iter().map(|listed| row(now, &me, listed)).collect_view();
    let columns =
        [("Name", ""), ("Role", ""), ("By", "lo"), ("Signed in", ""), ("Sessions", "num"), ("Keys", "num"), ("", "")];
    view! {
        <div class="page-head"><h1>"People"</h1><p>{sum}" Roles come from groups, and are taken anew at each sign-in."</p></div>
        {note(cx.flash.as_ref())}
        {left_behind(orphans)}
        <section class="card gap" aria-labelledby="h-people">
            <header><h2 id="h-people">"Everybody"</h2></header>
            <div class="tw">
                <table role="table" class="table cards" aria-labelledby="h-people">
                    <thead role="rowgroup"><tr role="row">{heads(&columns)}</tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </div>
            <footer><p class="hint">"Shutting somebody out ends their sessions with their next request, pauses their jobs, and makes their keys unusable here. At MailChannels the keys go on working until they are deleted there."</p></footer>
        </section>
    }
}

fn row(now: i64, me: &str, listed: ListedPerson) -> impl IntoView + use<> {
    let person = listed.person;
    let out = person.disabled_at.is_some();
    let id = person.id.clone();
    let action = |path: &'static str, words: &'static str, class: &'static str, id: String, name: &str| {
        view! {
            <form method="post" action=path>
                <input type="hidden" name="id" value=id/>
                <button class=class aria-label=format!("{words}: {name}")>{words}</button>
            </form>
        }
    };
    let acts = if person.id == me {
        view! { <span class="muted">"You"</span> }.into_any()
    } else if out {
        action("/do/people/enable", "Let in again", "btn btn-sm", id, &person.name).into_any()
    } else {
        view! {
            {(listed.sessions > 0).then(|| action("/do/people/sign-out", "Sign out", "btn btn-sm", id.clone(), &person.name))}
            {action("/do/people/disable", "Shut out", "btn btn-sm btn-danger", id.clone(), &person.name)}
        }
        .into_any()
    };
    let role = if out {
        state(Icon::CircleSlash, "bad", format!("Shut out by {}", person.disabled_by.clone().unwrap_or_default()))
            .into_any()
    } else {
        badge(Icon::User, person.role.clone())
    };
    view! {
        <tr role="row">
            <th role="rowheader" scope="row" class="main">{person.name.clone()}" "<span class="muted sm">{person.email.clone()}</span></th>
            <td role="cell" data-l="Role">{role}</td>
            <td role="cell" data-l="By" class="muted lo">{person.mapped_by.clone()}</td>
            <td role="cell" data-l="Signed in" class="muted nw">{person.last_seen_at.map_or_else(|| "Never".to_owned(), |at| age(now, at))}</td>
            <td role="cell" data-l="Sessions" class="num">{listed.sessions}</td>
            <td role="cell" data-l="Keys" class="num">{listed.keys}</td>
            <td role="cell"><div class="acts">{acts}</div></td>
        </tr>
    }
}

fn left_behind(orphans: Vec<OrphanRow>) -> Option<AnyView> {
    if orphans.is_empty() {
        return None;
    }
    let rows = orphans
        .into_iter()
        .map(|key| {
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row" class="main">{key.label}</th>
                    <td role="cell" data-l="Ends in" class="mono">{key.last_four}</td>
                    <td role="cell" data-l="Of">{key.owner}</td>
                    <td role="cell" data-l="Account">{key.account.unwrap_or_default()}</td>
                    <td role="cell" data-l="Locked" class="num">{words::thousands(key.locked)}</td>
                </tr>
            }
        })
        .collect_view();
    let columns = [("Label", ""), ("Ends in", ""), ("Of", ""), ("Account", ""), ("Locked to it", "num")];
    Some(
        view! {
            {alert("warn", "Keys were left behind", "Their owners are shut out, but whoever copied these keys can still use them at MailChannels. Move what is locked to them to other keys, then delete them in the Host Console.", None)}
            <section class="card gap" aria-labelledby="h-left">
                <header><h2 id="h-left">"Keys to be revoked at MailChannels"</h2></header>
                <div class="tw">
                    <table role="table" class="table cards" aria-labelledby="h-left">
                        <thead role="rowgroup"><tr role="row">{heads(&columns)}</tr></thead>
                        <tbody role="rowgroup">{rows}</tbody>
                    </table>
                </div>
            </section>
        }
        .into_any(),
    )
}

/// The page of one's own sessions.
#[component]
pub fn Sessions() -> impl IntoView {
    page("/sessions", Need::Read, async |cx: Arc<Cx>| {
        let sessions = cx.desk.sessions(&cx.actor.person).await?;
        Ok(Page::new("Your sessions", own(&cx, sessions)))
    })
}

/// Where an address is, as far as it says so itself.
fn place(address: &str) -> &'static str {
    let Ok(address) = address.parse::<IpAddr>() else { return "unknown" };
    let near = match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    if address.is_loopback() {
        "this machine"
    } else if near {
        "your network"
    } else {
        "the internet"
    }
}

fn own(cx: &Cx, sessions: Vec<SessionRow>) -> impl IntoView + use<> {
    let now = cx.now;
    let others = sessions.len() > 1;
    let rows = sessions
        .into_iter()
        .map(|session| {
            let here = session.name == cx.actor.session;
            let act = if here {
                view! { <span class="muted">"This one"</span> }.into_any()
            } else {
                view! {
                    <form method="post" action="/do/sessions/end">
                        <input type="hidden" name="id" value=session.name/>
                        <button class="btn btn-sm" aria-label=format!("Sign out: {}", session.device)>"Sign out"</button>
                    </form>
                }
                .into_any()
            };
            view! {
                <tr role="row">
                    <th role="rowheader" scope="row" class="main">{session.device.clone()}</th>
                    <td role="cell" data-l="Place"><span class="mono">{session.address.clone()}</span>" "<span class="muted">{place(&session.address)}</span></td>
                    <td role="cell" data-l="Signed in" class="muted nw">{age(now, session.started_at)}</td>
                    <td role="cell" data-l="Last seen" class="muted nw">{age(now, session.seen_at)}</td>
                    <td role="cell"><div class="acts">{act}</div></td>
                </tr>
            }
        })
        .collect_view();
    let columns = [("Device", ""), ("Place", ""), ("Signed in", ""), ("Last seen", ""), ("", "")];
    view! {
        <div class="page-head">
            <h1>"Your sessions"</h1>
            <p>"A session ends after 30 minutes without use, and after 8 hours in any case. Sign out whatever is not yours, and tell your administrator."</p>
        </div>
        {note(cx.flash.as_ref())}
        <section class="card gap" aria-labelledby="h-sessions">
            <header>
                <h2 id="h-sessions">"Where you are signed in"</h2>
                {others.then(|| view! {
                    <form class="push" method="post" action="/do/sessions/end-others"><button class="btn btn-sm">{icon(Icon::LogOut)}"Sign out all others"</button></form>
                })}
            </header>
            {if others || !cx.actor.session.is_empty() {
                view! {
                    <div class="tw">
                        <table role="table" class="table cards" aria-labelledby="h-sessions">
                            <thead role="rowgroup"><tr role="row">{heads(&columns)}</tr></thead>
                            <tbody role="rowgroup">{rows}</tbody>
                        </table>
                    </div>
                }.into_any()
            } else {
                empty(Icon::Monitor, "No session", "You are signed in by a proxy.", None).into_any()
            }}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_by_address() {
        for (address, words) in [
            ("127.0.0.1", "this machine"),
            ("::1", "this machine"),
            ("192.168.1.4", "your network"),
            ("fd00::1", "your network"),
            ("192.0.2.1", "the internet"),
            ("2001:db8::1", "the internet"),
            ("", "unknown"),
        ] {
            assert_eq!(place(address), words, "{address}");
        }
    }
}
