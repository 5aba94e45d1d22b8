//! Badges, states, alerts and empty states. Only exceptions take colour, always with icon and word.

use crate::components::{Icon, icon};
use inbound::words;
use leptos::prelude::*;

/// Identity or policy: a grey chip.
pub fn badge(which: Icon, text: impl Into<String>) -> AnyView {
    view! { <span class="badge">{icon(which)}{text.into()}</span> }.into_any()
}

/// A condition: icon and word; `tone` is empty for the quiet ones.
pub fn state(which: Icon, tone: &'static str, text: impl Into<String>) -> AnyView {
    view! { <span class="state" data-tone=(!tone.is_empty()).then_some(tone)>{icon(which)}{text.into()}</span> }
        .into_any()
}

/// A message with tone, title and next step.
pub fn alert(
    tone: &'static str,
    title: impl Into<String>,
    detail: impl Into<String>,
    action: Option<AnyView>,
) -> AnyView {
    let detail = detail.into();
    let which = match tone {
        "ok" => Icon::CircleCheck,
        "bad" => Icon::CircleX,
        "warn" => Icon::TriangleAlert,
        _ => Icon::Info,
    };
    view! {
        <div class="alert" data-tone=tone role=if tone == "bad" { "alert" } else { "status" }>
            {icon(which)}
            <div><b>{title.into()}</b>{(!detail.is_empty()).then(|| view! { <p>{detail}</p> })}</div>
            {action}
        </div>
    }
    .into_any()
}

/// The head of a table's columns: label and class of each. A column without a label, such as that of buttons, has none.
pub fn heads(labels: &[(&'static str, &'static str)]) -> AnyView {
    labels
        .iter()
        .map(|(label, class)| match *label {
            "" => view! { <td role="cell"></td> }.into_any(),
            label => view! { <th role="columnheader" scope="col" class=*class>{label}</th> }.into_any(),
        })
        .collect_view()
        .into_any()
}

/// Nothing to show, which nothing, and one thing to do about it.
pub fn empty(which: Icon, title: impl Into<String>, text: impl Into<String>, action: Option<AnyView>) -> AnyView {
    view! { <div class="empty">{icon(which)}<h2>{title.into()}</h2><p>{text.into()}</p>{action}</div> }.into_any()
}

/// A policy as a badge. Block, flag and quarantine are choices, so none has a tone.
pub fn policy_badge(policy: Option<&str>) -> AnyView {
    match policy {
        Some("block") => badge(Icon::Ban, "Block").into_any(),
        Some("flag") => badge(Icon::Flag, "Flag").into_any(),
        Some("quarantine") => badge(Icon::Archive, "Quarantine").into_any(),
        Some(other) => badge(Icon::CircleHelp, other).into_any(),
        None => state(Icon::CircleHelp, "", "Unknown").into_any(),
    }
}

/// How long ago, in words.
pub fn age(now: i64, then: i64) -> String {
    let seconds = u64::try_from((now - then) / 1000).unwrap_or_default();
    if seconds < 2 { "just now".into() } else { format!("{} ago", words::age(seconds)) }
}

/// What happened and the next step, as desk has it.
type Words = (String, String);

/// What has the same words, together, so that one banner says them: names in order, and the words.
pub fn together<'a>(all: impl IntoIterator<Item = (String, &'a Words)>) -> Vec<(Vec<String>, Words)> {
    let mut groups: Vec<(Vec<String>, Words)> = Vec::new();
    for (name, words) in all {
        match groups.iter_mut().find(|(_, known)| known == words) {
            Some((known, _)) => known.push(name),
            None => groups.push((vec![name], words.clone())),
        }
    }
    groups
}
