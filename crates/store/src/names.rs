//! The index over names: which domains may have a text within their name, display form or an alias.
//!
//! It knows three characters in a row, in any case, and gives candidates: every domain that has the text is among
//! them, with perhaps some more. Whoever asks tests them by `LIKE`, so the index never decides what is found.

use crate::{Result, Store, accounts::json, pool::Tx};

/// Runs of three characters that are weighed at most.
const GRAMS_MAX: usize = 24;
/// A run that fewer domains have than this is rare: a few such find all there is without the common ones, whose
/// long lists take longest to go through.
const RARE: u32 = 1_000;
/// Rare runs that are asked for.
const RARE_ENOUGH: usize = 4;

/// The runs of three characters of a text, spread over all of it, in the words of the index. None of one that is too
/// short, or that `SQLite` would cut.
pub(crate) fn grams(text: &str) -> Vec<String> {
    let characters: Vec<_> = text.chars().collect();
    if characters.contains(&'\0') {
        return Vec::new();
    }
    let step = characters.len().div_ceil(GRAMS_MAX).max(1);
    let mut grams = Vec::new();
    for gram in characters.windows(3).step_by(step) {
        let gram = quoted(&gram.iter().collect::<String>());
        if !grams.contains(&gram) {
            grams.push(gram);
        }
    }
    grams
}

/// A run in the words of the index.
pub(crate) fn quoted(gram: &str) -> String {
    format!("\"{}\"", gram.replace('"', "\"\""))
}

/// What the index is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// In its words.
    pub(crate) words: String,
    /// Whether few domains are candidates.
    pub(crate) rare: bool,
}

/// What to ask for, by how many domains have each run: the rarest where some are rare, else all.
fn weigh(mut grams: Vec<(String, u32)>) -> Asked {
    grams.sort_by_key(|(_, count)| *count);
    let rare = grams.iter().filter(|(_, count)| *count < RARE).count();
    if rare > 0 {
        grams.truncate(rare.min(RARE_ENOUGH));
    }
    let words = grams.into_iter().map(|(gram, _)| gram).collect::<Vec<_>>().join(" AND ");
    Asked { words, rare: rare > 0 }
}

/// A pattern for `LIKE … ESCAPE '\'`, with the text between two ends.
pub(crate) fn pattern(before: &str, text: &str, after: &str) -> String {
    let mut pattern = before.to_owned();
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push_str(after);
    pattern
}

/// Ids of candidates for what the parameter asks for; an id may come twice.
pub(crate) fn candidates(parameter: &str) -> String {
    format!("SELECT domain_id AS id FROM names_stale UNION ALL SELECT rowid FROM names WHERE names MATCH {parameter}")
}

/// Each in one go and in the order of ids: the index writes runs of them, and starts a new one at every step back.
const INDEX: [&str; 3] = [
    "DELETE FROM names WHERE rowid IN (SELECT domain_id FROM names_stale)",
    "INSERT INTO names (rowid, text)
     SELECT d.id, d.name || char(10) || d.display || coalesce(char(10) || (
         SELECT group_concat(a.alias || char(10) || a.display, char(10)) FROM aliases a WHERE a.domain_id = d.id), '')
     FROM names_stale s JOIN domains d ON d.id = s.domain_id ORDER BY s.domain_id",
    "DELETE FROM names_stale",
];

impl Store {
    /// Indexes the names that changed in this transaction. Without it they are found too, only more slowly.
    pub(crate) async fn index_names(&self, tx: &mut Tx) -> Result<()> {
        for step in INDEX {
            self.sql(step).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// What to ask the index for to find a text; nothing for one that is too short for it.
    pub(crate) async fn ask_for(&self, text: &str) -> Result<Option<Asked>> {
        let grams = grams(text);
        if grams.is_empty() {
            return Ok(None);
        }
        let counted = self
            .rows(
                "SELECT g.value, (SELECT count(*) FROM (SELECT 1 FROM names WHERE names MATCH g.value LIMIT ?2))
                 FROM json_each(?1) g",
            )
            .bind(json(&grams))
            .bind(RARE)
            .fetch_all(self.read())
            .await?;
        Ok(Some(weigh(counted)))
    }

    /// Whether reading all candidates is less work than reading domains in order until a page is full: up to a
    /// quarter of the domains are few, in a small database a thousand. Remembered until the mirror changes.
    pub(crate) async fn are_few(&self, asked: &str) -> Result<bool> {
        let few = self
            .remembered(self.counts(), format!("few {asked}"), async {
                const MOST: &str = "max(1000, (SELECT coalesce(max(id), 0) / 4 FROM domains))";
                let candidates = candidates("?1");
                let sql = format!("SELECT (SELECT count(*) FROM (SELECT 1 FROM ({candidates}) LIMIT {MOST})) < {MOST}");
                let few: bool = self.scalar(sqlx::AssertSqlSafe(sql)).bind(asked).fetch_one(self.read()).await?;
                Ok(u64::from(few))
            })
            .await?;
        Ok(few > 0)
    }
}

#[cfg(test)]
mod tests;
