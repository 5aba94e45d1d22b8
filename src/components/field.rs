//! Form fields: label, control, hint, error, tied together for assistive technology.

use crate::components::{Cx, Icon, icon};
use leptos::prelude::*;

/// An error beside its field.
pub fn field_error(id: String, error: Option<String>) -> Option<AnyView> {
    error.map(|error| view! { <p class="err" id=id>{icon(Icon::CircleX)}" "{error}</p> }.into_any())
}

fn described(id: &str, hint: bool, error: bool) -> Option<String> {
    let ids: Vec<_> = [(error, "err"), (hint, "hint")]
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, suffix)| format!("{id}-{suffix}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// A one-line field.
#[component]
pub fn Field(
    /// Name in the form; with the form's name also the id.
    name: &'static str,
    /// Label.
    #[prop(into)]
    label: String,
    /// Prefix of the id, when a page has several fields of this name.
    #[prop(optional)]
    form: &'static str,
    /// Value.
    #[prop(optional, into)]
    value: String,
    /// Hint under the field.
    #[prop(optional, into)]
    hint: String,
    /// Error.
    #[prop(default = None)]
    error: Option<String>,
    /// `type` of the input.
    #[prop(default = "text")]
    kind: &'static str,
    /// Whether it holds a machine's word.
    #[prop(optional)]
    mono: bool,
    /// Whether it can't be changed.
    #[prop(optional)]
    disabled: bool,
) -> impl IntoView {
    let id = if form.is_empty() { name.to_owned() } else { format!("{form}-{name}") };
    let (has_hint, invalid) = (!hint.is_empty(), error.is_some());
    view! {
        <div class="field">
            <label class="label" for=id.clone()>{label}</label>
            <input
                class=if mono { "input mono" } else { "input" }
                type=kind
                id=id.clone()
                name=name
                value=value
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                disabled=disabled
                autofocus=invalid
                aria-invalid=invalid.then_some("true")
                aria-describedby=described(&id, has_hint, invalid)
            />
            {field_error(format!("{id}-err"), error)}
            {has_hint.then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> })}
        </div>
    }
}

/// The optional field of a change for a ticket or a reason, folded away until it is wanted. What is typed is read by
/// [`crate::api::forms::Form::reason`].
pub fn reason_field(cx: &Cx, form: &'static str, value: &str) -> impl IntoView + use<> {
    let (value, error) = (cx.typed(form, "reason", value), cx.error(form, "reason"));
    let open = !value.is_empty() || error.is_some();
    view! {
        <details class="reason" open=open>
            <summary class="sm">"Ticket or reason"</summary>
            <Field name="reason" form=form label="Ticket or reason" value=value error=error hint="Kept in the audit log; may be empty"/>
        </details>
    }
}

/// A field of several lines. The only place with a raw `<textarea>`: Leptos 0.8 does not escape
/// its children on the server, so the text goes through [`escape`].
#[component]
pub fn TextArea(
    /// Name in the form.
    name: &'static str,
    /// Label.
    #[prop(into)]
    label: String,
    /// Prefix of the id.
    #[prop(optional)]
    form: &'static str,
    /// Text.
    #[prop(optional, into)]
    value: String,
    /// Hint under the field.
    #[prop(optional, into)]
    hint: String,
    /// Error.
    #[prop(default = None)]
    error: Option<String>,
    /// Visible lines.
    #[prop(default = 3)]
    rows: u32,
    /// Whether it can't be changed.
    #[prop(optional)]
    disabled: bool,
) -> impl IntoView {
    let id = if form.is_empty() { name.to_owned() } else { format!("{form}-{name}") };
    let (has_hint, invalid) = (!hint.is_empty(), error.is_some());
    view! {
        <div class="field">
            <label class="label" for=id.clone()>{label}</label>
            <textarea
                class="input mono"
                id=id.clone()
                name=name
                rows=rows
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                disabled=disabled
                autofocus=invalid
                aria-invalid=invalid.then_some("true")
                aria-describedby=described(&id, has_hint, invalid)
                inner_html=area_text(&value)
            ></textarea>
            {field_error(format!("{id}-err"), error)}
            {has_hint.then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> })}
        </div>
    }
}

/// Puts a text where HTML has a text, or a value between double quotes.
pub fn put_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#x27;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Text as a text area has it: a leading line break is doubled, because it swallows the first one.
fn area_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    if text.starts_with(['\n', '\r']) {
        out.push('\n');
    }
    put_escaped(&mut out, text);
    out
}

/// A choice from a list.
#[component]
pub fn SelectField(
    /// Name in the form.
    name: &'static str,
    /// Label.
    #[prop(into)]
    label: String,
    /// Prefix of the id.
    #[prop(optional)]
    form: &'static str,
    /// Value and words of each option.
    options: Vec<(String, String)>,
    /// The chosen value.
    #[prop(optional, into)]
    value: String,
    /// Hint under the field.
    #[prop(optional, into)]
    hint: String,
    /// Error.
    #[prop(default = None)]
    error: Option<String>,
) -> impl IntoView {
    let id = if form.is_empty() { name.to_owned() } else { format!("{form}-{name}") };
    let (has_hint, invalid) = (!hint.is_empty(), error.is_some());
    let options = options
        .into_iter()
        .map(|(option, words)| {
            let selected = option == value;
            view! { <option value=option selected=selected>{words}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label class="label" for=id.clone()>{label}</label>
            <select
                class="input"
                id=id.clone()
                name=name
                autofocus=invalid
                aria-invalid=invalid.then_some("true")
                aria-describedby=described(&id, has_hint, invalid)
            >{options}</select>
            {field_error(format!("{id}-err"), error)}
            {has_hint.then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leptos::tachys::view::RenderHtml;

    #[test]
    fn nothing_typed_leaves_a_text_area() {
        let owner = Owner::new();
        let html = owner.with(|| {
            view! { <TextArea name="text" label="Lines" value="\n</textarea><script>alert(1)</script>&"/> }.to_html()
        });
        assert!(!html.contains("<script>"), "{html}");
        assert_eq!(html.matches("</textarea>").count(), 1, "{html}");
        assert!(html.contains(">\n\n&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;</textarea>"), "{html}");
    }

    #[test]
    fn an_error_is_tied_to_its_field() {
        let owner = Owner::new();
        let html = owner.with(|| {
            view! { <Field name="label" form="add" label="Label" error=Some("Too long <b>".into()) hint="Short"/> }
                .to_html()
        });
        assert!(html.contains(r#"aria-describedby="add-label-err add-label-hint""#), "{html}");
        assert!(html.contains(r#"id="add-label-err""#) && html.contains("Too long &lt;b&gt;"), "{html}");
    }
}
