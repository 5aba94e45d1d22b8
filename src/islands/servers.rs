//! The table of downstream servers: rows come and go, and the difference shows as one types.

#![expect(missing_docs, reason = "the macro makes a struct of the properties, which the island documents")]

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One row of the form, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLine {
    /// Lowest is tried first.
    pub priority: String,
    /// Share within a priority.
    pub weight: String,
    /// TCP port.
    pub port: String,
    /// Host name.
    pub target: String,
    /// Errors of the last attempt, by field in the order above; empty where fine.
    pub errors: [String; 4],
}

impl ServerLine {
    /// The row as it compares: numbers and name without what doesn't matter. `None` for a blank row.
    fn key(&self) -> Option<[String; 4]> {
        let target = self.target.trim().trim_end_matches('.').to_lowercase();
        let numbers = [&self.priority, &self.weight, &self.port].map(|text| {
            let text = text.trim();
            text.parse::<u32>().map_or_else(|_| text.to_owned(), |number| number.to_string())
        });
        if target.is_empty() {
            return None;
        }
        let [priority, weight, port] = numbers;
        Some([priority, weight, port, target])
    }
}

/// What saving would do, row by row: kept, removed, added.
fn compare(before: &[ServerLine], now: &[ServerLine]) -> Vec<(&'static str, &'static str, String)> {
    let before: Vec<_> = before.iter().filter_map(ServerLine::key).collect();
    let now: Vec<_> = now.iter().filter_map(ServerLine::key).collect();
    let text = |key: &[String; 4]| format!("{:>5} {:>5} {:>5}  {}", key[0], key[1], key[2], key[3]);
    let old = before
        .iter()
        .map(|key| if now.contains(key) { ("", "  Keep", text(key)) } else { ("bad", "- Remove", text(key)) });
    let new = now.iter().filter(|key| !before.contains(key)).map(|key| ("ok", "+ Add", text(key)));
    old.chain(new).collect()
}

/// Most servers of a domain `[spec]`.
const MAX: usize = 10;

/// The rows, with a spare one for those without scripts.
#[island]
pub fn ServersEditor(
    /// The servers now, to compare with.
    before: Vec<ServerLine>,
    /// The rows of the form: the servers, or what was typed before an error.
    rows: Vec<ServerLine>,
    /// Whether the person may change them.
    editable: bool,
) -> impl IntoView {
    let next_id = RwSignal::new(rows.len());
    let lines: Vec<_> = rows.into_iter().enumerate().map(|(id, row)| (id, RwSignal::new(row))).collect();
    let lines = RwSignal::new(lines);
    let hydrated = RwSignal::new(false);
    Effect::new(move || hydrated.set(true));
    let add = move |_| {
        let id = next_id.get_untracked();
        next_id.set(id + 1);
        let line =
            ServerLine { priority: "10".into(), weight: "100".into(), port: "25".into(), ..ServerLine::default() };
        lines.update(|lines| lines.push((id, RwSignal::new(line))));
    };
    let before_count = before.iter().filter(|line| line.key().is_some()).count();
    let diff = Memo::new(move |_| {
        let now: Vec<_> = lines.get().iter().map(|(_, line)| line.get()).collect();
        compare(&before, &now)
    });
    let changed = move || hydrated.get() && diff.with(|diff| diff.iter().any(|(tone, ..)| !tone.is_empty()));
    let full = move || lines.with(Vec::len) >= MAX;
    let after_count = move || diff.with(|diff| diff.iter().filter(|(tone, ..)| *tone != "bad").count());
    view! {
        <div class="tw">
        <table role="table" class="table cards" aria-label="Downstream servers">
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">"Priority"</th>
                    <th role="columnheader" scope="col">"Weight"</th>
                    <th role="columnheader" scope="col">"Port"</th>
                    <th role="columnheader" scope="col">"Target"</th>
                    <th role="columnheader" scope="col"><span class="vh">"Remove"</span></th>
                </tr>
            </thead>
            <tbody role="rowgroup">
                <For each=move || lines.get() key=|(id, _)| *id let((id, line))>
                    <tr role="row">
                        <td role="cell" data-l="Priority">{cell(id, 0, line, editable)}</td>
                        <td role="cell" data-l="Weight">{cell(id, 1, line, editable)}</td>
                        <td role="cell" data-l="Port">{cell(id, 2, line, editable)}</td>
                        <td role="cell" data-l="Target" class="main wide">{cell(id, 3, line, editable)}</td>
                        <td role="cell" class="end">
                            {editable.then(|| view! {
                                <button
                                    type="button"
                                    class="btn btn-quiet btn-sm js-only"
                                    aria-label=move || format!("Remove server {}", line.get().target)
                                    on:click=move |_| lines.update(|lines| lines.retain(|(other, _)| *other != id))
                                >"Remove"</button>
                            })}
                        </td>
                    </tr>
                </For>
            </tbody>
        </table>
        </div>
        <div class="body stack">
            <div class="row">
                {editable.then(|| view! {
                    <button type="button" class="btn btn-sm js-only" disabled=full on:click=add>"Add server"</button>
                })}
                <span class="hint">"Lowest priority is tried first; weight splits mail within a priority. A row without a target is left out. At most 10."</span>
            </div>
            <div class="stack" hidden=move || !changed()>
                <p class="label">{move || format!("Saving replaces the whole list: {} become {}", servers(before_count), after_count())}</p>
                <div class="diff" role="region" aria-label="Changes to downstream servers" tabindex="0">
                    {move || diff.get().into_iter().map(|(tone, word, line)| view! {
                        <div data-tone=(!tone.is_empty()).then_some(tone)><b>{word}</b>{line}</div>
                    }).collect_view()}
                </div>
            </div>
        </div>
    }
}

fn servers(count: usize) -> String {
    if count == 1 { "1 server".into() } else { format!("{count} servers") }
}

fn cell(id: usize, index: usize, line: RwSignal<ServerLine>, editable: bool) -> impl IntoView {
    let name = ["priority", "weight", "port", "target"][index];
    let label = ["Priority", "Weight", "Port", "Target"][index];
    let field_id = format!("server-{id}-{name}");
    let error_id = format!("{field_id}-err");
    let value = line.with_untracked(|line| match index {
        0 => line.priority.clone(),
        1 => line.weight.clone(),
        2 => line.port.clone(),
        _ => line.target.clone(),
    });
    let error = line.with_untracked(|line| line.errors[index].clone());
    let invalid = !error.is_empty();
    let input = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        line.update(|line| match index {
            0 => line.priority = text,
            1 => line.weight = text,
            2 => line.port = text,
            _ => line.target = text,
        });
    };
    view! {
        <input
            class=if index == 3 { "input mono" } else { "input w4" }
            name=format!("servers[{id}][{name}]")
            id=field_id
            inputmode=(index < 3).then_some("numeric")
            autocomplete="off"
            spellcheck="false"
            value=value
            aria-label=format!("{label}, server {}", id + 1)
            autofocus=invalid
            aria-invalid=invalid.then_some("true")
            aria-describedby=invalid.then(|| error_id.clone())
            readonly=!editable
            on:input=input
        />
        {invalid.then(|| view! { <span class="err" id=error_id>{error}</span> })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> ServerLine {
        let mut parts = text.split(' ').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        ServerLine { priority: next(), weight: next(), port: next(), target: next(), ..ServerLine::default() }
    }

    #[test]
    fn the_difference_ignores_spelling_and_blank_rows() {
        let before = [line("10 100 25 a.example"), line("20 100 25 b.example")];
        let now = [line("010 100 25 A.example."), line("10 100 25 "), line("20 50 25 b.example")];
        let words: Vec<_> = compare(&before, &now).into_iter().map(|(_, word, _)| word).collect();
        assert_eq!(words, ["  Keep", "- Remove", "+ Add"]);
        assert!(compare(&before, &before).iter().all(|(tone, ..)| tone.is_empty()));
    }
}
