//! Entries of safelists and blocklists, and recipients.

#![expect(missing_docs, reason = "the macro makes a struct of the arguments, which the function documents")]

use crate::{
    api::{
        error::AppError,
        forms::{Form, Next, act, segment},
    },
    server::{
        actor::{Need, local_path},
        flash::{self, Flash, TakeBack, Tone},
    },
};
use desk::{
    Asker, Desk, DeskError, EntriesError, EntriesInput, EntryOutcome, FieldError, RecipientInput, Target, UNTYPED,
    whose_of,
};
use inbound::{
    lists::{List, Tier},
    words,
};
use leptos::server;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Kind of the draft that keeps entries until they are confirmed.
pub const ENTRIES_DRAFT: &str = "entries";
/// Kind of the draft that keeps what became of entries.
pub const ENTRIES_REPORT: &str = "entries-report";

/// The form that adds entries.
const ADD: &str = "entries";

/// Entries that wait for a yes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntriesDraft {
    /// Which.
    pub targets: Vec<Target>,
    /// Whether they are to be added, else removed.
    pub present: bool,
    /// The page to return to.
    pub back: String,
    /// Reasons to be careful, each with its entry.
    #[serde(default)]
    pub careful: Vec<String>,
    /// Ticket or reason that was typed so far.
    #[serde(default)]
    pub reason: String,
}

/// What became of entries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntriesReport {
    /// Each.
    pub rows: Vec<EntryOutcome>,
    /// Whether they were added, else removed.
    pub present: bool,
    /// When, unix milliseconds.
    pub at: i64,
    /// The page to return to.
    pub back: String,
}

fn back_path(back: &str) -> String {
    local_path(back).unwrap_or("/lists").to_owned()
}

/// Which list, in words: "the blocklist of shop.example", an alias resolved.
async fn list_words(desk: &Desk, asker: &Asker, target: &Target) -> String {
    let list = target.list.as_str();
    match desk.scope(&asker.person, &target.whose).await {
        Ok(scope) if target.whose.tier() == Tier::Account => {
            format!("the {list} of the account {}", scope.account_name)
        }
        Ok(scope) => format!("the {list} of {}", scope.whose),
        Err(_) => format!("the {list} of {}", target.whose),
    }
}

/// The note of one entry's change.
async fn single(desk: &Desk, asker: &Asker, outcome: EntryOutcome, present: bool, back: &str) -> Flash {
    let EntryOutcome { target, change, state, detail } = outcome;
    let place = list_words(desk, asker, &target).await;
    let (did, not) = if present { ("is on", "Not added") } else { ("is no longer on", "Not removed") };
    let item = &target.item;
    match (state.as_str(), change) {
        ("done", Some(change)) => Flash {
            undo: Some(TakeBack::Entry { change, back: back.to_owned() }),
            ..Flash::done(format!("{item} {did} {place}."))
        },
        ("same", _) => Flash { tone: Tone::Info, title: format!("Nothing to change. {detail}"), ..Flash::default() },
        ("unknown", _) => Flash {
            tone: Tone::Bad,
            title: format!("{item}: not sure whether it {did} {place}."),
            detail,
            ..Flash::default()
        },
        _ => Flash {
            tone: Tone::Bad,
            title: format!("{not}: {item}"),
            detail,
            form: if present { ADD.to_owned() } else { String::new() },
            typed: typed_again(&target),
            ..Flash::default()
        },
    }
}

/// What the form that adds entries shows again.
fn typed_again(target: &Target) -> HashMap<String, String> {
    let whose = target.whose.to_string();
    let fields = [
        ("tier", target.whose.tier().as_str()),
        ("list", target.list.as_str()),
        ("whose", &whose),
        ("text", &target.item),
    ];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Sends entries. What became of those that were looked at first is kept under the id of their draft, where a second press
/// of the button finds it too.
async fn carry_out(
    desk: &Desk,
    asker: &Asker,
    draft: EntriesDraft,
    looked_at: Option<&str>,
) -> Result<Next, DeskError> {
    let EntriesDraft { mut targets, present, back, .. } = draft;
    if targets.len() == 1 {
        let target = targets.remove(0);
        let changed = desk.change_entry(asker, &target, present, None).await;
        let outcome = EntryOutcome::of(target, present, changed.as_ref());
        // One entry's errors go beside its field, too, where the form is.
        let errors = if let Err(DeskError::Invalid(fields)) = changed { fields } else { Vec::new() };
        if let Some(id) = looked_at {
            let report = EntriesReport { rows: vec![outcome.clone()], present, at: desk.now_ms(), back: back.clone() };
            flash::put_back(desk, &asker.person, ENTRIES_REPORT, id, &report).await?;
        }
        let flash = Flash { errors, ..single(desk, asker, outcome, present, &back).await };
        return Ok(Next::say(back, flash));
    }
    let rows = desk.change_entries(asker, targets, present).await;
    let report = EntriesReport { rows, present, at: desk.now_ms(), back };
    let id = match looked_at {
        Some(id) => {
            flash::put_back(desk, &asker.person, ENTRIES_REPORT, id, &report).await?;
            id.to_owned()
        }
        None => flash::keep_as(desk, &asker.person, ENTRIES_REPORT, &report).await?,
    };
    Ok(Next::to(format!("/lists/outcome/{id}")))
}

/// Adds entries: at once, or after a look at what they reach.
#[server(prefix = "/do", endpoint = "lists/add")]
pub async fn add_entries(
    #[server(default)] tier: String,
    #[server(default)] whose: String,
    #[server(default)] account: String,
    #[server(default)] list: String,
    #[server(default)] text: String,
    #[server(default)] back: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let back = back_path(&back);
    let form = Form::new(ADD, format!("{back}#add"))
        .typed("tier", &tier)
        .typed("list", &list)
        .typed("whose", &whose)
        .typed("text", &text)
        .reason(&reason);
    act(Need::Lists, form, async move |desk, asker| {
        let whose = match Tier::parse(&tier) {
            Some(Tier::Domain) => whose.rsplit('@').next().unwrap_or_default().to_owned(),
            _ => whose,
        };
        let input = EntriesInput { tier, whose, account, list, text };
        let accounts: Vec<_> =
            desk.accounts(&asker.person).await?.into_iter().map(|(id, name, _)| (id, name)).collect();
        let plan = match input.plan(&accounts) {
            Ok(plan) => plan,
            Err(EntriesError::Other(error)) => return Err(*error),
            Err(EntriesError::Lines(errors)) => {
                let fields = errors
                    .iter()
                    .map(|error| {
                        FieldError::new("text", format!("Line {}, “{}”: {}", error.line, error.text, error.message))
                    })
                    .collect();
                return Err(DeskError::Invalid(fields));
            }
        };
        let careful = desk.careful_with(&asker.person, &plan.targets).await?;
        let careful: Vec<_> =
            careful.into_iter().map(|(item, warning)| format!("{item}: {}", warning.words())).collect();
        let review = plan.needs_review() || !careful.is_empty();
        let reason = asker.reason.clone().unwrap_or_default();
        let draft = EntriesDraft { targets: plan.targets, present: true, back, careful, reason };
        if review {
            let id = flash::keep_as(&desk, &asker.person, ENTRIES_DRAFT, &draft).await?;
            return Ok(Next::to(format!("/lists/review?draft={id}")));
        }
        carry_out(&desk, &asker, draft, None).await
    })
    .await
}

/// Removes an entry: at once, or at the account tier after a look at what it reaches.
#[server(prefix = "/do", endpoint = "lists/remove")]
pub async fn remove_entry(
    #[server(default)] tier: String,
    #[server(default)] whose: String,
    #[server(default)] list: String,
    #[server(default)] item: String,
    #[server(default)] back: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let back = back_path(&back);
    act(Need::Lists, Form::new("remove", back.clone()).reason(&reason), async move |desk, asker| {
        let whose = whose_of(&tier, &whose)?;
        let list =
            List::parse(&list).ok_or_else(|| DeskError::field("list", "Choose a list: safelist or blocklist."))?;
        let wide = whose.tier() == Tier::Account;
        let draft = EntriesDraft {
            targets: vec![Target { whose, list, item }],
            present: false,
            back,
            careful: Vec::new(),
            reason: asker.reason.clone().unwrap_or_default(),
        };
        if wide {
            let id = flash::keep_as(&desk, &asker.person, ENTRIES_DRAFT, &draft).await?;
            return Ok(Next::to(format!("/lists/review?draft={id}")));
        }
        carry_out(&desk, &asker, draft, None).await
    })
    .await
}

/// Carries out what was looked at.
#[server(prefix = "/do", endpoint = "lists/send")]
pub async fn send_entries(
    #[server(default)] draft: String,
    #[server(default)] typed: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let page = format!("/lists/review?draft={}", segment(&draft));
    act(Need::Lists, Form::new("send", page).typed("typed", &typed).reason(&reason), async move |desk, asker| {
        // Pressed twice, or long ago: the outcome's page says what became of it.
        let outcome = format!("/lists/outcome/{}", segment(&draft));
        let Some(kept) = flash::kept::<EntriesDraft>(&desk, &asker.person, ENTRIES_DRAFT, &draft).await else {
            return Ok(Next::to(outcome));
        };
        let count = kept.targets.len();
        if count > UNTYPED && typed.trim().replace(',', "") != count.to_string() {
            return Err(DeskError::field("typed", format!("Type {count} to go on.")));
        }
        // Taken once, so that a second press does nothing.
        if !desk.store().take_draft(&draft, &asker.person.id, ENTRIES_DRAFT).await? {
            return Ok(Next::to(outcome));
        }
        carry_out(&desk, &asker, kept, Some(&draft)).await
    })
    .await
}

/// Takes back one change of an entry.
#[server(prefix = "/do", endpoint = "lists/undo")]
pub async fn undo_entry(#[server(default)] change: i64, #[server(default)] back: String) -> Result<(), AppError> {
    let back = back_path(&back);
    act(Need::Lists, Form::new("undo", back.clone()), async move |desk, asker| {
        let (target, present) = desk.undo_entry(&asker, change).await?;
        let place = list_words(&desk, &asker, &target).await;
        let did = if present { "is back on" } else { "is off" };
        Ok(Next::say(back, Flash::done(format!("{} {did} {place} again.", target.item))))
    })
    .await
}

/// Takes back every change of an outcome.
#[server(prefix = "/do", endpoint = "lists/undo-all")]
pub async fn undo_entries(#[server(default)] id: String) -> Result<(), AppError> {
    let page = format!("/lists/outcome/{}", segment(&id));
    act(Need::Lists, Form::new("undo", page), async move |desk, asker| {
        let report: EntriesReport =
            flash::kept(&desk, &asker.person, ENTRIES_REPORT, &id).await.ok_or(DeskError::Stale)?;
        let targets = report.rows.into_iter().filter(|row| row.change.is_some()).map(|row| row.target).collect();
        carry_out(
            &desk,
            &asker,
            EntriesDraft {
                targets,
                present: !report.present,
                back: report.back,
                careful: Vec::new(),
                reason: String::new(),
            },
            None,
        )
        .await
    })
    .await
}

/// Creates a recipient.
#[server(prefix = "/do", endpoint = "recipients/create")]
pub async fn create_recipient(
    #[server(default)] address: String,
    #[server(default)] admin: String,
    #[server(default)] filter: String,
    #[server(default)] safelist: String,
    #[server(default)] blocklist: String,
    #[server(default)] sure: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let mut form = Form::new("recipient", "/recipients").reason(&reason);
    for (field, value) in [
        ("address", &address),
        ("admin", &admin),
        ("filter", &filter),
        ("safelist", &safelist),
        ("blocklist", &blocklist),
    ] {
        form = form.typed(field, value);
    }
    act(Need::Lists, form, async move |desk, asker| {
        let compute = filter == "compute";
        let input = RecipientInput { address, admin: !admin.is_empty(), filter, safelist, blocklist, sure };
        let report = desk.create_recipient(&asker, &input).await?;
        let address = report.address.to_string();
        let flash = if report.lost {
            Flash {
                tone: Tone::Bad,
                title: format!("{address} exists now, but MailChannels's answer was lost."),
                detail: "Whether it was made just now or before is not known, nor how its mail is filtered. What is on its lists is shown below.".into(),
                ..Flash::default()
            }
        } else if !report.created {
            Flash {
                tone: Tone::Info,
                title: format!("{address} exists; nothing was changed."),
                detail: "Its role, filtering and lists stay as they are. What is on its lists is shown below; change it there.".into(),
                ..Flash::default()
            }
        } else if compute && report.filtered == Some(false) {
            Flash {
                tone: Tone::Bad,
                title: format!("{address} is created, and left unfiltered."),
                detail: "The limit of protected recipients is reached, so its mail is delivered without being checked. Raise the limit, or free a place.".into(),
                ..Flash::default()
            }
        } else {
            let filtered = match report.filtered {
                Some(true) => "Its mail is filtered.",
                Some(false) => "Its mail is not filtered.",
                None => "MailChannels does not say whether its mail is filtered.",
            };
            Flash { detail: filtered.into(), ..Flash::done(format!("{address} is created.")) }
        };
        let flash = if report.missing.is_empty() {
            flash
        } else {
            let missing = words::count(report.missing.len() as u64, "entry was", "entries were");
            Flash { detail: format!("{} {missing} not taken: {}. Add them below.", flash.detail, report.missing.join(", ")), ..flash }
        };
        Ok(Next::say(format!("/recipients/{}", segment(&address)), flash))
    })
    .await
}
