//! Which key holds a domain, from what the keys of its account see.

use sqlx::AssertSqlSafe;

use crate::{Result, Store, pool::Tx};

/// The rule: a domain that every key of the customer sees is free, one that exactly one sees is
/// locked to it, and with fewer than two keys, or any other picture, nobody can tell `[infer]`.
///
/// A key testifies once it was synced and while it isn't rejected. One that doesn't see a domain,
/// and was last synced before the domain turned up, has not had its say: unknown till its next sync.
const WITNESSES: &str = "
    WITH witnesses AS MATERIALIZED (
        SELECT fingerprint, synced_at FROM upstream_keys
        WHERE account_id = ?1 AND synced_at IS NOT NULL AND health <> 'rejected'),
    seen AS (
        SELECT d.id AS id, count(w.fingerprint) AS seeing, min(w.fingerprint) AS one,
               (SELECT count(*) FROM witnesses) AS n,
               CASE WHEN d.fresh_at = 0 THEN 0
                    ELSE (SELECT count(*) FROM witnesses s WHERE s.synced_at < d.fresh_at)
                         - count(CASE WHEN w.synced_at < d.fresh_at THEN 1 END)
               END AS silent
        FROM domains d
        LEFT JOIN visibility v ON v.domain_id = d.id
        LEFT JOIN witnesses w ON w.fingerprint = v.fingerprint
        WHERE d.account_id = ?1";

const VERDICT: &str = "
        GROUP BY d.id),
    verdict AS (
        SELECT id, seeing,
               CASE WHEN n < 2 OR silent > 0 THEN 'unknown'
                    WHEN seeing = n THEN 'free'
                    WHEN seeing = 1 THEN 'locked'
                    ELSE 'unknown' END AS association,
               CASE WHEN n >= 2 AND silent = 0 AND seeing = 1 THEN one END AS holder
        FROM seen)
    UPDATE domains SET seen_by = v.seeing, association = v.association, holder = v.holder
    FROM verdict v
    WHERE v.id = domains.id
      AND (domains.seen_by, domains.association, domains.holder) IS NOT (v.seeing, v.association, v.holder)";

impl Store {
    /// Decides the association of an account's domains again, or of one. Returns how many changed.
    pub(crate) async fn associate(&self, tx: &mut Tx, account_id: &str, domain: Option<i64>) -> Result<u64> {
        let only = if domain.is_some() { " AND d.id = ?2" } else { "" };
        // Put together from constants only.
        let sql = AssertSqlSafe([WITNESSES, only, VERDICT].concat());
        Ok(self.sql(sql).bind(account_id).bind(domain).execute(&mut **tx).await?.rows_affected())
    }

    /// Counts again what an account's keys see.
    pub(crate) async fn recount(&self, tx: &mut Tx, account_id: &str) -> Result<()> {
        self.sql(
            "UPDATE upstream_keys AS k SET
                 total = (SELECT count(*) FROM visibility v WHERE v.fingerprint = k.fingerprint),
                 locked = (SELECT count(*) FROM domains d WHERE d.holder = k.fingerprint AND d.association = 'locked'),
                 free = (SELECT count(*) FROM visibility v JOIN domains d ON d.id = v.domain_id
                         WHERE v.fingerprint = k.fingerprint AND d.association = 'free')
             WHERE k.account_id = ?1",
        )
        .bind(account_id)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Drops the account's domains that no key sees any more.
    pub(crate) async fn drop_unseen(&self, tx: &mut Tx, account_id: &str) -> Result<u64> {
        let done = self
            .sql(
                "DELETE FROM domains WHERE account_id = ?1
                 AND NOT EXISTS (SELECT 1 FROM visibility v WHERE v.domain_id = domains.id)",
            )
            .bind(account_id)
            .execute(&mut **tx)
            .await?;
        if done.rows_affected() > 0 {
            self.index_names(tx).await?;
        }
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests;
