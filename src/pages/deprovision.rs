//! The last look before a domain is deprovisioned.

use crate::{
    api::forms::domain_page,
    components::{Cx, Field, Icon, alert, icon, note, page, page::Page, reason_field},
    pages::{domain::named, domain_mx},
    server::actor::Need,
};
use desk::{DeskError, Lookup, Source};
use http::StatusCode;
use inbound::name::DomainName;
use leptos::prelude::*;
use std::{sync::Arc, time::Duration};

/// How long the page waits for DNS.
const LOOK_UP: Duration = Duration::from_millis(2_500);

/// The page.
#[component]
pub fn Deprovision() -> impl IntoView {
    let text = named();
    page("/domains", Need::ChangeDomains, async move |cx: Arc<Cx>| {
        let name = DomainName::parse(&text).map_err(|_| DeskError::NotFound(text.clone()))?;
        let view = match cx.desk.domain(&cx.actor.person, &name).await? {
            Lookup::Found(view) => view,
            Lookup::Unreached { failed, .. } if !failed.is_empty() => {
                let (what, next) = failed[0].1.clone();
                return Err(DeskError::NotAsked(format!("{name} could not be looked up. {what}"), next));
            }
            Lookup::Unreached { .. } | Lookup::AliasOf { .. } => return Err(DeskError::NotFound(text)),
        };
        // What it loses must be known, and whether it is there at all.
        if let Source::Mirror { why: (what, next), .. } = &view.source {
            return Ok(unread(&cx, &name, what, next));
        }
        let loses = [
            (view.servers.len(), "downstream servers"),
            (view.aliases.len(), "aliases"),
            (view.admins.len(), "admins"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect::<Vec<_>>()
        .join(", ");
        let loses = if loses.is_empty() {
            "its settings and list entries".to_owned()
        } else {
            format!("{loses}, its settings and list entries")
        };
        let name = name.as_str().to_owned();
        let (now, aliases) = futures::join!(
            cx.desk.mx_now(&cx.actor.person, &name, LOOK_UP),
            cx.desk.aliases_here(&view.aliases, LOOK_UP)
        );
        let consequence = domain_mx::consequence(&name, now?.as_ref(), &loses);
        let aliases = domain_mx::aliases_consequence(&aliases.0, aliases.1);
        Ok(Page::new(
            format!("Deprovision {name}"),
            view! {
                <div class="page-head">
                    <p><a class="linkish" href=domain_page(&name, "")>{icon(Icon::ChevronLeft)}<span class="mono">{name.clone()}</span></a></p>
                    <h1>"Deprovision "<span class="mono">{name.clone()}</span></h1>
                </div>
                {note(cx.flash.as_ref())}
                {consequence}
                {aliases}
                <form class="card gap" method="post" action="/do/domains/deprovision">
                    <input type="hidden" name="name" value=name.clone()/>
                    <div class="body stack">
                        <Field name="typed" form="deprovision" label=format!("Type {name} to deprovision it") mono=true
                            value=cx.typed("deprovision", "typed", "") error=cx.error("deprovision", "typed")/>
                        {reason_field(&cx, "deprovision", "")}
                    </div>
                    <footer>
                        <div class="row push">
                            <a class="btn btn-quiet" href=domain_page(&name, "")>"Keep it"</a>
                            <button class="btn btn-solid">"Deprovision 1 domain"</button>
                        </div>
                    </footer>
                </form>
            },
        ))
    })
}

/// The page while MailChannels does not say what is there.
fn unread(cx: &Cx, name: &DomainName, what: &str, next: &str) -> Page {
    let back = domain_page(name.as_str(), "");
    Page::new(
        format!("Deprovision {name}"),
        view! {
            <div class="page-head">
                <p><a class="linkish" href=back>{icon(Icon::ChevronLeft)}<span class="mono">{name.to_string()}</span></a></p>
                <h1>"Deprovision "<span class="mono">{name.to_string()}</span></h1>
            </div>
            {note(cx.flash.as_ref())}
            <div class="gap">{alert("warn", format!("What it would lose can't be read now. {what}"), next.to_owned(), None)}</div>
        },
    )
    .status(StatusCode::BAD_GATEWAY)
}
