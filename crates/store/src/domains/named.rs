//! Domains by their names.

use super::{COLUMNS, DomainRow, Found, VISIBLE};
use crate::{Result, Store, accounts::json};
use sqlx::{AssertSqlSafe, FromRow, Row, sqlite::SqliteRow};

/// Names of one statement.
const NAMED_AT_ONCE: usize = 5_000;

struct Named {
    asked: String,
    row: DomainRow,
}

impl FromRow<'_, SqliteRow> for Named {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self { asked: row.try_get("asked")?, row: DomainRow::from_row(row)? })
    }
}

impl Store {
    /// Finds a domain by its name or one of its aliases, A-label. Its own name goes first.
    pub async fn find_domain(&self, keys: &[String], a_label: &str) -> Result<Option<Found>> {
        if let Some(row) = self.domain(keys, a_label).await? {
            return Ok(Some(Found { row, via_alias: false }));
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM aliases a JOIN domains d ON d.id = a.domain_id
             WHERE a.alias = ?2 AND {VISIBLE} ORDER BY d.id LIMIT 1"
        );
        let row = self.rows(AssertSqlSafe(sql)).bind(json(keys)).bind(a_label).fetch_optional(self.read()).await?;
        Ok(row.map(|row| Found { row, via_alias: true }))
    }

    /// A domain by its own name, A-label.
    pub async fn domain(&self, keys: &[String], a_label: &str) -> Result<Option<DomainRow>> {
        let sql = format!("SELECT {COLUMNS} FROM domains d WHERE d.name = ?2 AND {VISIBLE} ORDER BY d.id LIMIT 1");
        Ok(self.rows(AssertSqlSafe(sql)).bind(json(keys)).bind(a_label).fetch_optional(self.read()).await?)
    }

    /// Domains by names or aliases of theirs, A-label, each with the name that was asked for. A name of a domain's own
    /// goes before an alias of another.
    pub async fn domains_named(&self, keys: &[String], names: &[String]) -> Result<Vec<(String, Found)>> {
        let mut found = Vec::new();
        for names in names.chunks(NAMED_AT_ONCE) {
            for via_alias in [false, true] {
                let from = if via_alias {
                    "json_each(?2) j JOIN aliases a ON a.alias = j.value JOIN domains d ON d.id = a.domain_id"
                } else {
                    "json_each(?2) j JOIN domains d ON d.name = j.value"
                };
                let sql = format!("SELECT j.value AS asked, {COLUMNS} FROM {from} WHERE {VISIBLE}");
                let rows: Vec<Named> =
                    self.rows(AssertSqlSafe(sql)).bind(json(keys)).bind(json(names)).fetch_all(self.read()).await?;
                found.extend(rows.into_iter().map(|named| (named.asked, Found { row: named.row, via_alias })));
            }
        }
        Ok(found)
    }
}
