//! Which keys hold how many domains: counts only, so that what others' keys hold can be counted too.

use sqlx::FromRow;

use crate::{KeyBrief, KeyRow, Result, Store, accounts::json};

/// A distinct key of an account, whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AccountKey {
    /// The account.
    pub account_id: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// `unchecked`, `working`, `rejected`, `unreachable` or `slow`.
    pub health: String,
    /// Domains locked to it.
    #[sqlx(try_from = "i64")]
    pub locked: u64,
    /// People who hold it.
    #[sqlx(try_from = "i64")]
    pub people: u64,
}

/// How many domains of an account are seen in one state.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Held {
    /// The account.
    pub account_id: String,
    /// `locked`, `free` or `unknown`.
    pub association: String,
    /// Fingerprint of the key they are locked to.
    pub holder: Option<String>,
    /// Domains.
    #[sqlx(try_from = "i64")]
    pub domains: u64,
}

impl From<&KeyRow> for KeyBrief {
    fn from(row: &KeyRow) -> Self {
        Self {
            id: row.id.clone(),
            label: row.label.clone(),
            fingerprint: row.fingerprint.clone(),
            account_id: row.account_id.clone(),
            health: row.health.clone(),
            health_at: row.health_at,
            synced_at: row.synced_at,
        }
    }
}

impl Store {
    /// All keys on record of the accounts that a person may use keys of.
    pub async fn account_keys(&self, owner_id: &str) -> Result<Vec<AccountKey>> {
        Ok(self
            .rows(
                "SELECT u.account_id, u.fingerprint, u.health, u.locked,
                        (SELECT count(*) FROM api_keys k WHERE k.fingerprint = u.fingerprint) AS people
                 FROM upstream_keys u
                 WHERE u.account_id IN (SELECT k.account_id FROM usable_keys m JOIN api_keys k ON k.id = m.key_id
                                        WHERE m.person_id = ?1)
                 ORDER BY u.account_id, u.fingerprint",
            )
            .bind(owner_id)
            .fetch_all(self.read())
            .await?)
    }

    /// The domains that at least one of the keys sees, counted by account, state and holder; remembered until
    /// the mirror changes.
    pub async fn held(&self, keys: &[String]) -> Result<Vec<Held>> {
        let keys = json(keys);
        self.remembered(self.held_counts(), keys.clone(), async {
            Ok(self
                .rows(
                    "SELECT d.account_id, d.association, d.holder, count(*) AS domains FROM domains d
                     WHERE EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = d.id
                                   AND +v.fingerprint IN (SELECT value FROM json_each(?1)))
                     GROUP BY d.account_id, d.association, d.holder",
                )
                .bind(keys)
                .fetch_all(self.read())
                .await?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
