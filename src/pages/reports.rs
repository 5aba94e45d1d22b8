//! Reports of misjudged messages.

use crate::{
    components::{Cx, Field, Icon, TextArea, age, alert, field_error, heads, icon, note, page, page::Page, state},
    pages::entries::explain_url,
    server::{actor::Need, report::Look},
};
use desk::ReportInput;
use inbound::{message::Looked, words};
use leptos::prelude::*;
use std::sync::Arc;

/// The page; after a look, with what was looked at.
#[component]
pub fn Reports() -> impl IntoView {
    let look = use_context::<Arc<Look>>();
    page("/reports", Need::Read, async move |cx: Arc<Cx>| {
        if cx.keys().await?.refs().is_empty() {
            let body = view! { {note(cx.flash.as_ref())}{crate::pages::provision::no_key()} };
            return Ok(Page::new("Reports", body));
        }
        let rows = cx.desk.reports(&cx.actor.person).await?;
        Ok(Page::new("Reports", body(&cx, look.as_deref(), rows)))
    })
}

/// What the form shows: what was typed and found in the message, or what the URL says.
fn input(cx: &Cx, look: Option<&Look>) -> ReportInput {
    if let Some(look) = look {
        return look.input.clone();
    }
    let query = |name: &str| cx.query(name).unwrap_or_default().to_owned();
    ReportInput {
        kind: cx.query("kind").unwrap_or("false_positive").to_owned(),
        rcpt_to: query("to"),
        mail_from: query("from"),
        ..ReportInput::default()
    }
}

fn body(cx: &Cx, look: Option<&Look>, rows: Vec<store::ReportRow>) -> impl IntoView + use<> {
    let stopgap = cx.flash.as_ref().filter(|flash| flash.form == "reported-good").and_then(|flash| {
        let get = |name: &str| flash.typed.get(name).filter(|value| !value.is_empty());
        // A message that names no sender has none to let through.
        let url = explain_url(get("from")?, get("to")?);
        Some(alert(
            "info",
            "Until the filter has learnt it, a safelist entry can let the sender through",
            "Take it away again when the sender's mail passes by itself.",
            Some(view! { <a class="btn btn-sm" href=url>{icon(Icon::Route)}"Choose the entry"</a> }.into_any()),
        ))
    });
    let errors = look.map(|look| look.errors.clone()).unwrap_or_default();
    let failed = (!errors.is_empty()).then(|| {
        alert("bad", "Not sent: something needs attention", "Nothing left Sluice. Files have to be chosen again.", None)
    });
    let refused = look.and_then(|look| look.refused.clone()).map(|(what, next)| alert("bad", what, next, None));
    let may = cx.actor.may(Need::Lists);
    view! {
        <div class="page-head">
            <h1>"Report a message"</h1>
            <p>"When the filter judged wrongly. The message goes to MailChannels byte for byte; Sluice keeps nothing of it."</p>
        </div>
        {note(cx.flash.as_ref())}
        <div class="stack">{stopgap}{failed}{refused}</div>
        {look.and_then(|look| look.looked.as_ref().map(|looked| preview(looked, look.length)))}
        {may.then(|| form(&input(cx, look), look, &errors))}
        {log(cx, rows)}
    }
}

fn form(input: &ReportInput, look: Option<&Look>, errors: &[desk::FieldError]) -> impl IntoView + use<> {
    let error = |field: &str| errors.iter().find(|error| error.field == field).map(|error| error.message.clone());
    let kinds = [
        ("false_positive", "Good mail was stopped", "A false positive: it was bounced, held or flagged"),
        ("false_negative", "Spam came through", "A false negative: it was delivered"),
    ]
    .map(|(value, name, text)| {
        view! {
            <label class="check">
                <input type="radio" name="kind" value=value checked=input.kind == value/>
                <span><b>{name}</b><small>{text}</small></span>
            </label>
        }
    });
    let text = look.map(|look| look.text.clone()).unwrap_or_default();
    let chosen = look.is_some_and(|look| look.looked.is_some() && look.text.is_empty());
    let again = match look {
        Some(look) if look.sent => "Choose the file again to report it again.",
        Some(look) if look.refused.is_some() => "The file was not sent. Choose it again to send it.",
        _ => "The file was only looked at. Choose it again to send it.",
    };
    let again = chosen.then(|| view! { <p class="hint">{again}</p> });
    view! {
        <section class="card gap" aria-labelledby="h-rep">
            <header><h2 id="h-rep">"The message"</h2></header>
            <form class="body stack" method="post" action="/reports" enctype="multipart/form-data">
                <fieldset class="cols tight"><legend class="label">"What was wrong"</legend>{kinds.into_view()}</fieldset>
                {field_error("report-kind-err".into(), error("kind"))}
                <div class="field">
                    <label class="label" for="report-file">"The original, as a file"</label>
                    <input class="input" type="file" id="report-file" name="file" accept=".eml,message/rfc822,text/plain"
                        aria-describedby="report-file-hint" aria-invalid=error("file").is_some().then_some("true")/>
                    {field_error("report-file-err".into(), error("file"))}
                    <p class="hint" id="report-file-hint">"Saved with all its headers, such as an .eml file; at most 40 MB. Drop it on the field or choose it."</p>
                    {again}
                </div>
                <TextArea name="text" form="report" label="Or pasted, with all its headers" rows=6 value=text/>
                <fieldset class="stack"><legend class="label">"Its envelope; empty fields are taken from the message"</legend>
                    <div class="cols">
                        <Field name="rcpt_to" form="report" label="Recipient (RCPT TO)" mono=true value=input.rcpt_to.clone() error=error("rcpt_to")/>
                        <Field name="mail_from" form="report" label="Sender (MAIL FROM)" mono=true value=input.mail_from.clone() error=error("mail_from")/>
                    </div>
                    <div class="cols">
                        <Field name="ehlo" form="report" label="Name given by the host (EHLO)" mono=true value=input.ehlo.clone() error=error("ehlo")/>
                        <Field name="host" form="report" label="Sending host" mono=true value=input.host.clone() error=error("host")/>
                    </div>
                </fieldset>
                <div class="row">
                    <button class="btn" name="then" value="look">"Look at it first"</button>
                    <button class="btn btn-primary push" name="then" value="send">"Send report"</button>
                </div>
            </form>
        </section>
    }
}

fn preview(looked: &Looked, length: u64) -> impl IntoView + use<> {
    let line = |word: &'static str, value: Option<String>| value.map(|value| view! { <dt>{word}</dt><dd>{value}</dd> });
    let text = looked.text.clone().map(|text| {
        let cut = looked.text_cut.then(|| view! { <p class="hint">"The text goes on."</p> });
        view! { <pre class="body mail" tabindex="0" aria-label="Text of the message">{text}</pre>{cut} }
    });
    let none = looked.text.is_none().then(|| view! { <p class="body hint">"No text part that can be shown."</p> });
    view! {
        <section class="card paste" aria-labelledby="h-look">
            <header><h2 id="h-look">"What it is"</h2><span class="hint">{format!("{} bytes, not kept", words::thousands(length))}</span></header>
            <dl class="facts body">
                {line("Subject", looked.subject.clone())}
                {line("From", looked.from.clone())}
                {line("Date", looked.date.clone())}
                {line("Recipients", (!looked.recipients.is_empty()).then(|| looked.recipients.join(", ")))}
                {line("Sending IP", looked.sending_ip.map(|ip| ip.to_string()))}
            </dl>
            {text}
            {none}
        </section>
    }
}

fn log(cx: &Cx, rows: Vec<store::ReportRow>) -> impl IntoView + use<> {
    let none = rows.is_empty();
    let lines = rows
        .into_iter()
        .map(|row| {
            let kind = if row.kind == "false_positive" { "Good mail stopped" } else { "Spam delivered" };
            let (which, tone) = if row.outcome == "done" { (Icon::Check, "") } else { (Icon::TriangleAlert, "warn") };
            view! {
                <tr role="row">
                    <td role="cell" data-l="When" class="nw muted">{age(cx.now, row.at)}</td>
                    <td role="cell" data-l="Who">{row.person_name}</td>
                    <th role="rowheader" scope="row" class="main mono">{row.domain}</th>
                    <td role="cell" data-l="Type">{kind}</td>
                    <td role="cell" data-l="Subject hash" class="mono lo">{row.subject_hash}</td>
                    <td role="cell" class="wide">{state(which, tone, row.outcome)}</td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <div class="tw"><table role="table" class="table cards" aria-labelledby="h-log">
            <thead role="rowgroup"><tr role="row">
                {heads(&[("When", ""), ("Who", ""), ("Domain", ""), ("Type", ""), ("Subject hash", "lo"), ("Outcome", "")])}
            </tr></thead>
            <tbody role="rowgroup">{lines}</tbody>
        </table></div>
    };
    view! {
        <section class="card gap" aria-labelledby="h-log">
            <header><h2 id="h-log">"Your reports"</h2><span class="hint">"Newest first; the subject only as a keyed hash"</span></header>
            {if none { view! { <p class="body hint">"None yet."</p> }.into_any() } else { table.into_any() }}
        </section>
    }
}
