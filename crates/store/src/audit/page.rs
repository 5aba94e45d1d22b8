//! Pages of the audit log, newest first. Each is read along one index, that of the filter which leaves the fewest rows;
//! the other filters are asked of each row on the way. So that filters which fit nothing don't lead through a million
//! rows, one page looks at so many at most, and says how far it came.

use std::fmt::{self, Write};
use std::str::FromStr;

use sqlx::{AssertSqlSafe, FromRow};

use super::AuditRow;
use crate::{BadCursor, Result, Store};

/// Rows looked at for one page.
const LOOKED_AT: i64 = 5_000;
/// Instead of an outcome: what has none.
pub const OPEN: &str = "open";

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Id of the person.
    pub person: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// Kind of thing it was done to.
    pub kind: Option<String>,
    /// The thing's name or id.
    pub object: Option<String>,
    /// Account.
    pub account: Option<String>,
    /// Fingerprint of the key.
    pub fingerprint: Option<String>,
    /// How it ended, in a word; [`OPEN`] for what has not.
    pub outcome: Option<String>,
    /// Number of the job.
    pub job: Option<i64>,
    /// The request's id.
    pub request: Option<String>,
    /// From this time on, unix milliseconds.
    pub from: Option<i64>,
    /// Before this time.
    pub to: Option<i64>,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// Unix milliseconds.
    pub at: i64,
    /// Id.
    pub id: i64,
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.id)
    }
}

impl FromStr for AuditCursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> std::result::Result<Self, BadCursor> {
        let (at, id) = text.split_once('.').ok_or(BadCursor)?;
        Ok(Self { at: at.parse().map_err(|_| BadCursor)?, id: id.parse().map_err(|_| BadCursor)? })
    }
}

/// What was intended, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditEntry {
    /// The intent, or the event.
    #[sqlx(flatten)]
    pub row: AuditRow,
    /// How the intent ended.
    pub concluded: Option<String>,
    /// When.
    pub concluded_at: Option<i64>,
    cursor_at: i64,
    cursor_id: i64,
}

impl AuditEntry {
    /// How it ended; none while it is open.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        self.concluded.as_deref().or(self.row.outcome.as_deref())
    }
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Its rows, newest first.
    pub rows: Vec<AuditEntry>,
    /// Where older ones begin.
    pub next: Option<AuditCursor>,
    /// Whether the page is not full because it looked at enough rows; `next` then goes on behind them.
    pub looked_enough: bool,
}

/// The index that a page is read along: that of one filter, or of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Request,
    Object,
    Job,
    Key,
    Person,
    Account,
    End,
    Action,
    Kind,
    Time,
}

impl Lead {
    /// Those of filters, from what usually leaves the fewest rows.
    const ALL: [Self; 9] = [
        Self::Request,
        Self::Object,
        Self::Job,
        Self::Key,
        Self::Person,
        Self::Account,
        Self::End,
        Self::Action,
        Self::Kind,
    ];

    fn index(self) -> &'static str {
        match self {
            Self::Request => "audit_by_request",
            Self::Object => "audit_by_object",
            Self::Job => "audit_by_job",
            Self::Key => "audit_by_key",
            Self::Person => "audit_by_person",
            Self::Account => "audit_by_account",
            Self::End => "audit_by_end",
            Self::Action => "audit_by_action",
            Self::Kind => "audit_by_kind",
            Self::Time => "audit_by_time",
        }
    }

    /// Its condition; parameters have the same number in every statement.
    fn condition(self) -> &'static str {
        match self {
            Self::Person => "b.person_id = ?5",
            Self::Action => "b.action = ?6",
            Self::Kind => "b.object_kind = ?7",
            Self::Object => "b.object = ?8",
            Self::Account => "b.account_id = ?9",
            Self::Key => "b.fingerprint = ?10",
            Self::End => "b.ended = ?11",
            Self::Job => "b.job = ?12",
            Self::Request => "b.request_id = ?13",
            Self::Time => "",
        }
    }

    fn is_set(self, filter: &AuditFilter) -> bool {
        match self {
            Self::Person => filter.person.is_some(),
            Self::Action => filter.action.is_some(),
            Self::Kind => filter.kind.is_some(),
            Self::Object => filter.object.is_some(),
            Self::Account => filter.account.is_some(),
            Self::Key => filter.fingerprint.is_some(),
            Self::End => ended(filter).is_some(),
            Self::Job => filter.job.is_some(),
            Self::Request => filter.request.is_some(),
            Self::Time => true,
        }
    }
}

/// The outcome that is asked for, unless it is that there is none.
fn ended(filter: &AuditFilter) -> Option<&str> {
    filter.outcome.as_deref().filter(|outcome| *outcome != OPEN)
}

/// The part of the index that a page lies in: before one place, from another on.
const BEFORE: &str = "(b.at, b.id) < (?1, ?2)";
const FROM: &str = "(b.at, b.id) >= (?3, ?4)";

/// `FROM audit b` along an index, and the conditions that the index answers.
fn along(lead: Lead) -> String {
    let mut sql = format!("FROM audit b INDEXED BY {} WHERE {BEFORE} AND {FROM}", lead.index());
    if lead != Lead::Time {
        let _ = write!(sql, " AND {}", lead.condition());
    }
    sql
}

/// How many rows an index leads to, as far as that matters.
fn counting(lead: Lead) -> String {
    format!("SELECT count(*) FROM (SELECT 1 {} LIMIT {LOOKED_AT})", along(lead))
}

/// The last row that a page looks at.
fn last_looked_at(lead: Lead) -> String {
    format!("SELECT b.at, b.id {} ORDER BY b.at DESC, b.id DESC LIMIT 1 OFFSET {}", along(lead), LOOKED_AT - 1)
}

/// The rows. A filter by outcome goes over the rows that have one, any other over intents and events.
fn listing(filter: &AuditFilter, lead: Lead) -> String {
    let mut conditions = along(lead).replace(
        " WHERE ",
        " CROSS JOIN audit i ON i.id = coalesce(b.intent_id, b.id) LEFT JOIN audit o ON o.intent_id = i.id WHERE ",
    );
    for other in Lead::ALL.into_iter().filter(|other| *other != lead && other.is_set(filter)) {
        let _ = write!(conditions, " AND {}", other.condition());
    }
    if ended(filter).is_none() {
        conditions.push_str(" AND b.intent_id IS NULL");
    }
    if filter.outcome.as_deref() == Some(OPEN) {
        conditions.push_str(" AND b.outcome IS NULL AND o.id IS NULL");
    }
    format!(
        "SELECT i.*, o.outcome AS concluded, o.at AS concluded_at, b.at AS cursor_at, b.id AS cursor_id
         {conditions} ORDER BY b.at DESC, b.id DESC LIMIT ?14"
    )
}

/// Binds the parameters of all three.
macro_rules! bound {
    ($query:expr, $filter:expr, $before:expr, $from:expr, $limit:expr) => {
        $query
            .bind($before.at)
            .bind($before.id)
            .bind($from.at)
            .bind($from.id)
            .bind($filter.person.as_deref())
            .bind($filter.action.as_deref())
            .bind($filter.kind.as_deref())
            .bind($filter.object.as_deref())
            .bind($filter.account.as_deref())
            .bind($filter.fingerprint.as_deref())
            .bind(ended($filter))
            .bind($filter.job)
            .bind($filter.request.as_deref())
            .bind($limit)
    };
}

impl Store {
    /// A page of the log: rows that fit the filter, before a place.
    pub async fn audit_page(&self, filter: &AuditFilter, before: Option<AuditCursor>, limit: u32) -> Result<AuditPage> {
        let newest = AuditCursor { at: filter.to.unwrap_or(i64::MAX), id: i64::MIN };
        let before = before.filter(|cursor| (cursor.at, cursor.id) < (newest.at, newest.id)).unwrap_or(newest);
        let oldest = AuditCursor { at: filter.from.unwrap_or(i64::MIN), id: i64::MIN };
        let lead = self.lead(filter, before, oldest).await?;
        let last: Option<(i64, i64)> =
            bound!(self.rows(AssertSqlSafe(last_looked_at(lead))), filter, before, oldest, 1_i64)
                .fetch_optional(self.read())
                .await?;
        let last = last.map(|(at, id)| AuditCursor { at, id });
        let mut rows: Vec<AuditEntry> = bound!(
            self.rows(AssertSqlSafe(listing(filter, lead))),
            filter,
            before,
            last.unwrap_or(oldest),
            i64::from(limit) + 1
        )
        .fetch_all(self.read())
        .await?;
        if rows.len() > limit as usize {
            rows.truncate(limit as usize);
            let next = rows.last().map(|row| AuditCursor { at: row.cursor_at, id: row.cursor_id });
            return Ok(AuditPage { rows, next, looked_enough: false });
        }
        Ok(AuditPage { rows, next: last, looked_enough: last.is_some() })
    }

    /// The filter that leaves the fewest rows.
    async fn lead(&self, filter: &AuditFilter, before: AuditCursor, from: AuditCursor) -> Result<Lead> {
        let set: Vec<_> = Lead::ALL.into_iter().filter(|lead| lead.is_set(filter)).collect();
        if let [] | [_] = set[..] {
            return Ok(set.first().copied().unwrap_or(Lead::Time));
        }
        let mut best = (i64::MAX, Lead::Time);
        for lead in set {
            let count: i64 = bound!(self.scalar(AssertSqlSafe(counting(lead))), filter, before, from, 1_i64)
                .fetch_one(self.read())
                .await?;
            if count < best.0 {
                best = (count, lead);
            }
            // Less than one look takes is not worth another question.
            if count < LOOKED_AT / 10 {
                break;
            }
        }
        Ok(best.1)
    }

    /// What the log knows to choose from: actions, kinds of things, outcomes. Each is found by a step in its index.
    pub async fn audit_words(&self) -> Result<[Vec<String>; 3]> {
        Ok([self.steps("action").await?, self.steps("object_kind").await?, self.steps("ended").await?])
    }

    /// The different values of an indexed column, at most a hundred.
    async fn steps(&self, column: &str) -> Result<Vec<String>> {
        Ok(self.scalar(AssertSqlSafe(stepping(column))).fetch_all(self.read()).await?)
    }

    /// People whom the log names, by id, with their newest name; at most a hundred.
    pub async fn audit_people(&self) -> Result<Vec<(String, String)>> {
        let ids = self.steps("person_id").await?;
        let mut people = Vec::with_capacity(ids.len());
        for id in ids {
            let name: Option<String> = self
                .scalar("SELECT person_name FROM audit WHERE person_id = ?1 ORDER BY at DESC, id DESC LIMIT 1")
                .bind(&id)
                .fetch_optional(self.read())
                .await?;
            people.push((id, name.unwrap_or_default()));
        }
        people.sort_by(|(_, one), (_, other)| one.cmp(other));
        Ok(people)
    }
}

fn stepping(column: &str) -> String {
    format!(
        "WITH RECURSIVE step (value) AS (
             SELECT min({column}) FROM audit WHERE {column} > ''
             UNION ALL
             SELECT (SELECT min({column}) FROM audit WHERE {column} > step.value) FROM step WHERE step.value IS NOT NULL)
         SELECT value FROM step WHERE value IS NOT NULL LIMIT 100"
    )
}

#[cfg(test)]
mod tests;
