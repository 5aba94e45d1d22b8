//! The review before all servers of a domain are replaced.

use crate::{
    api::{
        domains::{SERVERS_DRAFT, ServersDraft},
        forms::domain_page,
    },
    components::{Cx, Field, Icon, alert, empty, icon, note, page, page::Page, reason_field},
    pages::domain::named,
    server::{actor::Need, flash},
};
use desk::{Asker, DeskError};
use http::StatusCode;
use inbound::{downstream::DiffKind, words};
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn ReviewServers() -> impl IntoView {
    let name = named();
    page("/domains", Need::ChangeDomains, async move |cx: Arc<Cx>| {
        let id = cx.query("draft").unwrap_or_default().to_owned();
        let draft: Option<ServersDraft> = flash::kept(&cx.desk, &cx.actor.person, SERVERS_DRAFT, &id).await;
        let Some(draft) = draft.filter(|draft| draft.domain == name) else {
            let action = view! { <a class="btn" href=domain_page(&name, "servers")>{icon(Icon::ChevronLeft)}"Back to the domain"</a> };
            let body = empty(
                Icon::CircleHelp,
                "Nothing to review",
                "This review is gone. Make the change again on the domain's page.",
                Some(action.into_any()),
            );
            return Ok(Page::new("Nothing to review", view! { <h1 class="vh">"Review"</h1>{body} })
                .status(StatusCode::NOT_FOUND));
        };
        let asker = Asker::new(cx.actor.person.clone(), cx.actor.request_id.clone());
        match cx.desk.review_servers(&asker, &name, &draft.input()).await {
            Ok(review) => Ok(Page::new(format!("Replace servers of {name}"), body(&cx, &name, &id, &review))),
            Err(error @ DeskError::Stale) => {
                let (what, next) = error.words();
                let action =
                    view! { <a class="btn" href=domain_page(&name, "servers")>"Back to the domain"</a> }.into_any();
                Ok(Page::new("Changed meanwhile", view! { <h1 class="mono">{name.clone()}</h1>{note(cx.flash.as_ref())}{alert("warn", what, next, Some(action))} }).status(StatusCode::CONFLICT))
            }
            Err(error) => Err(error),
        }
    })
}

fn body(cx: &Cx, name: &str, draft: &str, review: &desk::Review) -> impl IntoView + use<> {
    let (before, after) = (review.before.len(), review.after.len());
    let lines = review
        .diff
        .iter()
        .map(|line| {
            let (tone, word) = match line.kind {
                DiffKind::Keep => (None, "  Keep"),
                DiffKind::Remove => (Some("bad"), "- Remove"),
                DiffKind::Add => (Some("ok"), "+ Add"),
            };
            let server = &line.server;
            let text =
                format!("{:>5} {:>5} {:>5}  {}", server.priority, server.weight, server.port, server.target.as_str());
            view! { <div data-tone=tone><b>{word}</b>{text}</div> }
        })
        .collect_view();
    let clears = after == 0;
    let verb = if clears {
        format!("Clear {}", words::count(before as u64, "server", "servers"))
    } else {
        format!("Replace {} with {after}", words::count(before as u64, "server", "servers"))
    };
    let name = name.to_owned();
    view! {
        <div class="page-head">
            <p><a class="linkish" href=domain_page(&name, "servers")>{icon(Icon::ChevronLeft)}<span class="mono">{name.clone()}</span></a></p>
            <h1>{format!("{} become {after}", words::count(before as u64, "server", "servers"))}</h1>
            <p>"Saving replaces the whole list. Nothing was sent yet."</p>
        </div>
        {note(cx.flash.as_ref())}
        {clears.then(|| alert("bad", "Without servers no mail is delivered", "MailChannels has nowhere to hand it to. Deprovision the domain instead, if it is leaving.", None))}
        <form class="card gap" method="post" action="/do/domains/servers/replace">
            <input type="hidden" name="name" value=name.clone()/>
            <input type="hidden" name="draft" value=draft.to_owned()/>
            <div class="body stack">
                <p class="hint mono">"Priority  Weight  Port  Target"</p>
                <div class="diff" role="region" aria-label="Changes to downstream servers" tabindex="0">{lines}</div>
                {clears.then(|| view! {
                    <Field name="typed" form="replace" label=format!("Type {name} to clear them all") mono=true
                        value=cx.typed("replace", "typed", "") error=cx.error("replace", "typed")/>
                })}
                {reason_field(cx, "replace", "")}
            </div>
            <footer>
                <div class="row push">
                    <a class="btn btn-quiet" href=domain_page(&name, "servers")>"Discard"</a>
                    <button class=if clears { "btn btn-solid" } else { "btn btn-primary" }>{verb}</button>
                </div>
            </footer>
        </form>
    }
}
