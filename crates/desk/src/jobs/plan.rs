//! Making a plan: what every row comes to, by the mirror. Nothing is sent, and MailChannels is asked nothing.

use super::read::known_whole;
use crate::{Asker, Desk, DeskError, Person, Role, error::Result};
use inbound::{
    lists::List,
    plan::{Act, Decision, Input, Known, Verdict, Wish, decide, from_names, read},
    words::count,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use store::{DomainQuery, Found, KeyRow, NewJob, NewRow};

/// A set of names, frozen when they were selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// What was selected, in words, such as the filters.
    pub about: String,
    /// The domains, A-label.
    pub names: Vec<String>,
    /// When, unix milliseconds.
    pub at: i64,
}

/// Where the rows come from.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Pasted or uploaded.
    Text {
        /// The text.
        text: String,
        /// The file's name, or nothing.
        file: String,
    },
    /// Selected in the list of domains.
    Selected(Selection),
}

/// A plan to be made.
#[derive(Clone, Debug)]
pub struct PlanInput {
    /// What is done to every row.
    pub act: Act,
    /// For entries: what rows get that have none of their own.
    pub entry: Option<(List, String)>,
    /// The rows.
    pub rows: Rows,
    /// A ticket, or why; may be empty.
    pub reason: String,
    /// Of the form: the same again makes no second plan.
    pub request: String,
}

/// Longest reason, in characters.
const REASON_MAX: usize = 200;

impl Desk {
    /// Makes a plan and returns its number.
    pub async fn plan(&self, asker: &Asker, input: PlanInput, needs: Role) -> Result<i64> {
        let kind = input.act.kind();
        let reason = check_reason(&input.reason)?;
        let (read, source) = match input.rows {
            Rows::Text { text, file } => {
                let entry = input.entry.clone();
                // A hundred thousand rows take a while to read; nobody else waits for it.
                let parsed = tokio::task::spawn_blocking(move || read(kind, &text, entry.as_ref()));
                let read = parsed.await.map_err(|error| DeskError::storage(&error))?;
                let read = read.map_err(|message| DeskError::field("text", message))?;
                let rows = count((read.wishes.len() + read.wrong.len()) as u64, "row", "rows");
                let source = if file.is_empty() { format!("pasted, {rows}") } else { format!("{file}, {rows}") };
                (read, source)
            }
            Rows::Selected(selection) => {
                if selection.names.is_empty() {
                    return Err(DeskError::field("text", "The selection is empty. Select domains in the list."));
                }
                let read = from_names(&selection.names, input.entry.as_ref());
                (
                    read,
                    format!(
                        "{} selected: {}",
                        count(selection.names.len() as u64, "domain", "domains"),
                        selection.about
                    ),
                )
            }
        };
        let keys = self.key_rows(&asker.person).await?;
        let rows = self.rows_of(&keys, &input.act, read).await?;
        self.keep_plan(asker, &input.act, &rows, (&source, reason.as_deref(), &input.request), needs, (None, None))
            .await
    }

    pub(super) async fn keep_plan(
        &self,
        asker: &Asker,
        act: &Act,
        rows: &[NewRow],
        (source, reason, request): (&str, Option<&str>, &str),
        needs: Role,
        (undo_of, retry_of): (Option<i64>, Option<i64>),
    ) -> Result<i64> {
        let json = serde_json::to_string(act).map_err(|error| DeskError::storage(&error))?;
        let (number, _) = self
            .0
            .store
            .create_job(
                &NewJob {
                    owner_id: &asker.person.id,
                    owner_name: &asker.person.name,
                    client_request_id: request,
                    kind: act.kind().as_str(),
                    act: &json,
                    source,
                    reason,
                    needs: needs.as_str(),
                    undo_of,
                    retry_of,
                    now: self.now_ms(),
                },
                rows,
            )
            .await?;
        Ok(number)
    }

    /// What every row comes to.
    pub(super) async fn rows_of(&self, keys: &[KeyRow], act: &Act, input: Input) -> Result<Vec<NewRow>> {
        let found = self.known(keys, input.wishes.iter().map(Wish::domain)).await?;
        let mut rows = Vec::with_capacity(input.wishes.len() + input.wrong.len());
        for wish in &input.wishes {
            let found = found.get(wish.domain());
            let speaker = match act {
                Act::Provision { fingerprint, .. } => keys.iter().find(|key| key.fingerprint == *fingerprint),
                _ => None,
            };
            let speaker = speaker.or_else(|| found.and_then(|found| speaks(keys, found)));
            let known = found.map(|found| known_of(found, speaker));
            let decisions = decide(act, wish, known.as_ref());
            // A row of several aliases is exported again alias by alias.
            let several = decisions.len() > 1;
            for (index, decision) in decisions.into_iter().enumerate() {
                let mut own = wish.clone();
                if several {
                    own.aliases = wish.aliases.get(index).cloned().into_iter().collect();
                }
                rows.push(row_of(&own, decision, speaker));
            }
        }
        for wrong in input.wrong {
            let wish = Wish { line: wrong.line, object: wrong.text, ..Wish::default() };
            let decision = Decision {
                verdict: Verdict::Invalid,
                object: wish.object.clone(),
                before: None,
                after: None,
                note: wrong.message,
            };
            rows.push(row_of(&wish, decision, None));
        }
        rows.sort_by_key(|row| row.line);
        Ok(rows)
    }

    /// What the mirror knows of these names, within reach of these keys.
    pub(super) async fn known<'n>(
        &self,
        keys: &[KeyRow],
        names: impl Iterator<Item = &'n str>,
    ) -> Result<HashMap<String, Found>> {
        let fingerprints: Vec<_> = keys.iter().map(|key| key.fingerprint.clone()).collect();
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        let mut known = HashMap::with_capacity(names.len());
        for (asked, found) in self.0.store.domains_named(&fingerprints, &names).await? {
            // A domain's own name goes before an alias of another.
            known
                .entry(asked)
                .and_modify(|had: &mut Found| {
                    if had.via_alias && !found.via_alias {
                        had.clone_from(&found);
                    }
                })
                .or_insert(found);
        }
        Ok(known)
    }

    /// Freezes the names of some domains, of those within reach.
    pub async fn select_names(&self, person: &Person, names: &[String], about: &str) -> Result<Selection> {
        let keys = self.key_rows(person).await?;
        let known = self.known(&keys, names.iter().map(String::as_str)).await?;
        let within = |name: &&String| known.get(name.as_str()).is_some_and(|found| !found.via_alias);
        let names = names.iter().filter(within).cloned().collect();
        Ok(Selection { about: about.to_owned(), names, at: self.now_ms() })
    }

    /// Freezes the domains that are locked to one of the person's keys.
    pub async fn select_of_key(&self, person: &Person, key: &str) -> Result<Selection> {
        let keys = self.key_rows(person).await?;
        let key = keys.iter().find(|row| row.id == key).ok_or_else(|| DeskError::Gone("such key".into()))?;
        let query = DomainQuery {
            keys: vec![key.fingerprint.clone()],
            holder: Some(key.fingerprint.clone()),
            ..DomainQuery::default()
        };
        let most = u32::try_from(inbound::plan::ROWS_MAX).unwrap_or(u32::MAX);
        let names = self.0.store.names_of(&query, most).await?;
        Ok(Selection { about: format!("locked to {}", key.label), names, at: self.now_ms() })
    }

    /// The domains that a leaked key reached when its guide was started, free ones too.
    pub async fn select_of_rescue(&self, person: &Person, rescue: &str) -> Result<Selection> {
        let row = self.0.store.rescue(&person.id, rescue).await?;
        let row = row.ok_or_else(|| DeskError::Gone("such guide".into()))?;
        let names = self.0.store.rescue_names(&row.id).await?;
        Ok(Selection { about: "all that the leaked key reached".into(), names, at: row.created_at })
    }

    /// Freezes the names of all domains that match, under exactly these filters.
    pub async fn select_matching(&self, person: &Person, mut query: DomainQuery, about: &str) -> Result<Selection> {
        query.keys = self.key_rows(person).await?.into_iter().map(|key| key.fingerprint).collect();
        let most = u32::try_from(inbound::plan::ROWS_MAX).unwrap_or(u32::MAX);
        let names = self.0.store.names_of(&query, most).await?;
        Ok(Selection { about: about.to_owned(), names, at: self.now_ms() })
    }
}

/// The key that speaks for a domain: the one that holds it, else one that sees it, a working one first.
pub(super) fn speaks<'k>(keys: &'k [KeyRow], found: &Found) -> Option<&'k KeyRow> {
    let sees = |key: &&KeyRow| found.row.seen_by_keys.contains(&key.fingerprint);
    keys.iter()
        .find(|key| Some(&key.fingerprint) == found.row.holder.as_ref())
        .or_else(|| keys.iter().filter(sees).find(|key| key.health.as_deref() != Some("rejected")))
        .or_else(|| keys.iter().find(sees))
}

pub(super) fn known_of(found: &Found, speaker: Option<&KeyRow>) -> Known {
    let row = &found.row;
    let locked = row.holder.is_some() && row.holder.as_ref() == speaker.map(|key| &key.fingerprint);
    Known {
        name: row.name.clone(),
        account: row.account_id.clone(),
        whole: known_whole(row, locked),
        holder: row.holder.clone(),
        via_alias: found.via_alias,
    }
}

pub(super) fn row_of(wish: &Wish, decision: Decision, speaker: Option<&KeyRow>) -> NewRow {
    let acts = decision.verdict.acts();
    let speaker = speaker.filter(|_| acts);
    NewRow {
        line: i64::try_from(wish.line).unwrap_or(i64::MAX),
        object: decision.object,
        account_id: speaker.and_then(|key| key.account_id.clone()).unwrap_or_default(),
        fingerprint: speaker.map(|key| key.fingerprint.clone()).unwrap_or_default(),
        verdict: decision.verdict.as_str(),
        note: decision.note,
        input: serde_json::to_string(wish).unwrap_or_default(),
        before: decision.before.map(|before| before.base()),
        after: decision.after.map(|after| after.base()),
        state: if acts { "planned" } else { "left" },
    }
}

fn check_reason(reason: &str) -> Result<Option<String>> {
    let reason = reason.trim();
    if reason.chars().count() > REASON_MAX {
        return Err(DeskError::field("reason", "The reason is longer than 200 characters. Shorten it."));
    }
    if reason.chars().any(char::is_control) {
        return Err(DeskError::field("reason", "The reason has a line break or control character. Remove it."));
    }
    Ok((!reason.is_empty()).then(|| reason.to_owned()))
}
