//! The domain list and look-ups over the mirror. Nobody sees a domain but through the keys given.

use serde::{Deserialize, Deserializer};
use sqlx::{
    AssertSqlSafe, FromRow, Row, Sqlite,
    query::QueryScalar,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    Cursor, MirrorDetail, MxState, Result, Sort, Store,
    accounts::json,
    cursor::Value,
    names::{candidates, pattern},
    pool::listed,
};

/// A mirrored domain, as seen through the keys asked with. Read from JSON, it is an array in this order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DomainRow {
    /// Id.
    pub id: i64,
    /// Account it belongs to.
    pub account_id: String,
    /// A-label.
    pub name: String,
    /// U-label.
    pub display: String,
    /// Subscription handle.
    pub subscription: String,
    /// `block`, `flag`, `quarantine`, or another word of the service's.
    pub policy: Option<String>,
    /// Whether the policy overrides the recipient's choice.
    #[serde(deserialize_with = "flag")]
    pub policy_override: Option<bool>,
    /// Header added under `flag`.
    pub header_name: Option<String>,
    /// Its value.
    pub header_value: Option<String>,
    /// Number of downstream servers.
    pub servers: u32,
    /// Number of aliases.
    pub aliases: u32,
    /// Admins, servers and aliases.
    pub detail: MirrorDetail,
    /// `locked`, `free` or `unknown`.
    pub association: String,
    /// Fingerprint of the key it is locked to; perhaps not one of those asked with.
    pub holder: Option<String>,
    /// Fingerprints that see it, of those asked with.
    pub seen_by_keys: Vec<String>,
    /// When it was last read, live or by a sync of one of those keys. Unix milliseconds.
    pub synced_at: i64,
    /// Where its mail goes by DNS.
    pub mx: MxState,
}

/// `SQLite` keeps a truth as a number.
fn flag<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Option<bool>, D::Error> {
    Ok(Option::<i64>::deserialize(value)?.map(|number| number != 0))
}

impl FromRow<'_, SqliteRow> for DomainRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let parsed = |column: &str, error: serde_json::Error| sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: error.into(),
        };
        Ok(Self {
            id: row.try_get("id")?,
            account_id: row.try_get("account_id")?,
            name: row.try_get("name")?,
            display: row.try_get("display")?,
            subscription: row.try_get("subscription")?,
            policy: row.try_get("policy")?,
            policy_override: row.try_get("policy_override")?,
            header_name: row.try_get("header_name")?,
            header_value: row.try_get("header_value")?,
            servers: row.try_get("servers")?,
            aliases: row.try_get("aliases")?,
            detail: serde_json::from_str(row.try_get("detail")?).map_err(|error| parsed("detail", error))?,
            association: row.try_get("association")?,
            holder: row.try_get("holder")?,
            seen_by_keys: serde_json::from_str(row.try_get("seen_by_keys")?)
                .map_err(|error| parsed("seen_by_keys", error))?,
            synced_at: row.try_get("synced_at")?,
            mx: serde_json::from_str(row.try_get("mx")?).map_err(|error| parsed("mx", error))?,
        })
    }
}

/// What to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainQuery {
    /// Fingerprints to see through; none see nothing.
    pub keys: Vec<String>,
    /// Part of a name or alias, as A-label or U-label, in any case.
    pub text: Option<String>,
    /// `locked`, `free` or `unknown`.
    pub association: Option<String>,
    /// Fingerprint of the key it is locked to.
    pub holder: Option<String>,
    /// Policy.
    pub policy: Option<String>,
    /// Subscription handle.
    pub subscription: Option<String>,
    /// Only those without a downstream server.
    pub no_servers: bool,
    /// A verdict on the MX records, muted or not: `here`, `elsewhere`, `mixed`, `none`, or `unknown`, which
    /// is also that of a domain never looked up. Or `muted`, whatever the verdict.
    pub mx: Option<String>,
    /// The order.
    pub sort: Sort,
    /// The order turned round.
    pub descending: bool,
    /// Where the page starts: after this place. One of another order counts as none.
    pub cursor: Option<Cursor>,
    /// The page before the cursor instead of after it; without a cursor, the last page.
    pub backwards: bool,
    /// Rows at most.
    pub limit: u32,
}

impl Default for DomainQuery {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            text: None,
            association: None,
            holder: None,
            policy: None,
            subscription: None,
            no_servers: false,
            mx: None,
            sort: Sort::Name,
            descending: false,
            cursor: None,
            backwards: false,
            limit: 50,
        }
    }
}

/// A page of the list, always in the order asked for, also when read backwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainPage {
    /// The rows.
    pub rows: Vec<DomainRow>,
    /// Whether there are more in the direction read.
    pub has_more: bool,
}

/// A domain found by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The domain.
    pub row: DomainRow,
    /// The name is one of its aliases.
    pub via_alias: bool,
}

/// The keys, as parameter 1 of every statement here. The unary plus keeps `SQLite` from seeking once a
/// key instead of once a domain, and from turning the test into a join that loses the order.
pub(crate) const VISIBLE: &str = "EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = d.id
    AND +v.fingerprint IN (SELECT value FROM json_each(?1)))";

const COLUMNS: &str = "d.id, d.account_id, d.name, d.display, d.subscription, d.policy, d.policy_override,
    d.header_name, d.header_value, d.servers, d.aliases, d.detail, d.association, d.holder,
    (SELECT json_group_array(v.fingerprint) FROM visibility v WHERE v.domain_id = d.id
        AND +v.fingerprint IN (SELECT value FROM json_each(?1))) AS seen_by_keys,
    max(d.synced_at, coalesce((SELECT max(k.synced_at) FROM visibility v
        JOIN upstream_keys k ON k.fingerprint = v.fingerprint WHERE v.domain_id = d.id
        AND +v.fingerprint IN (SELECT value FROM json_each(?1))), 0)) AS synced_at,
    coalesce((SELECT json_array(m.verdict, m.checked_at, json(iif(m.muted_at IS NULL, 'false', 'true')))
        FROM mx m WHERE m.name = d.name), json_array('unknown', NULL, json('false'))) AS mx";

/// The columns as one array, in the order of [`DomainRow`].
const ARRAY: &str = "json_array(p.id, p.account_id, p.name, p.display, p.subscription, p.policy, p.policy_override,
    p.header_name, p.header_value, p.servers, p.aliases, json(p.detail), p.association, p.holder,
    json(p.seen_by_keys), p.synced_at, json(p.mx))";

impl DomainQuery {
    /// Whether anything is left out, other than by keys and page.
    pub fn is_filtered(&self) -> bool {
        self.text.is_some()
            || self.association.is_some()
            || self.holder.is_some()
            || self.policy.is_some()
            || self.subscription.is_some()
            || self.no_servers
            || self.mx.is_some()
    }

    /// The cursor, when it is of this order.
    fn place(&self) -> Option<&Cursor> {
        self.cursor.as_ref().filter(|cursor| cursor.sort == self.sort)
    }

    /// Conditions, put together from constants only: values are parameters 1 to 7.
    fn conditions(&self) -> String {
        let mut conditions = VISIBLE.to_owned();
        let filters = [
            (
                self.text.is_some(),
                r" AND (d.name LIKE (?2 || '') ESCAPE '\' OR d.display LIKE (?2 || '') ESCAPE '\' OR EXISTS (
                     SELECT 1 FROM aliases a WHERE a.domain_id = d.id
                     AND (a.alias LIKE (?2 || '') ESCAPE '\' OR a.display LIKE (?2 || '') ESCAPE '\')))",
            ),
            (self.association.is_some(), " AND d.association = ?3"),
            (self.holder.is_some(), " AND d.holder = ?4"),
            (self.policy.is_some(), " AND d.policy_key = ?5"),
            (self.subscription.is_some(), " AND d.subscription = ?6"),
            (self.no_servers, " AND d.servers = 0"),
            (self.mx.is_some(), self.mx_condition()),
        ];
        for (_, filter) in filters.iter().filter(|(on, _)| *on) {
            conditions.push_str(filter);
        }
        conditions
    }

    /// Each asks for one name, so that the order of the domains decides how the page is read.
    fn mx_condition(&self) -> &'static str {
        match self.mx.as_deref() {
            Some("muted") => " AND EXISTS (SELECT 1 FROM mx m WHERE m.name = d.name AND m.muted_at IS NOT NULL)",
            Some("unknown") => " AND NOT EXISTS (SELECT 1 FROM mx m WHERE m.name = d.name AND m.verdict <> 'unknown')",
            _ => " AND EXISTS (SELECT 1 FROM mx m WHERE m.name = d.name AND m.verdict = ?7)",
        }
    }

    /// A page as one row: a JSON array. The limit stands in the text, for `SQLite` looks at the value of a bare
    /// parameter there and so prepares the statement anew each time.
    pub(crate) fn page_sql(&self, by: By) -> String {
        let forwards = self.descending == self.backwards;
        let (than, way) = if forwards { (">", "") } else { ("<", " DESC") };
        let conditions = self.conditions();
        let (place, order) = match self.sort.column() {
            Some(column) => (
                format!(" AND (d.{column}, d.name, d.id) {than} (?8, ?9, ?10)"),
                format!("d.{column}{way}, d.name{way}, d.id{way}"),
            ),
            None => (format!(" AND (d.name, d.id) {than} (?9, ?10)"), format!("d.name{way}, d.id{way}")),
        };
        let place = if self.place().is_some() { place } else { String::new() };
        let limit = u64::from(self.limit) + 1;
        let rest = format!("WHERE {conditions}{place} ORDER BY {order} LIMIT {limit}");
        let page = match by {
            By::Order => format!("SELECT {COLUMNS} FROM domains d {rest}"),
            // The few that are shown are read whole only after they are chosen.
            By::Text => {
                let chosen = format!("SELECT d.id FROM {} {rest}", by.source("?11"));
                format!("SELECT {COLUMNS} FROM domains d WHERE d.id IN ({chosen}) ORDER BY {order}")
            }
        };
        format!("SELECT json_group_array({ARRAY}) FROM ({page}) p")
    }

    pub(crate) fn count_sql(&self, by: By) -> String {
        format!("SELECT count(*) FROM {} WHERE {}", by.source("?8"), self.conditions())
    }

    /// The text as it is compared.
    fn text(&self) -> Option<String> {
        Some(self.text.as_deref()?.trim().to_lowercase())
    }

    fn pattern(&self) -> Option<String> {
        Some(pattern("%", &self.text()?, "%"))
    }
}

/// How a list is read: along the index of its order, or from the candidates for its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Order,
    Text,
}

impl By {
    /// What is read; `asked` is the parameter with the text in the words of the index.
    fn source(self, asked: &str) -> String {
        match self {
            Self::Order => "domains d".to_owned(),
            Self::Text => {
                format!("(SELECT DISTINCT id FROM ({})) f CROSS JOIN domains d ON d.id = f.id", candidates(asked))
            }
        }
    }
}

/// Binds parameters 1 to 7 to either kind of query.
macro_rules! bind_filters {
    ($query:expr, $ask:expr) => {
        $query
            .bind(json(&$ask.keys))
            .bind($ask.pattern())
            .bind($ask.association.as_deref())
            .bind($ask.holder.as_deref())
            .bind($ask.policy.as_deref())
            .bind($ask.subscription.as_deref())
            .bind($ask.mx.as_deref())
    };
}

impl Store {
    /// The quicker way to read a list, and what to ask the index for.
    async fn by(&self, query: &DomainQuery) -> Result<(By, Option<String>)> {
        let Some(text) = query.text() else { return Ok((By::Order, None)) };
        match self.ask_for(&text).await? {
            Some(asked) if asked.rare || self.are_few(&asked.words).await? => Ok((By::Text, Some(asked.words))),
            _ => Ok((By::Order, None)),
        }
    }

    /// One page of the domains that at least one of the keys sees.
    pub async fn list_domains(&self, query: &DomainQuery) -> Result<DomainPage> {
        let (by, asked) = self.by(query).await?;
        let select: QueryScalar<'_, Sqlite, String, SqliteArguments> = self.scalar(AssertSqlSafe(query.page_sql(by)));
        let select = bind_filters!(select, query);
        let place = query.place();
        let select = match place.map(|cursor| &cursor.value) {
            Some(Value::Number(number)) => select.bind(*number),
            Some(Value::Text(text)) => select.bind(text.as_str()),
            None => select.bind(None::<i64>),
        };
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let page = select
            .bind(place.map(|cursor| cursor.name.as_str()))
            .bind(place.map(|cursor| cursor.id))
            .bind(asked)
            .fetch_one(self.read())
            .await?;
        let mut rows: Vec<DomainRow> = listed(&page)?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        if query.backwards {
            rows.reverse();
        }
        Ok(DomainPage { rows, has_more })
    }

    /// How many domains match; remembered until the mirror changes.
    pub async fn count_domains(&self, query: &DomainQuery) -> Result<u64> {
        let what = serde_json::json!([
            query.keys,
            query.pattern(),
            query.association,
            query.holder,
            query.policy,
            query.subscription,
            query.no_servers,
            query.mx
        ]);
        self.remembered(self.counts(), what.to_string(), async {
            let (by, asked) = self.by(query).await?;
            let select: QueryScalar<'_, Sqlite, i64, SqliteArguments> = self.scalar(AssertSqlSafe(query.count_sql(by)));
            let count = bind_filters!(select, query).bind(asked).fetch_one(self.read()).await?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }

    /// The names of all domains that match, in the order of the list: what a selection freezes.
    pub async fn names_of(&self, query: &DomainQuery, limit: u32) -> Result<Vec<String>> {
        let sql = format!("SELECT d.name FROM domains d WHERE {} ORDER BY d.name, d.id LIMIT ?8", query.conditions());
        let select: QueryScalar<'_, Sqlite, String, SqliteArguments> = self.scalar(AssertSqlSafe(sql));
        Ok(bind_filters!(select, query).bind(limit).fetch_all(self.read()).await?)
    }

    /// Subscription handles that occur among the domains the keys see, for a filter; remembered until the mirror
    /// changes.
    pub async fn subscriptions_of(&self, keys: &[String]) -> Result<Vec<String>> {
        // Hops from handle to handle in the index instead of reading every domain.
        let sql = format!(
            "WITH RECURSIVE handles (handle) AS (
                 SELECT min(subscription) FROM domains
                 UNION ALL
                 SELECT (SELECT min(subscription) FROM domains WHERE subscription > handle)
                 FROM handles WHERE handle IS NOT NULL)
             SELECT handle FROM handles
             WHERE handle <> '' AND EXISTS (SELECT 1 FROM domains d WHERE d.subscription = handle AND {VISIBLE})
             ORDER BY handle"
        );
        let keys = json(keys);
        self.remembered(self.handles(), keys.clone(), async {
            Ok(self.scalar(AssertSqlSafe(sql)).bind(keys).fetch_all(self.read()).await?)
        })
        .await
    }
}

mod named;

#[cfg(test)]
mod tests;
