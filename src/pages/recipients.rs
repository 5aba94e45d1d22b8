//! Recipients: create one, open one with its lists.

use crate::{
    api::forms::segment,
    components::{Cx, Field, Icon, TextArea, badge, empty, field_error, icon, note, page, page::Page, reason_field},
    pages::{
        entries::{add_form, card, explain_url},
        lists::unknown_recipient,
    },
    server::actor::Need,
};
use desk::{Age, DeskError, RecipientInput, Tiers, Whose};
use http::StatusCode;
use inbound::{lists::lower, name::EmailAddress};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

/// Entries shown on a recipient's page; the rest is one link away.
const SHOWN: usize = 50;

/// The page that creates one, or opens one by its address.
#[component]
pub fn Recipients() -> impl IntoView {
    page("/recipients", Need::Read, async |cx: Arc<Cx>| {
        if cx.keys().await?.refs().is_empty() {
            return Ok(Page::new("Recipients", view! { {note(cx.flash.as_ref())}{crate::pages::provision::no_key()} }));
        }
        // Without scripts, opening one is a query; its page has an address of its own.
        if let Some(open) = cx.query("open") {
            return Ok(match EmailAddress::parse(open) {
                Ok(address) => {
                    leptos_axum::redirect(&format!("/recipients/{}", segment(&lower(&address).to_string())));
                    Page::new("Recipients", ()).status(StatusCode::SEE_OTHER)
                }
                Err(error) => Page::new("Recipients", body(&cx, open, Some(error.to_string()))),
            });
        }
        Ok::<_, DeskError>(Page::new("Recipients", body(&cx, "", None)))
    })
}

fn body(cx: &Cx, open: &str, error: Option<String>) -> impl IntoView + use<> {
    let may = cx.actor.may(Need::Lists);
    let create = may.then(|| create_form(cx));
    view! {
        <div class="page-head">
            <h1>"Recipients"</h1>
            <p>"Recipients appear by themselves with their first mail, and MailChannels does not list them. Open one by its address; create one only when it can't wait."</p>
        </div>
        {note(cx.flash.as_ref())}
        <section class="card" aria-labelledby="h-open">
            <header><h2 id="h-open">"Open a recipient"</h2></header>
            <form class="body stack" action="/recipients">
                <Field name="open" label="Address" mono=true value=open.to_owned() error=error/>
                <div class="row"><button class="btn push">"Open"</button></div>
            </form>
        </section>
        {create}
    }
}

fn create_form(cx: &Cx) -> impl IntoView + use<> {
    let typed = |field: &str, value: &str| cx.typed("recipient", field, value);
    let chosen = typed("filter", "compute");
    let filters = [
        ("compute", "Filtered, unless the limit is reached", "At the limit it is created unfiltered, without an error"),
        ("true", "Filtered", "Refused when the limit of protected recipients is reached"),
        ("false", "Not filtered", "Its mail is delivered without being checked"),
    ]
    .map(|(value, name, text)| {
        view! {
            <label class="check">
                <input type="radio" name="filter" value=value checked=chosen == value/>
                <span><b>{name}</b><small>{text}</small></span>
            </label>
        }
    });
    let admin = !typed("admin", "").is_empty();
    let lines = |field: &str| {
        let errors = cx.errors("recipient", field);
        (!errors.is_empty()).then(|| errors.join(" "))
    };
    // A yes to these very entries, which their warnings asked for.
    let sure = cx.error("recipient", "sure").map(|error| {
        let typed = |field: &str| cx.typed("recipient", field, "");
        let entries =
            RecipientInput { safelist: typed("safelist"), blocklist: typed("blocklist"), ..RecipientInput::default() }
                .entries();
        view! {
            {field_error("recipient-sure-err".into(), Some(error))}
            <label class="check">
                <input type="checkbox" name="sure" value=entries aria-describedby="recipient-sure-err"/>
                <span>"Create it with these entries all the same"</span>
            </label>
        }
    });
    view! {
        <section class="card gap" aria-labelledby="h-new">
            <header><h2 id="h-new">"Create a recipient"</h2><span class="hint">"One that exists is left as it is"</span></header>
            <form class="body stack" method="post" action="/do/recipients/create">
                <Field name="address" form="recipient" label="Address" mono=true
                    value=typed("address", cx.query("address").unwrap_or_default()) error=cx.error("recipient", "address")/>
                <fieldset class="stack tight"><legend class="label">"Filtering"</legend>{filters.into_view()}</fieldset>
                {field_error("recipient-filter-err".into(), cx.error("recipient", "filter"))}
                <label class="check">
                    <input type="checkbox" name="admin" value="true" checked=admin/>
                    <span>"Domain admin"<small>"May sign in to the Domain Console for the whole domain"</small></span>
                </label>
                <div class="cols">
                    <TextArea name="safelist" form="recipient" label="First safelist entries" value=typed("safelist", "") error=lines("safelist") hint="Optional; one a line"/>
                    <TextArea name="blocklist" form="recipient" label="First blocklist entries" value=typed("blocklist", "") error=lines("blocklist") hint="Optional; one a line"/>
                </div>
                {sure}
                {reason_field(cx, "recipient", "")}
                <div class="row"><button class="btn btn-primary push">"Create recipient"</button></div>
            </form>
        </section>
    }
}

/// The page of one recipient.
#[component]
pub fn RecipientPage() -> impl IntoView {
    let text = use_params_map().read_untracked().get("address").unwrap_or_default();
    page("/recipients", Need::Read, async move |cx: Arc<Cx>| {
        let address = match EmailAddress::parse(&text) {
            Ok(address) => lower(&address),
            Err(error) => {
                let body = view! { <h1 class="mono">{text.clone()}</h1>{empty(Icon::CircleX, "That is not an address", error.to_string(), None)} };
                return Ok(Page::new("Not an address", body).status(StatusCode::NOT_FOUND));
            }
        };
        match cx.desk.tiers(&cx.actor.person, &Whose::User(address.clone()), Age::ASecond).await {
            Ok(tiers) => Ok(Page::new(address.to_string(), recipient(&cx, &tiers))),
            Err(DeskError::NotFound(_)) => {
                let text = "None of your keys reaches its domain. It isn't provisioned, or it is locked to a key you don't hold.";
                let action = view! { <a class="btn" href=format!("/domains/{}", segment(address.domain().as_str()))>{icon(Icon::Globe)}"Look its domain up"</a> };
                let body = view! { <h1 class="mono">{address.to_string()}</h1>{empty(Icon::CircleHelp, "Not within reach of your keys", text, Some(action.into_any()))} };
                Ok(Page::new("Not within reach", body).status(StatusCode::NOT_FOUND))
            }
            Err(error) => Err(error),
        }
    })
}

fn recipient(cx: &Cx, tiers: &Tiers) -> impl IntoView + use<> {
    let scope = &tiers.scope;
    let name = scope.name_at(inbound::lists::Tier::User);
    let address = scope.whose.to_string();
    let back = format!("/recipients/{}", segment(&address));
    let domain = match &scope.whose {
        Whose::User(address) => address.domain().clone(),
        _ => return ().into_any(),
    };
    let alias = scope.alias.as_ref().map(|alias| {
        view! { <p class="muted">{format!("{} is an alias of {}, so this is where its lists are.", alias.to_unicode(), domain.to_unicode())}</p> }
    });
    let policy = scope.row.as_ref().map(|row| crate::components::policy_badge(row.policy.as_deref()));
    view! {
        <div class="row page-head">
            <div>
                <p><a class="linkish" href="/recipients">{icon(Icon::ChevronLeft)}"Recipients"</a></p>
                <h1 class="mono">{name}</h1>
                {alias}
            </div>
            <div class="acts"><a class="btn" href=explain_url("", &address) data-key="e">{icon(Icon::Route)}"Explain a mail to it"</a></div>
            <div class="row full">
                <a class="linkish mono" href=format!("/domains/{}", segment(domain.as_str()))>{icon(Icon::Globe)}{domain.to_unicode()}</a>
                {policy}
                {badge(Icon::KeyRound, scope.key.label.clone())}
            </div>
        </div>
        {note(cx.flash.as_ref())}
        <div class="stack gap">{tiers.unknown_recipient.then(|| unknown_recipient(&address))}</div>
        {card(cx, tiers, &back, SHOWN)}
        <div class="gap">{add_form(cx, scope, &back)}</div>
    }
    .into_any()
}
