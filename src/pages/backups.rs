//! Backups: which there are, and a button for one more.

use crate::{
    components::{Cx, Icon, age, alert, empty, heads, icon, note, page, page::Page},
    server::{actor::Need, backup::Backup, state::AppState},
};
use inbound::words;
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn Backups() -> impl IntoView {
    let backups = expect_context::<AppState>().backups;
    page("/backups", Need::SeePeople, async move |cx: Arc<Cx>| {
        let found = backups.folder.is_some().then(|| backups.list());
        Ok(Page::new("Backups", body(&cx, found, backups.hours, backups.keep)))
    })
}

fn body(cx: &Cx, found: Option<std::io::Result<Vec<Backup>>>, hours: u32, keep: usize) -> impl IntoView + use<> {
    let now = cx.now;
    let schedule = match hours {
        0 => format!("None is made by itself, and the newest {keep} stay."),
        1 => format!(
            "One is made every hour. The newest of an hour stays, for {keep} hours, and up to {keep} of the newest one."
        ),
        hours => format!(
            "One is made every {hours} hours. The newest of each such stretch stays, for {keep} stretches, and up to {keep} of the newest one."
        ),
    };
    let list = match found {
        None => alert(
            "warn",
            "No backups are made",
            "Set SLUICE_BACKUP_DIR to a folder that outlives this machine’s disk, or run “sluice backup --to …” from a timer.",
            None,
        ),
        Some(Err(error)) => {
            tracing::error!(%error, "the folder of backups can't be read");
            alert(
                "bad",
                "The folder of backups can’t be read",
                "Its path is in SLUICE_BACKUP_DIR; the log has the reason.",
                None,
            )
        }
        Some(Ok(list)) => {
            let rows = list
                .into_iter()
                .map(|backup| {
                    view! {
                        <tr role="row">
                            <th role="rowheader" scope="row" class="main mono">{backup.name}</th>
                            <td role="cell" data-l="Made" class="muted nw">{age(now, backup.at)}</td>
                            <td role="cell" data-l="Size" class="num">{format!("{} KB", words::thousands(backup.bytes.div_ceil(1024)))}</td>
                        </tr>
                    }
                })
                .collect::<Vec<_>>();
            let table = if rows.is_empty() {
                empty(Icon::Archive, "No backup yet", "The first one is made soon after the start.", None)
            } else {
                view! {
                    <div class="tw">
                        <table role="table" class="table cards" aria-labelledby="h-backups">
                            <thead role="rowgroup"><tr role="row">
                                {heads(&[("File", ""), ("Made", ""), ("Size", "num")])}
                            </tr></thead>
                            <tbody role="rowgroup">{rows}</tbody>
                        </table>
                    </div>
                }
                .into_any()
            };
            view! {
                <section class="card gap" aria-labelledby="h-backups">
                    <header>
                        <h2 id="h-backups">"Backups"</h2>
                        <form class="push" method="post" action="/do/backups/make"><button class="btn btn-sm btn-primary">{icon(Icon::Archive)}"Make one now"</button></form>
                    </header>
                    {table}
                    <footer><p class="hint">{schedule}" Each is checked when it is made."</p></footer>
                </section>
            }
            .into_any()
        }
    };
    view! {
        <div class="page-head">
            <h1>"Backups"</h1>
            <p>"A backup holds everything but the key-encryption key, without which the API keys in it can’t be read: keep that elsewhere, and keep it. Putting one back is a command, while Sluice stands still: sluice restore."</p>
        </div>
        {note(cx.flash.as_ref())}
        {list}
    }
}
