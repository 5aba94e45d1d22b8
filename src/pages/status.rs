//! How the program does, for administrators: what `/readyz` and `/metrics` tell machines, in words.

use crate::{
    components::{Cx, Icon, age, alert, badge, heads, page, page::Page, state},
    server::{actor::Need, host::HostFacts, state::AppState, totals::Totals},
};
use desk::{Check, Counted, OwnKeys, short_fingerprint};
use inbound::words;
use leptos::prelude::*;
use std::sync::Arc;

/// What of the program itself is shown.
struct Program {
    started_at: i64,
    facts: HostFacts,
    /// What was counted since the start.
    totals: Totals,
    /// The newest backup; nothing where none are made.
    backup: Option<std::io::Result<Option<i64>>>,
}

/// The page.
#[component]
pub fn StatusPage() -> impl IntoView {
    let app = expect_context::<AppState>();
    page("/status", Need::Operate, async move |cx: Arc<Cx>| {
        let checks = app.ready.checks().await;
        let counted = cx.desk.counted().await?;
        let backups = &app.backups;
        let program = Program {
            started_at: app.host.started_at(),
            facts: app.host.look(),
            totals: app.metrics.totals(),
            backup: backups
                .folder
                .is_some()
                .then(|| backups.list().map(|list| list.iter().map(|backup| backup.at).max())),
        };
        let keys = cx.keys().await?;
        Ok(Page::new("Status", body(&cx, &checks, &counted, &program, keys)))
    })
}

fn body(cx: &Cx, checks: &[Check], counted: &Counted, program: &Program, keys: &OwnKeys) -> impl IntoView + use<> {
    let wrong = checks.iter().filter(|check| check.wrong.is_some()).count();
    let summary = if wrong == 0 {
        state(Icon::CircleCheck, "ok", "Ready: all that is needed for work is there.")
    } else {
        alert(
            "bad",
            "Not ready",
            "Changes may be refused until this is mended; what can be read is still shown. The program goes on by itself then.",
            None,
        )
    };
    view! {
        <div class="page-head"><h1>"Status"</h1><p>"This Sluice, its database and its work, as they are now. Machines read the same at /readyz and /metrics."</p></div>
        <div class="stack gap">
            <p>{summary}</p>
            <div class="cols">{ready(checks)}{itself(cx.now, counted, program)}</div>
            <div class="cols">{database(cx.now, counted, program)}{work(counted)}</div>
            {since_start(&program.totals)}
            {mirrors(cx.now, counted, keys)}
            {budgets(counted)}
        </div>
    }
}

fn card(id: &'static str, title: &'static str, facts: AnyView) -> AnyView {
    view! {
        <section class="card" aria-labelledby=id>
            <header><h2 id=id>{title}</h2></header>
            <div class="body"><dl class="facts">{facts}</dl></div>
        </section>
    }
    .into_any()
}

fn fact(name: impl Into<String>, value: impl IntoView + 'static) -> AnyView {
    view! { <dt>{name.into()}</dt><dd>{value}</dd> }.into_any()
}

fn ready(checks: &[Check]) -> AnyView {
    let facts = checks
        .iter()
        .map(|check| {
            let mut name = check.name.to_owned();
            name[..1].make_ascii_uppercase();
            let value = match &check.wrong {
                None => state(Icon::Check, "ok", "Fine"),
                Some(wrong) => state(Icon::TriangleAlert, "bad", wrong.clone()),
            };
            fact(name, value)
        })
        .collect_view()
        .into_any();
    card("h-ready", "Ready", facts)
}

/// A size in words.
fn size(bytes: u64) -> String {
    const GB: u64 = 1_000_000_000;
    match bytes {
        0..1_000_000 => format!("{} KB", words::thousands(bytes.div_ceil(1_000))),
        1_000_000..GB => format!("{} MB", words::thousands(bytes / 1_000_000)),
        _ => format!("{}.{} GB", words::thousands(bytes / GB), bytes % GB / (GB / 10)),
    }
}

fn known(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "Unknown".to_owned(), size)
}

fn itself(now: i64, counted: &Counted, program: &Program) -> AnyView {
    let seconds = u64::try_from((now - program.started_at) / 1_000).unwrap_or_default();
    let facts = view! {
        {fact("Version", env!("CARGO_PKG_VERSION"))}
        {fact("Running for", words::age(seconds))}
        {fact("Memory", known(program.facts.memory))}
        {fact("Sessions", words::thousands(counted.census.sessions.unsigned_abs()))}
    };
    card("h-itself", "This Sluice", facts.into_any())
}

fn database(now: i64, counted: &Counted, program: &Program) -> AnyView {
    let backup = match &program.backup {
        None => state(Icon::TriangleAlert, "warn", "None are made: SLUICE_BACKUP_DIR is not set"),
        Some(Err(_)) => state(Icon::TriangleAlert, "bad", "The folder of backups can’t be read"),
        Some(Ok(None)) => "None yet".into_any(),
        Some(Ok(Some(at))) => age(now, *at).into_any(),
    };
    let head = counted.audit_head.as_ref().map_or_else(|| "The log is empty".to_owned(), ToString::to_string);
    let waited = format!("{:.1} s since the start", counted.waited.as_secs_f64());
    let facts = view! {
        {fact("Schema", counted.schema)}
        {fact("Size", size(counted.census.bytes.unsigned_abs()))}
        {fact("Free on its disk", known(program.facts.disk_free))}
        {fact("Writers waited", waited)}
        {fact("Last backup", view! { <a href="/backups">{backup}</a> })}
        {fact("Audit head", view! { <span class="mono">{head}</span> })}
    };
    card("h-database", "Database", facts.into_any())
}

fn work(counted: &Counted) -> AnyView {
    let number = |counts: &[(String, i64)], state: &str| {
        let found = counts.iter().find(|(known, _)| known == state);
        words::thousands(found.map_or(0, |(_, number)| number.unsigned_abs()))
    };
    let (jobs, rows) = (&counted.census.jobs, &counted.census.job_rows);
    let facts = view! {
        {fact("Running here", words::thousands(counted.running as u64))}
        {fact("Queued", number(jobs, "queued"))}
        {fact("Paused", number(jobs, "paused"))}
        {fact("Plans", number(jobs, "planned"))}
        {fact("Ended", number(jobs, "done"))}
        {fact("Rows that wait", number(rows, "planned"))}
        {fact("Rows on the wire", number(rows, "sent"))}
        {fact("Rows to be read back", number(rows, "unknown"))}
        {fact("Rows that failed", number(rows, "failed"))}
    };
    card("h-work", "Jobs of everybody", facts.into_any())
}

/// What `/metrics` counts.
fn since_start(totals: &Totals) -> AnyView {
    // What MailChannels did not do is 502, and no error of ours.
    let ours = |status: &str| status.starts_with('5') && status != "502";
    let sums = [
        ("Pages and answers", totals.answered(|_| true)),
        ("Refused (4xx)", totals.answered(|status| status.starts_with('4'))),
        ("MailChannels did not answer (502)", totals.answered(|status| status == "502")),
        ("Errors of this program (other 5xx)", totals.answered(ours)),
    ];
    let calls = totals
        .calls
        .iter()
        .map(|(outcome, count)| format!("{} {}", words::thousands(*count), outcome.replace('_', " ")));
    let calls: Vec<_> = calls.collect();
    let mean = |time: Option<std::time::Duration>| {
        time.map_or_else(
            || "Not measured yet".to_owned(),
            |time| format!("{:.1} ms on average", time.as_secs_f64() * 1_000.0),
        )
    };
    let facts = view! {
        {sums.map(|(name, sum)| fact(name, words::thousands(sum))).collect_view()}
        {fact("An answer takes", mean(totals.answered_in))}
        {fact("Calls to MailChannels", if calls.is_empty() { "None yet".to_owned() } else { calls.join(", ") })}
        {fact("A call waits for its place", mean(totals.waited))}
    };
    card("h-since", "Since the start", facts.into_any())
}

/// As much of an account's id as tells accounts apart.
fn short_account(account: &str) -> String {
    let account = account.strip_prefix("key:").unwrap_or(account);
    account.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect()
}

fn table(id: &'static str, title: &'static str, columns: &[(&'static str, &'static str)], rows: AnyView) -> AnyView {
    view! {
        <section class="card" aria-labelledby=id>
            <header><h2 id=id>{title}</h2></header>
            <div class="tw">
                <table role="table" class="table cards" aria-labelledby=id>
                    <thead role="rowgroup"><tr role="row">{heads(columns)}</tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// Everybody's keys. A label is its owner's word, so only the viewer's own are shown.
fn mirrors(now: i64, counted: &Counted, keys: &OwnKeys) -> Option<AnyView> {
    if counted.census.mirrors.is_empty() {
        return None;
    }
    let rows = counted.census.mirrors.iter().map(|key| {
        let own = keys.refs().into_iter().find(|own| own.fingerprint == key.fingerprint).map(|own| own.label);
        let print = short_fingerprint(&key.fingerprint);
        let name = own.map_or_else(
            || view! { <span class="mono">{print.clone()}</span> }.into_any(),
            |label| view! { {label}<span class="sub mono">{print.clone()}</span> }.into_any(),
        );
        let health = match key.health.as_str() {
            "working" => state(Icon::Check, "ok", "Works"),
            "rejected" => state(Icon::TriangleAlert, "bad", "Rejected"),
            "unchecked" => badge(Icon::CircleDashed, "Not checked yet"),
            _ => state(Icon::TriangleAlert, "warn", "Not reached"),
        };
        view! {
            <tr role="row">
                <th role="rowheader" scope="row" class="main">{name}</th>
                <td role="cell" data-l="Account" class="mono">{key.account_id.as_deref().map(short_account)}</td>
                <td role="cell" data-l="State">{health}</td>
                <td role="cell" data-l="Domains" class="num">{words::thousands(key.total.unsigned_abs())}</td>
                <td role="cell" data-l="Read" class="muted nw">{key.synced_at.map_or_else(|| "Never".to_owned(), |at| age(now, at))}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    let heads = [("Key", ""), ("Account", ""), ("State", ""), ("Domains", "num"), ("Read", "")];
    Some(table("h-mirrors", "Keys of everybody", &heads, rows))
}

fn budgets(counted: &Counted) -> Option<AnyView> {
    if counted.budgets.is_empty() {
        return None;
    }
    let rows = counted.budgets.iter().map(|(account, stats)| {
        let breaker = if stats.open {
            state(Icon::TriangleAlert, "warn", "Does not answer; asked now and then")
        } else {
            state(Icon::Check, "ok", "Answers")
        };
        view! {
            <tr role="row">
                <th role="rowheader" scope="row" class="main mono">{short_account(account)}</th>
                <td role="cell" data-l="Calls a second" class="num">{format!("{} of {}", stats.in_window, stats.limit)}</td>
                <td role="cell" data-l="People waiting" class="num">{stats.waiting}</td>
                <td role="cell" data-l="An answer takes" class="num">{format!("{} ms", stats.latency.as_millis())}</td>
                <td role="cell" data-l="MailChannels">{breaker}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    let heads = [
        ("Account", ""),
        ("Calls a second", "num"),
        ("People waiting", "num"),
        ("An answer takes", "num"),
        ("MailChannels", ""),
    ];
    Some(table("h-budgets", "Budget of calls to MailChannels", &heads, rows))
}

#[cfg(test)]
mod tests {
    use super::{short_account, size};

    #[test]
    fn sizes_in_words() {
        for (bytes, words) in
            [(0, "0 KB"), (1, "1 KB"), (999_999, "1,000 KB"), (1_500_000, "1 MB"), (12_340_000_000, "12.3 GB")]
        {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn accounts_are_told_apart() {
        assert_eq!(short_account("019ab123-0000-7000-8000-0123456789ab"), "456789ab");
        assert_eq!(short_account("key:ab12"), "ab12");
    }
}
