//! The rows of a plan or a job: what each comes to, what became of it.

use crate::{
    api::forms::domain_page,
    components::{Cx, Icon, heads, icon, policy_badge, state},
};
use desk::{Asker, DeskError, JobLineView, JobView, KeyRef, Snapshot, Whole};
use inbound::{plan::Verdict, words};
use leptos::prelude::*;
use store::LineFilter;

/// Rows of a page.
const PAGE: u32 = 100;

/// A verdict's icon, tone and word.
pub fn verdict_words(verdict: Verdict) -> (Icon, &'static str, &'static str) {
    match verdict {
        Verdict::New => (Icon::Plus, "ok", "New"),
        Verdict::Change => (Icon::Pencil, "", "Changes"),
        Verdict::Exists => (Icon::Equal, "", "Exists"),
        Verdict::Same => (Icon::Equal, "", "No change"),
        Verdict::Invalid => (Icon::CircleX, "bad", "Invalid"),
        Verdict::Forbidden => (Icon::Lock, "warn", "Not allowed"),
    }
}

/// A row's outcome: icon, tone and word.
fn outcome_words(view: &JobView, line: &JobLineView) -> (Icon, &'static str, &'static str) {
    match line.state.as_str() {
        "done" => (Icon::Check, "ok", view.kind.done()),
        "failed" => (Icon::CircleX, "bad", "Failed"),
        "sent" => (Icon::RefreshCw, "", "Under way"),
        "unknown" => (Icon::CircleHelp, "warn", "Not known yet"),
        "planned" => (Icon::CircleDashed, "", "Waiting"),
        _ if line.verdict.acts() => (Icon::Minus, "", "Not sent"),
        _ => verdict_words(line.verdict),
    }
}

/// A list before and after, in words: what goes struck, what comes underlined.
fn diff(label: &'static str, before: &[String], after: &[String]) -> AnyView {
    let gone = before
        .iter()
        .filter(|item| !after.contains(item))
        .map(|item| view! { <del>{item.clone()}</del>" " })
        .collect_view();
    let new = after
        .iter()
        .filter(|item| !before.contains(item))
        .map(|item| view! { <ins>{item.clone()}</ins>" " })
        .collect_view();
    view! { <span class="wrap">{label}": "{gone}{new}</span>" " }.into_any()
}

fn one(label: &'static str, before: Option<&str>, after: Option<&str>) -> Option<AnyView> {
    let list = |value: Option<&str>| value.into_iter().map(str::to_owned).collect::<Vec<_>>();
    (before != after).then(|| diff(label, &list(before), &list(after)))
}

/// The settings of a snapshot, each with its label.
fn parts(snapshot: &Snapshot) -> Option<[(&'static str, Option<String>); 4]> {
    let Snapshot::Settings { policy, override_recipient, header_name, header_value } = snapshot else { return None };
    let over = override_recipient.map(|over| if over { "on" } else { "off" }.to_owned());
    Some([
        ("Policy", policy.clone()),
        ("Override", over),
        ("Header", header_name.clone()),
        ("Value", header_value.clone()),
    ])
}

fn settings(before: &Snapshot, after: &Snapshot) -> Option<AnyView> {
    let changes = parts(before)?.into_iter().zip(parts(after)?);
    let shown = changes.filter_map(|((label, old), (_, new))| one(label, old.as_deref(), new.as_deref()));
    Some(shown.collect_view().into_any())
}

fn whole(whole: &Whole) -> AnyView {
    let mut parts = vec![words::count(whole.servers.len() as u64, "server", "servers")];
    for (list, one, many) in [(&whole.aliases, "alias", "aliases"), (&whole.admins, "admin", "admins")] {
        if !list.is_empty() {
            parts.push(words::count(list.len() as u64, one, many));
        }
    }
    let policy = whole.policy.clone().map(|policy| policy_badge(Some(&policy)));
    view! { {policy}" "{parts.join(", ")} }.into_any()
}

/// What changes, in words.
fn change(before: Option<&Snapshot>, after: Option<&Snapshot>, keys: &[KeyRef]) -> AnyView {
    let label = |fingerprint: &Option<String>| {
        let known = fingerprint.as_ref().map(|one| keys.iter().find(|key| key.fingerprint == *one));
        match known {
            Some(Some(key)) => key.label.clone(),
            Some(None) => "another key".to_owned(),
            None => "free or unknown".to_owned(),
        }
    };
    let Some(after) = after else { return ().into_any() };
    match (before, after) {
        (Some(before @ Snapshot::Settings { .. }), after @ Snapshot::Settings { .. }) => {
            settings(before, after).into_any()
        }
        (Some(Snapshot::Servers { servers: a }), Snapshot::Servers { servers: b }) => diff("Servers", a, b),
        (Some(Snapshot::Admins { admins: a }), Snapshot::Admins { admins: b }) => diff("Admins", a, b),
        (_, Snapshot::Alias { alias, present }) => {
            let (a, b) = (std::slice::from_ref(alias), &[][..]);
            if *present { diff("Alias", b, a) } else { diff("Alias", a, b) }
        }
        (before, Snapshot::Holder { fingerprint }) => {
            let was = match before {
                Some(Snapshot::Holder { fingerprint }) => label(fingerprint),
                _ => label(&None),
            };
            diff("Key", &[was], &[label(fingerprint)])
        }
        (_, Snapshot::Entry { target, present }) => {
            let (verb, to) = if *present { ("Add", "to") } else { ("Remove", "from") };
            view! { <span class="wrap">{verb}" "<span class="mono">{target.item.clone()}</span>{format!(" {to} the {}", target.list.as_str())}</span> }
                .into_any()
        }
        (Some(Snapshot::Domain(a)), Snapshot::Domain(b)) => view! {
            {settings(&a.settings(), &b.settings())}
            {(a.servers != b.servers).then(|| diff("Servers", &a.servers, &b.servers))}
            {(a.admins != b.admins).then(|| diff("Admins", &a.admins, &b.admins))}
            {(a.aliases != b.aliases).then(|| diff("Aliases", &a.aliases, &b.aliases))}
        }
        .into_any(),
        (None, Snapshot::Domain(new)) => whole(new),
        (Some(Snapshot::Domain(old)), Snapshot::Provisioned { present: false }) => {
            view! { "Takes away "{whole(old)} }.into_any()
        }
        _ => ().into_any(),
    }
}

/// The table. A plan shows what rows come to, a job what became of them.
fn table(view: &JobView, lines: Vec<JobLineView>, keys: &[KeyRef], now: i64) -> impl IntoView + use<> {
    let planned = view.row.state == "planned";
    let second = if planned { "Result" } else { "Outcome" };
    let rows = lines
        .into_iter()
        .map(|line| {
            let goes = matches!(line.after, Some(Snapshot::Provisioned { present: false }));
            let (which, tone, word) = match planned {
                true if goes => (Icon::Trash2, "warn", "Goes"),
                true => verdict_words(line.verdict),
                false => outcome_words(view, &line),
            };
            let named = line.verdict != Verdict::Invalid;
            let link = if line.object.contains('@') {
                format!("/recipients/{}", crate::api::forms::segment(&line.object))
            } else {
                domain_page(&line.object, "")
            };
            let object = if named {
                view! { <a class="mono" href=link>{line.object.clone()}</a> }.into_any()
            } else {
                view! { <span class="mono">{line.object.clone()}</span> }.into_any()
            };
            let mut said: Vec<String> = line.reason.map(|reason| reason.title().to_owned()).into_iter().collect();
            said.extend([line.note.clone(), line.detail.clone()].into_iter().filter(|text| !text.is_empty()));
            let change = change(line.before.as_ref(), line.after.as_ref(), keys);
            let tone_text = if line.verdict == Verdict::Invalid || line.reason.is_some() { "bad" } else { "hint" };
            let at = line.at.filter(|_| !planned).map(|at| crate::components::age(now, at));
            view! {
                <tr role="row">
                    <td role="cell" data-l="Line" class="num muted">{line.line}</td>
                    <th role="rowheader" scope="row" class="main named">{object}</th>
                    <td role="cell" data-l=second>{state(which, tone, word)}</td>
                    <td role="cell" data-l="Key" class="lo">{line.key.clone()}</td>
                    <td role="cell" class="wide sm">{change}<span class=tone_text>{said.join(". ")}</span></td>
                    {(!planned).then(|| view! { <td role="cell" data-l="When" class="num lo muted nw">{at}</td> })}
                </tr>
            }
        })
        .collect_view();
    let head = [("Line", "num"), ("Name", ""), (second, ""), ("Key", "lo"), ("Detail", "")];
    view! {
        <div class="tw"><table role="table" class="table cards" aria-label="Rows">
            <thead role="rowgroup"><tr role="row">
                {heads(&head)}
                {(!planned).then(|| view! { <th role="columnheader" scope="col" class="num lo">"When"</th> })}
            </tr></thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table></div>
    }
}

/// One page of a plan's or job's rows that a filter lets through, after those of the address, and the links to turn
/// it. `base` is the address without the turning.
pub async fn paged(
    cx: &Cx,
    asker: &Asker,
    view: &JobView,
    filter: LineFilter,
    base: &str,
) -> Result<(AnyView, AnyView), DeskError> {
    let after = cx.query("after").and_then(|after| after.parse().ok()).unwrap_or_default();
    let filter = LineFilter { after, limit: PAGE + 1, ..filter };
    let mut lines = cx.desk.job_lines(asker, view.row.number, &filter).await?;
    let more = lines.len() > PAGE as usize;
    lines.truncate(PAGE as usize);
    let last = lines.last().map(|line| line.seq).filter(|_| more);
    let keys = cx.desk.key_refs(&cx.actor.person).await?;
    Ok((table(view, lines, &keys, cx.now).into_any(), turn(base, after, last).into_any()))
}

/// A link to the next rows, and to the first.
fn turn(base: &str, after: i64, last: Option<i64>) -> impl IntoView + use<> {
    let joint = if base.contains('?') { '&' } else { '?' };
    let next = last.map(|last| format!("{base}{joint}after={last}"));
    let first = (after > 0).then(|| base.to_owned());
    view! {
        <nav class="row sm gap" aria-label="Pages">
            <div class="row push">
                {first.map(|url| view! { <a class="btn btn-sm" href=url>{icon(Icon::ChevronLeft)}"First rows"</a> })}
                {next.map(|url| view! { <a class="btn btn-sm" rel="next" href=url>"Next rows"{icon(Icon::ChevronRight)}</a> })}
            </div>
        </nav>
    }
}
