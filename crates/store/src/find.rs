//! Finding by part of a name: domains by their names and aliases, and recipients seen. Nobody finds but through the
//! keys given.
//!
//! However many domains there are, a search looks at few: at the beginnings of names by their indexes, within names
//! by the index of [`crate::names`], and at no more than [`LOOKED_AT`] candidates of each, most of which are shown to
//! whoever holds most keys. Where that did not fill the page, because the rest is other people's, the domains of
//! one's own keys are read instead.

use sqlx::AssertSqlSafe;

use crate::{
    Result, Store,
    accounts::json,
    domains::VISIBLE,
    names::{candidates, grams, pattern, quoted},
};

/// A domain found by its name, its display form or an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFound {
    /// A-label.
    pub name: String,
    /// U-label.
    pub display: String,
    /// The alias that has the text, the nearest to it, as A-label and U-label.
    pub alias: Option<(String, String)>,
}

/// Candidates looked at in one place.
const LOOKED_AT: u32 = 2_000;

/// Longest text in bytes that may be in a name or an address: 254 characters of up to four.
const TEXT_MAX: usize = 4 * 254;

/// Parameters: 1 the keys, 2 the text, 3 the end of all that begins with it, 4 the most to find, 5 to 8 patterns:
/// begins with it, a part begins with it (after a dot, after a hyphen), has it; 9 and 10 what the index is asked for:
/// such a part, and the text itself.
struct Ask {
    text: String,
    end: String,
    begins: String,
    after_dot: String,
    after_hyphen: String,
    within: String,
    part_asked: Option<String>,
    asked: Option<String>,
}

/// A place to look: the candidates, what must hold of each, and how near it is then.
struct Place {
    candidates: String,
    holds: String,
    near: &'static str,
}

type Row = (i64, String, String, Option<String>);

/// Whether a name, a display form or an alias begins with the text: by its place in the order, which is cheaper to
/// tell than by a pattern.
const BEGINS: &str = "(d.name >= ?2 AND d.name < ?3 OR d.display >= ?2 AND d.display < ?3
    OR d.aliases > 0 AND EXISTS (SELECT 1 FROM aliases a WHERE a.domain_id = d.id
        AND (a.alias >= ?2 AND a.alias < ?3 OR a.display >= ?2 AND a.display < ?3)))";

/// Whether a name, a display form or an alias is like one of the patterns of these parameters.
fn alike(parameters: &[&str]) -> String {
    let any = |column: &str| {
        let tests: Vec<_> = parameters.iter().map(|number| format!(r"{column} LIKE {number} ESCAPE '\'")).collect();
        tests.join(" OR ")
    };
    format!(
        "({} OR {} OR d.aliases > 0 AND EXISTS (SELECT 1 FROM aliases a WHERE a.domain_id = d.id AND ({} OR {})))",
        any("d.name"),
        any("d.display"),
        any("a.alias"),
        any("a.display")
    )
}

impl Ask {
    /// None when nothing can be found by the text.
    fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        // No name has these or is that long, and most of what is pasted is not a name.
        if text.is_empty() || text.len() > TEXT_MAX || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        Some(Self {
            end: format!("{text}\u{10ffff}"),
            begins: pattern("", &text, "%"),
            after_dot: pattern("%.", &text, "%"),
            after_hyphen: pattern("%-", &text, "%"),
            within: pattern("%", &text, "%"),
            part_asked: None,
            asked: None,
            text,
        })
    }

    /// With what the index is asked for.
    async fn with_index(mut self, store: &Store) -> Result<Self> {
        let asked = store.ask_for(&self.text).await?;
        self.part_asked = match &asked {
            Some(asked) if asked.rare => Some(asked.words.clone()),
            _ if self.text.chars().count() < 2 => None,
            _ => {
                let begins: String = self.text.chars().take(2).collect();
                let [dot, hyphen] = [".", "-"].map(|before| quoted(&format!("{before}{begins}")));
                let rest = asked.as_ref().map(|asked| format!(" AND {}", asked.words)).unwrap_or_default();
                Some(format!("({dot} OR {hyphen}){rest}"))
            }
        };
        self.asked = asked.map(|asked| asked.words);
        Ok(self)
    }

    /// Where to look.
    fn places(&self) -> Vec<Place> {
        let begins = |columns: &str, table: &str, column: &str, only: &str| Place {
            candidates: format!(
                "SELECT {columns} FROM {table} WHERE {column} >= ?2 AND {column} < ?3{only} ORDER BY {column}"
            ),
            holds: String::new(),
            near: "iif(c.at = ?2, 0, 1)",
        };
        let has = |grams: &str, like: &[&str], near| Place {
            candidates: candidates(grams),
            holds: format!(" AND {}", alike(like)),
            near,
        };
        let mut places = vec![
            begins("id, name AS at", "domains", "name", ""),
            begins("id, display AS at", "domains", "display", " AND display <> name"),
            begins("domain_id AS id, alias AS at", "aliases", "alias", ""),
            begins("domain_id AS id, display AS at", "aliases", "display", " AND display <> alias"),
        ];
        if self.part_asked.is_some() {
            places.push(has("?9", &["?6", "?7"], "2"));
        }
        if self.asked.is_some() {
            places.push(has("?10", &["?8"], "3"));
        }
        places
    }

    /// The most important first: the name itself, its beginning, the beginning of a part, anywhere.
    fn sql(&self) -> String {
        let found: Vec<_> = self
            .places()
            .into_iter()
            .map(|Place { candidates, holds, near }| {
                // A domain comes here once as near as can be and once less near, however many aliases it has.
                format!(
                    "SELECT * FROM (SELECT DISTINCT d.id, {near} AS near FROM ({candidates} LIMIT {LOOKED_AT}) c
                     CROSS JOIN domains d ON d.id = c.id WHERE {VISIBLE}{holds} LIMIT 2 * ?4)"
                )
            })
            .collect();
        shown(&found.join(" UNION ALL "))
    }

    /// Whether there were more candidates somewhere than were looked at.
    fn more_sql(&self) -> String {
        let counts: Vec<_> = self
            .places()
            .into_iter()
            .map(|Place { candidates, .. }| format!("SELECT count(*) AS n FROM ({candidates} LIMIT {LOOKED_AT})"))
            .collect();
        format!("SELECT max(n) >= {LOOKED_AT} FROM ({})", counts.join(" UNION ALL "))
    }

    /// Through the keys instead of the indexes.
    fn own_sql(&self) -> String {
        let holds = if self.asked.is_some() { alike(&["?8"]) } else { BEGINS.to_owned() };
        shown(&format!(
            "SELECT * FROM (SELECT DISTINCT d.id, 3 AS near FROM visibility v CROSS JOIN domains d ON d.id = v.domain_id
             WHERE v.fingerprint IN (SELECT value FROM json_each(?1)) AND {holds} LIMIT ?4)"
        ))
    }
}

/// What is shown of those found, with the nearest alias that has the text.
fn shown(found: &str) -> String {
    format!(
        r"SELECT d.id, d.name, d.display,
              (SELECT json_array(a.alias, a.display) FROM aliases a
               WHERE a.domain_id = d.id AND (a.alias LIKE ?8 ESCAPE '\' OR a.display LIKE ?8 ESCAPE '\')
               ORDER BY ?2 IN (a.alias, a.display) DESC,
                        (a.alias LIKE ?5 ESCAPE '\' OR a.display LIKE ?5 ESCAPE '\') DESC,
                        (a.alias LIKE ?6 ESCAPE '\' OR a.alias LIKE ?7 ESCAPE '\' OR a.display LIKE ?6 ESCAPE '\'
                         OR a.display LIKE ?7 ESCAPE '\') DESC,
                        a.alias LIMIT 1)
          FROM (SELECT id, min(near) AS near FROM ({found}) GROUP BY id) f CROSS JOIN domains d ON d.id = f.id
          ORDER BY f.near, d.name, d.id LIMIT ?4"
    )
}

impl Store {
    /// Domains that have the text in their name, display form or an alias, in any case: at its beginning or at that
    /// of a part, or, from three characters on, anywhere. The exact and those that begin with it come first.
    pub async fn find_names(&self, keys: &[String], text: &str, limit: u32) -> Result<Vec<NameFound>> {
        let Some(ask) = Ask::new(text) else { return Ok(Vec::new()) };
        let ask = ask.with_index(self).await?;
        let mut found = self.names_by(ask.sql(), &ask, keys, limit).await?;
        let full = |found: &[Row]| found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        if !full(&found) && self.more_candidates(&ask).await? {
            for row in self.names_by(ask.own_sql(), &ask, keys, limit).await? {
                if !full(&found) && !found.iter().any(|(id, ..)| *id == row.0) {
                    found.push(row);
                }
            }
        }
        Ok(found
            .into_iter()
            .map(|(_, name, display, alias)| NameFound {
                name,
                display,
                alias: alias.and_then(|alias| serde_json::from_str(&alias).ok()),
            })
            .collect())
    }

    async fn names_by(&self, sql: String, ask: &Ask, keys: &[String], limit: u32) -> Result<Vec<Row>> {
        Ok(self
            .rows(AssertSqlSafe(sql))
            .bind(json(keys))
            .bind(&ask.text)
            .bind(&ask.end)
            .bind(limit)
            .bind(&ask.begins)
            .bind(&ask.after_dot)
            .bind(&ask.after_hyphen)
            .bind(&ask.within)
            .bind(&ask.part_asked)
            .bind(&ask.asked)
            .fetch_all(self.read())
            .await?)
    }

    async fn more_candidates(&self, ask: &Ask) -> Result<bool> {
        // Ten parameters, so that the numbers are those of the other statements.
        let select = self.scalar(AssertSqlSafe(ask.more_sql())).bind(None::<i64>).bind(&ask.text).bind(&ask.end);
        let unused = (4..=8).fold(select, |select, _| select.bind(None::<i64>));
        Ok(unused.bind(&ask.part_asked).bind(&ask.asked).fetch_one(self.read()).await?)
    }

    /// Notes that a recipient was looked at or made, unless that was noted less than `every` milliseconds ago.
    pub async fn see_recipient(&self, address: &str, domain: &str, now: i64, every: i64) -> Result<()> {
        let seen: Option<i64> = self
            .scalar("SELECT seen_at FROM recipients_seen WHERE address = ?1")
            .bind(address)
            .fetch_optional(self.read())
            .await?;
        if seen.is_some_and(|seen| now - seen < every) {
            return Ok(());
        }
        self.sql(
            "INSERT INTO recipients_seen (address, domain, seen_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (address) DO UPDATE SET seen_at = max(seen_at, excluded.seen_at)",
        )
        .bind(address)
        .bind(domain)
        .bind(now)
        .execute(self.write())
        .await?;
        Ok(())
    }

    /// Addresses seen after a time that have the text, of domains that a key sees; the latest first, but those that
    /// begin with it before others. As with names, fewer than three characters find by the beginning alone.
    pub async fn find_recipients(&self, keys: &[String], text: &str, after: i64, limit: u32) -> Result<Vec<String>> {
        let Some(ask) = Ask::new(text) else { return Ok(Vec::new()) };
        let asked = Some(grams(&ask.text)).filter(|grams| !grams.is_empty()).map(|grams| grams.join(" AND "));
        let within = if asked.is_some() {
            format!(
                " UNION SELECT * FROM (SELECT rowid FROM recipients_names WHERE recipients_names MATCH ?5 LIMIT {LOOKED_AT})"
            )
        } else {
            String::new()
        };
        let sql = format!(
            r"SELECT r.address FROM (
                  SELECT * FROM (SELECT id FROM recipients_seen WHERE address >= ?2 AND address < ?3 LIMIT {LOOKED_AT}){within}
              ) f CROSS JOIN recipients_seen r ON r.id = f.id
              WHERE r.seen_at > ?6 AND r.address LIKE ?7 ESCAPE '\'
                AND EXISTS (SELECT 1 FROM domains d WHERE d.name = r.domain AND {VISIBLE})
              ORDER BY r.address LIKE ?8 ESCAPE '\' DESC, r.seen_at DESC, r.id DESC LIMIT ?4"
        );
        Ok(self
            .scalar(AssertSqlSafe(sql))
            .bind(json(keys))
            .bind(&ask.text)
            .bind(&ask.end)
            .bind(limit)
            .bind(asked)
            .bind(after)
            .bind(&ask.within)
            .bind(&ask.begins)
            .fetch_all(self.read())
            .await?)
    }

    /// Forgets recipients last seen at this time or before.
    pub async fn forget_recipients(&self, before: i64) -> Result<u64> {
        let done =
            self.sql("DELETE FROM recipients_seen WHERE seen_at <= ?1").bind(before).execute(self.write()).await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests;
