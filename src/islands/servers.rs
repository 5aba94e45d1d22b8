//! The table of downstream servers: rows come and go, and the difference shows as one types.

use leptos::prelude::*;

/// One row of the form, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The row as it compares, in one text: numbers and name without what doesn't matter. `None` for a blank row.
    fn key(&self) -> Option<String> {
        let target = lower(self.target.trim().trim_end_matches('.'));
        if target.is_empty() {
            return None;
        }
        let [priority, weight, port] = [&self.priority, &self.weight, &self.port].map(|text| {
            let text = text.trim();
            text.parse::<u32>().map_or_else(|_| text.to_owned(), |number| number.to_string())
        });
        Some(format!("{priority:>5} {weight:>5} {port:>5}  {target}"))
    }
}

/// In small letters. The browser knows them all, so that their table needs not be loaded.
fn lower(text: &str) -> String {
    #[cfg(feature = "hydrate")]
    return web_sys::js_sys::JsString::from(text).to_lower_case().into();
    #[cfg(not(feature = "hydrate"))]
    text.to_lowercase()
}

/// What saving would do, row by row: kept, removed, added.
#[cfg(any(feature = "hydrate", test))]
fn compare(before: &[String], now: &[String]) -> Vec<(&'static str, &'static str, String)> {
    let old = before.iter().map(|row| {
        let (tone, word) = if now.contains(row) { ("", "  Keep") } else { ("bad", "- Remove") };
        (tone, word, row.clone())
    });
    let new = now.iter().filter(|row| !before.contains(row)).map(|row| ("ok", "+ Add", row.clone()));
    old.chain(new).collect()
}

/// Fields of a row, in the order of the form: name and label.
const FIELDS: [(&str, &str); 4] =
    [("priority", "Priority"), ("weight", "Weight"), ("port", "Port"), ("target", "Target")];

/// Names of a field of a row: in the form, its id, and the accessible one.
fn names(row: usize, field: usize) -> [String; 3] {
    let (name, label) = FIELDS[field];
    [format!("servers[{row}][{name}]"), format!("server-{row}-{name}"), format!("{label}, server {}", row + 1)]
}

/// The rows, with a spare one for those without scripts.
#[cfg(feature = "ssr")]
#[component]
pub fn ServersEditor(
    /// The servers now, to compare with.
    before: Vec<ServerLine>,
    /// The rows of the form: the servers, or what was typed before an error.
    rows: Vec<ServerLine>,
    /// Whether the person may change them.
    editable: bool,
) -> impl IntoView {
    let before = before.iter().filter_map(ServerLine::key).collect::<Vec<_>>().join("\n");
    let count = rows.len();
    let fresh = ServerLine { priority: "10".into(), weight: "100".into(), port: "25".into(), ..ServerLine::default() };
    let rows = rows.iter().enumerate().map(|(id, line)| row(id, line, editable)).collect_view();
    let blank = editable.then(|| view! { <template id="server-blank">{row(count, &fresh, true)}</template> });
    view! {
        <div class="tw">
        <table role="table" class="table cards" aria-label="Downstream servers">
            <thead role="rowgroup">
                <tr role="row">
                    {FIELDS.map(|(_, label)| view! { <th role="columnheader" scope="col">{label}</th> }).into_view()}
                    <th role="columnheader" scope="col"><span class="vh">"Remove"</span></th>
                </tr>
            </thead>
            <tbody role="rowgroup" id="server-rows" data-before=before data-next=count>{rows}</tbody>
        </table>
        {blank}
        </div>
        <div class="body stack">
            <div class="row">
                {editable.then(|| view! { <button type="button" class="btn btn-sm js-only" id="server-add">"Add server"</button> })}
                <span class="hint">"Lowest priority is tried first; weight splits mail within a priority. A row without a target is left out. At most 10."</span>
            </div>
            <div class="stack" id="server-changes" hidden>
                <p class="label"></p>
                <div class="diff" role="region" aria-label="Changes to downstream servers" tabindex="0"></div>
            </div>
        </div>
        <ServersAlive/>
    }
}

#[cfg(feature = "ssr")]
fn row(id: usize, line: &ServerLine, editable: bool) -> AnyView {
    let cells =
        [&line.priority, &line.weight, &line.port, &line.target].into_iter().enumerate().map(|(field, value)| {
            let class = if field == 3 { "main wide" } else { "" };
            let cell = cell(id, field, value, &line.errors[field], editable);
            view! { <td role="cell" data-l=FIELDS[field].1 class=(!class.is_empty()).then_some(class)>{cell}</td> }
        });
    let remove = editable.then(|| {
        let label = format!("Remove server {}", line.target);
        view! { <button type="button" class="btn btn-quiet btn-sm js-only" aria-label=label>"Remove"</button> }
    });
    view! { <tr role="row">{cells.collect_view()}<td role="cell" class="end">{remove}</td></tr> }.into_any()
}

#[cfg(feature = "ssr")]
fn cell(id: usize, field: usize, value: &str, error: &str, editable: bool) -> AnyView {
    let [name, field_id, label] = names(id, field);
    let error_id = format!("{field_id}-err");
    let invalid = !error.is_empty();
    view! {
        <input
            class=if field == 3 { "input mono" } else { "input w4" }
            name=name
            id=field_id
            inputmode=(field < 3).then_some("numeric")
            autocomplete="off"
            spellcheck="false"
            value=value.to_owned()
            aria-label=label
            autofocus=invalid
            aria-invalid=invalid.then_some("true")
            aria-describedby=invalid.then(|| error_id.clone())
            readonly=!editable
        />
        {invalid.then(|| view! { <span class="err" id=error_id>{error.to_owned()}</span> })}
    }
    .into_any()
}

/// Lets rows come and go, and shows what saving would change.
#[island]
pub fn ServersAlive() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    run::start();
}

#[cfg(feature = "hydrate")]
mod run {
    use super::{ServerLine, compare, names};
    use crate::islands::page::{Page, closest, element, find, on};
    use web_sys::{
        Element, Event, HtmlButtonElement, HtmlInputElement, HtmlTemplateElement,
        wasm_bindgen::{JsCast, JsValue},
    };

    /// Most servers of a domain `[spec]`.
    const MAX: usize = 10;

    fn rows() -> Vec<Element> {
        Page::all("#server-rows tr")
    }

    fn fields(row: &Element) -> Vec<HtmlInputElement> {
        let Ok(found) = row.query_selector_all("input") else { return Vec::new() };
        (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
    }

    fn line(row: &Element) -> ServerLine {
        let mut values = fields(row).into_iter().map(|field| field.value());
        let mut next = || values.next().unwrap_or_default();
        ServerLine { priority: next(), weight: next(), port: next(), target: next(), ..ServerLine::default() }
    }

    /// Shows what saving would do, when it would do something.
    fn show(body: &Element) -> Result<(), JsValue> {
        let before = body.get_attribute("data-before").unwrap_or_default();
        let before: Vec<_> = before.lines().map(str::to_owned).collect();
        let mut now = Vec::new();
        let rows = rows();
        for row in &rows {
            let line = line(row);
            if let Some(button) = row.query_selector("button")? {
                button.set_attribute("aria-label", &format!("Remove server {}", line.target))?;
            }
            now.extend(line.key());
        }
        if let Some(add) = find::<HtmlButtonElement>("#server-add") {
            add.set_disabled(rows.len() >= MAX);
        }
        let changes = compare(&before, &now);
        let nothing = changes.iter().all(|(tone, ..)| tone.is_empty());
        let (Some(place), Some(label), Some(list)) = (
            find::<Element>("#server-changes"),
            find::<Element>("#server-changes .label"),
            find::<Element>("#server-changes .diff"),
        ) else {
            return Ok(());
        };
        let after = changes.iter().filter(|(tone, ..)| *tone != "bad").count();
        let noun = if before.len() == 1 { "server" } else { "servers" };
        let said = format!("Saving replaces the whole list: {} {noun} become {after}", before.len());
        label.set_text_content(Some(&said));
        list.set_text_content(None);
        for (tone, word, text) in changes {
            let tone = [("data-tone", tone)];
            let row = element("div", if tone[0].1.is_empty() { &[] } else { &tone }, "")?;
            row.append_child(&*element("b", &[], word)?)?;
            row.append_with_str_1(&text)?;
            list.append_child(&row)?;
        }
        place.toggle_attribute_with_force("hidden", nothing).map(drop)
    }

    /// Puts a fresh row at the end; no two rows ever had the same number.
    fn add(body: &Element) -> Result<(), JsValue> {
        let Some(blank) = find::<HtmlTemplateElement>("#server-blank") else { return Ok(()) };
        let Some(row) = blank.content().first_element_child() else { return Ok(()) };
        let row: Element = row.clone_node_with_deep(true)?.dyn_into()?;
        let id: usize = body.get_attribute("data-next").and_then(|next| next.parse().ok()).unwrap_or_default();
        body.set_attribute("data-next", &(id + 1).to_string())?;
        for (index, field) in fields(&row).into_iter().enumerate() {
            let names = names(id, index);
            for (attribute, name) in ["name", "id", "aria-label"].into_iter().zip(names) {
                field.set_attribute(attribute, &name)?;
            }
        }
        body.append_child(&row).map(drop)
    }

    pub(super) fn start() {
        let Some(body) = find::<Element>("#server-rows") else { return };
        let _ = show(&body);
        let place = body.clone();
        on(&body, "input", move |_: Event| {
            let _ = show(&place);
        });
        let place = body.clone();
        on(&body, "click", move |event: Event| {
            if closest(&event, "button").is_some()
                && let Some(row) = closest(&event, "tr")
            {
                row.remove();
                let _ = show(&place);
            }
        });
        if let Some(button) = find::<Element>("#server-add") {
            on(&button, "click", move |_: Event| {
                let _ = add(&body).and_then(|()| show(&body));
            });
        }
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
        let keys = |lines: &[ServerLine]| lines.iter().filter_map(ServerLine::key).collect::<Vec<_>>();
        let (before, now) = (keys(&before), keys(&now));
        let words: Vec<_> = compare(&before, &now).into_iter().map(|(_, word, _)| word).collect();
        assert_eq!(words, ["  Keep", "- Remove", "+ Add"]);
        assert!(compare(&before, &before).iter().all(|(tone, ..)| tone.is_empty()));
    }
}
