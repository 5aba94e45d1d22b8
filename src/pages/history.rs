//! What was done to a domain through Sluice.

use crate::api::forms::domain_page;
use crate::components::{Cx, Icon, age, icon, state};
use crate::pages::audit_view;
use crate::server::actor::Need;
use desk::{HistoryRow, Snapshot};
use leptos::prelude::*;

/// A change in words.
fn words(row: &HistoryRow) -> String {
    let list = |items: &[String]| {
        if items.is_empty() { "none".to_owned() } else { items.join(", ") }
    };
    match (&row.before, &row.after) {
        (Some(Snapshot::Settings { policy: old, .. }), Some(Snapshot::Settings { policy: new, .. })) if old != new => {
            let name = |policy: &Option<String>| policy.clone().unwrap_or_else(|| "none".into());
            format!("Changed policy from {} to {}", name(old), name(new))
        }
        (_, Some(Snapshot::Settings { .. })) => "Changed spam handling".into(),
        (Some(Snapshot::Servers { servers: old }), Some(Snapshot::Servers { servers: new })) => {
            format!("Replaced servers: {} became {}", list(old), list(new))
        }
        (_, Some(Snapshot::Admins { admins })) => format!("Set admins to {}", list(admins)),
        (_, Some(Snapshot::Alias { alias, present: true })) => format!("Added alias {alias}"),
        (_, Some(Snapshot::Alias { alias, present: false })) => format!("Removed alias {alias}"),
        (_, Some(Snapshot::Holder { .. })) => "Locked to another key".into(),
        (_, Some(Snapshot::Entry { target, present })) => {
            let (verb, to) = if *present { ("Added", "to") } else { ("Removed", "from") };
            format!("{verb} {} {to} the {}", target.item, target.list.as_str())
        }
        (Some(Snapshot::Domain(_)), Some(Snapshot::Domain(_))) => {
            "Set servers, policy, admins and aliases from a file".into()
        }
        (_, Some(Snapshot::Domain(_) | Snapshot::Provisioned { present: true })) => "Provisioned".into(),
        (_, Some(Snapshot::Provisioned { present: false })) => "Deprovisioned".into(),
        _ if row.action == "domain.login-link" => "Created a login link".into(),
        _ if row.action == "domain.mx-mute" => "Muted its MX records".into(),
        _ if row.action == "domain.mx-unmute" => "Unmuted its MX records".into(),
        _ => row.action.clone(),
    }
}

/// The card.
pub fn card(cx: &Cx, domain: &str, rows: Vec<HistoryRow>) -> impl IntoView + use<> {
    let (now, may) = (cx.now, cx.actor.may(Need::ChangeDomains));
    let none = rows.is_empty().then(|| view! { <p class="body hint">"No change was made through Sluice yet."</p> });
    let domain = domain.to_owned();
    let rows = rows
        .into_iter()
        .map(|row| {
            let outcome = row.outcome.as_deref().unwrap_or("under way");
            let done = outcome.starts_with("done");
            let undoable = done
                && may
                && row.after.is_some()
                && !matches!(
                    row.before,
                    None | Some(
                        Snapshot::Provisioned { .. } | Snapshot::Domain(_) | Snapshot::Holder { fingerprint: None }
                    )
                );
            let (which, tone) = if done { (Icon::Check, "") } else { (Icon::TriangleAlert, "warn") };
            let (action, field, value) = match row.after {
                Some(Snapshot::Entry { .. }) => ("/do/lists/undo", "back", domain_page(&domain, "")),
                _ => ("/do/domains/undo", "name", domain.clone()),
            };
            let undo = undoable.then(|| {
                view! {
                    <form method="post" action=action>
                        <input type="hidden" name=field value=value/>
                        <input type="hidden" name="change" value=row.id.to_string()/>
                        <button class="btn btn-quiet btn-sm">{icon(Icon::Undo2)}"Undo"</button>
                    </form>
                }
            });
            view! {
                <tr role="row">
                    <td role="cell" data-l="When" class="nw muted">{age(now, row.at)}</td>
                    <td role="cell" data-l="Who">{row.person.clone()}</td>
                    <th role="rowheader" scope="row" class="main wide">{words(&row)}{row.job.map(|job| view! { <small class="hint">{format!("Job {job}")}</small> })}</th>
                    <td role="cell" data-l="Outcome">{state(which, tone, outcome.to_owned())}</td>
                    <td role="cell" class="end">{undo}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card gap" id="history" aria-labelledby="h-hi">
            <header><h2 id="h-hi">"History"</h2><span class="hint">"Changes made through Sluice, newest first"</span><span class="push">{audit_view::link(cx, "domain", &domain)}</span></header>
            {match none {
                Some(none) => none.into_any(),
                None => view! {
                    <div class="tw"><table role="table" class="table cards" aria-labelledby="h-hi">
                        <thead role="rowgroup"><tr role="row">
                            <th role="columnheader" scope="col">"When"</th><th role="columnheader" scope="col">"Who"</th>
                            <th role="columnheader" scope="col">"Change"</th><th role="columnheader" scope="col">"Outcome"</th>
                            <th role="columnheader" scope="col"><span class="vh">"Undo"</span></th>
                        </tr></thead>
                        <tbody role="rowgroup">{rows}</tbody>
                    </table></div>
                }.into_any(),
            }}
        </section>
    }
}
