//! The side of a domain's page: its key, aliases and admins.

use crate::components::{Cx, Field, Icon, SelectField, TextArea, icon, reason_field};
use desk::DomainView;
use inbound::{association::Association, name::DomainName};
use leptos::prelude::*;

/// Which key holds it, and moving it to another.
pub fn key_card(cx: &Cx, view: &DomainView, editable: bool) -> impl IntoView + use<> {
    let (words, hint) = match &view.association {
        Association::Locked(_) => (
            view.holder().map_or("Another key".to_owned(), |key| key.label.clone()),
            "Only this key can read or change the domain.",
        ),
        Association::Free => ("Free".to_owned(), "Every key of the account can read and change it."),
        Association::Unknown => (
            "Unknown".to_owned(),
            "With one key of an account this cannot be decided: the service has no call that tells.",
        ),
    };
    let reached = view.reached_by.iter().map(|key| key.label.clone()).collect::<Vec<_>>().join(", ");
    let mut options: Vec<(String, String)> = view
        .other_keys
        .iter()
        .chain(view.reached_by.iter().filter(|key| view.holder() != Some(*key)))
        .map(|key| (key.id.clone(), key.label.clone()))
        .collect();
    options.sort_by(|a, b| a.1.cmp(&b.1));
    options.dedup();
    let form = (editable && !options.is_empty()).then(|| {
        options.insert(0, (String::new(), "Choose a key".to_owned()));
        view! {
            <form class="stack" method="post" action="/do/domains/associate">
                <input type="hidden" name="name" value=view.name.as_str().to_owned()/>
                <SelectField name="key" form="associate" label="Lock to another key" options=options
                    value=cx.typed("associate", "key", "") error=cx.error("associate", "key")
                    hint="The key that holds it now loses it. Lists and settings stay."/>
                {reason_field(cx, "associate", "")}
                <button class="btn">"Lock to this key"</button>
            </form>
        }
    });
    view! {
        <section class="card" id="key" aria-labelledby="h-key">
            <header><h2 id="h-key">"Key association"</h2></header>
            <div class="body stack">
                <dl class="facts"><dt>"Key"</dt><dd>{words}</dd><dt>"Reached by"</dt><dd>{reached}</dd></dl>
                <p class="hint">{hint}</p>
                {form}
            </div>
        </section>
    }
}

/// The aliases.
pub fn aliases(cx: &Cx, view: &DomainView, editable: bool) -> impl IntoView + use<> {
    let name = view.name.as_str().to_owned();
    let items = view
        .aliases
        .iter()
        .map(|alias| {
            let shown = DomainName::parse(alias).map_or_else(|_| alias.clone(), |alias| alias.to_unicode());
            let (name, alias) = (name.clone(), alias.clone());
            view! {
                <li>
                    <span class="mono">{shown.clone()}</span>
                    {editable.then(|| view! {
                        <form method="post" action="/do/domains/alias/remove">
                            <input type="hidden" name="name" value=name/>
                            <input type="hidden" name="alias" value=alias/>
                            <button class="btn btn-quiet btn-sm" aria-label=format!("Remove alias {shown}")>{icon(Icon::X)}"Remove"</button>
                        </form>
                    })}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card" id="aliases" aria-labelledby="h-al">
            <header><h2 id="h-al">"Aliases"</h2><span class="muted sm">{view.aliases.len()}</span></header>
            <ul class="list">{items}</ul>
            {editable.then(|| view! {
                <form class="body stack" method="post" action="/do/domains/alias/add">
                    <input type="hidden" name="name" value=name/>
                    <Field name="alias" form="alias" label="Add an alias" mono=true value=cx.typed("alias", "alias", "") error=cx.error("alias", "alias")/>
                    {reason_field(cx, "alias", "")}
                    <button class="btn">"Add alias"</button>
                </form>
            })}
        </section>
    }
}

/// The domain admins.
pub fn admins(cx: &Cx, view: &DomainView, editable: bool) -> impl IntoView + use<> {
    view! {
        <section class="card" id="admins" aria-labelledby="h-ad">
            <header><h2 id="h-ad">"Domain admins"</h2><span class="muted sm">{view.admins.len()}</span></header>
            <form class="body stack" method="post" action="/do/domains/admins">
                <input type="hidden" name="name" value=view.name.as_str().to_owned()/>
                <input type="hidden" name="base" value=view.admins_snapshot().base()/>
                <TextArea name="admins" label="Addresses, one a line" rows=3 disabled=!editable
                    value=cx.typed("admins", "admins", &view.admins.join("\n")) error=cx.error("admins", "admins")/>
                {editable.then(|| view! { {reason_field(cx, "admins", "")}<div class="row"><button class="btn push">"Save admins"</button></div> })}
            </form>
        </section>
    }
}
