//! Keys that their owners let others use.

use sqlx::FromRow;

use crate::{KeyBrief, KeyRow, Result, Store, StoreError, new_id, pool::listed};

/// Whom a key is shared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareWith<'a> {
    /// Everybody of at least this role.
    Role(&'a str),
    /// One person, by id.
    Person(&'a str),
}

/// A share as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ShareRow {
    /// Id of the share.
    pub id: String,
    /// Everybody of at least this role; or else
    pub role: Option<String>,
    /// the name of one person.
    pub person: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// The keys that the person ?1 may use, with these columns besides id and label. A key that several people hold is there
/// once, as one's own before another's; another's has its owner's name in its label.
macro_rules! usable {
    ($columns:literal) => {
        concat!(
            "SELECT k.id, k.label || CASE own WHEN 1 THEN '' ELSE ' (' || o.name || ')' END AS label, ",
            $columns,
            ", min((1 - own) || k.id) AS first
             FROM (SELECT key_id, max(own) AS own FROM usable_keys WHERE person_id = ?1 GROUP BY key_id) m
             JOIN api_keys k ON k.id = m.key_id JOIN people o ON o.id = k.owner_id
             LEFT JOIN upstream_keys u ON u.fingerprint = k.fingerprint
             LEFT JOIN accounts a ON a.id = k.account_id
             GROUP BY k.fingerprint"
        )
    };
}

impl Store {
    /// The keys that a person may use, by label: their own, and those that others share with them.
    pub async fn keys_of(&self, person_id: &str) -> Result<Vec<KeyRow>> {
        Ok(self
            .rows(concat!(
                usable!(
                    "k.owner_id, CASE own WHEN 1 THEN NULL ELSE o.name END AS shared_by,
                     k.fingerprint, k.last_four, k.sealed, k.account_id, k.created_at, k.replaced_at, k.last_used_at,
                     a.name AS account_name, u.health, u.health_at, u.detail, u.synced_at, u.attempted_at,
                     u.latency_ms, coalesce(u.locked, 0) AS locked, coalesce(u.free, 0) AS free,
                     coalesce(u.elsewhere, 0) AS elsewhere, coalesce(u.total, 0) AS total"
                ),
                " ORDER BY label, k.id"
            ))
            .bind(person_id)
            .fetch_all(self.read())
            .await?)
    }

    /// The keys that a person may use in brief, by label.
    pub async fn key_briefs(&self, person_id: &str) -> Result<Vec<KeyBrief>> {
        let keys: String = self
            .scalar(concat!(
                "SELECT json_group_array(json_array(id, label, fingerprint, account_id, health, health_at, synced_at)
                                         ORDER BY label, id)
                 FROM (",
                usable!("k.fingerprint, k.account_id, u.health, u.health_at, u.synced_at"),
                ")"
            ))
            .bind(person_id)
            .fetch_one(self.read())
            .await?;
        listed(&keys)
    }

    /// Lets others use a key. `false` when they may already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] `api_keys.id` when the person has no such key; `foreign key` when there is nobody of
    /// that id.
    pub async fn share_key(&self, owner_id: &str, key_id: &str, with: ShareWith<'_>, now: i64) -> Result<bool> {
        if self.key(owner_id, key_id).await?.is_none() {
            return Err(StoreError::Conflict("api_keys.id"));
        }
        let (role, person) = match with {
            ShareWith::Role(role) => (Some(role), None),
            ShareWith::Person(person) => (None, Some(person)),
        };
        let done = self
            .sql(
                "INSERT INTO key_shares (id, key_id, role, person_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )
            .bind(new_id(now))
            .bind(key_id)
            .bind(role)
            .bind(person)
            .bind(now)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Withdraws a share; `None` when the person's key has no such share. Returns with whom it was.
    pub async fn withdraw_share(&self, owner_id: &str, key_id: &str, share: &str) -> Result<Option<ShareRow>> {
        let shares = self.shares_of(owner_id, key_id).await?;
        let Some(found) = shares.into_iter().find(|row| row.id == share) else { return Ok(None) };
        let done = self.sql("DELETE FROM key_shares WHERE id = ?1").bind(share).execute(self.write()).await?;
        Ok((done.rows_affected() > 0).then_some(found))
    }

    /// With whom a person's key is shared: roles first, then people by name.
    pub async fn shares_of(&self, owner_id: &str, key_id: &str) -> Result<Vec<ShareRow>> {
        Ok(self
            .rows(
                "SELECT s.id, s.role, p.name AS person, s.created_at FROM key_shares s
                 JOIN api_keys k ON k.id = s.key_id LEFT JOIN people p ON p.id = s.person_id
                 WHERE s.key_id = ?2 AND k.owner_id = ?1 ORDER BY s.role IS NULL, s.role, p.name, s.id",
            )
            .bind(owner_id)
            .bind(key_id)
            .fetch_all(self.read())
            .await?)
    }

    /// Whether a person may use a key now, by its fingerprint: asked again before each call of a job.
    pub async fn may_use(&self, person_id: &str, fingerprint: &str) -> Result<bool> {
        let found: Option<i64> = self
            .scalar(
                "SELECT 1 FROM usable_keys u JOIN api_keys k ON k.id = u.key_id
                 WHERE u.person_id = ?1 AND k.fingerprint = ?2 LIMIT 1",
            )
            .bind(person_id)
            .bind(fingerprint)
            .fetch_optional(self.read())
            .await?;
        Ok(found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewPerson, testing::Fixture};

    async fn labels(fixture: &Fixture, person: &str) -> Vec<String> {
        fixture.store.keys_of(person).await.unwrap().into_iter().map(|row| row.label).collect()
    }

    #[tokio::test]
    async fn a_shared_key_is_used_by_those_it_is_shared_with_and_by_nobody_else() {
        let fixture = Fixture::new().await;
        let (ann, bob) = fixture.two_people().await;
        let store = &fixture.store;
        fixture.key_in(&ann, "web07", "f1", "s").await;
        fixture.key_in(&ann, "web08", "f2", "s").await;
        assert!(labels(&fixture, &bob).await.is_empty());
        assert!(store.share_key(&ann, "web07", ShareWith::Person(&bob), 1).await.unwrap());
        assert!(!store.share_key(&ann, "web07", ShareWith::Person(&bob), 1).await.unwrap(), "again");
        assert_eq!(labels(&fixture, &bob).await, ["web07 (ann)"]);
        assert_eq!(store.keys_of(&bob).await.unwrap()[0].shared_by.as_deref(), Some("ann"));
        assert_eq!(labels(&fixture, &ann).await, ["web07", "web08"]);
        assert!(store.may_use(&bob, "f1").await.unwrap() && !store.may_use(&bob, "f2").await.unwrap());
        assert_eq!(store.key_briefs(&bob).await.unwrap().len(), 1);
        // Nobody shares another's key, or sees with whom it is shared.
        assert!(store.share_key(&bob, "web07", ShareWith::Role("viewer"), 1).await.is_err());
        assert!(store.shares_of(&bob, "web07").await.unwrap().is_empty());
        let share = store.shares_of(&ann, "web07").await.unwrap().remove(0);
        assert_eq!(store.withdraw_share(&bob, "web07", &share.id).await.unwrap(), None);
        assert_eq!(store.withdraw_share(&ann, "web07", &share.id).await.unwrap(), Some(share));
        assert!(labels(&fixture, &bob).await.is_empty() && !store.may_use(&bob, "f1").await.unwrap());
    }

    #[tokio::test]
    async fn a_role_s_share_is_for_that_role_and_above() {
        let fixture = Fixture::new().await;
        let ann = fixture.person("ann").await;
        fixture.key_in(&ann, "web07", "f1", "s").await;
        fixture.store.share_key(&ann, "web07", ShareWith::Role("agent"), 1).await.unwrap();
        for (role, may) in [("viewer", false), ("agent", true), ("lead", true), ("admin", true)] {
            let person = NewPerson { issuer: "i", subject: role, name: role, email: None, role, mapped_by: "", now: 1 };
            let id = fixture.store.upsert_person(&person).await.unwrap().id;
            assert_eq!(fixture.store.may_use(&id, "f1").await.unwrap(), may, "{role}");
            assert_eq!(labels(&fixture, &id).await.len(), usize::from(may), "{role}");
        }
    }

    #[tokio::test]
    async fn one_s_own_hold_on_a_key_counts_before_a_share_and_keys_of_the_shut_out_can_t_be_used() {
        let fixture = Fixture::new().await;
        let (ann, bob) = fixture.two_people().await;
        let store = &fixture.store;
        fixture.key_in(&ann, "web07", "f1", "s").await;
        fixture.key_in(&ann, "web08", "f2", "s").await;
        for key in ["web07", "web08"] {
            store.share_key(&ann, key, ShareWith::Person(&bob), 1).await.unwrap();
            store.share_key(&ann, key, ShareWith::Role("viewer"), 1).await.unwrap();
        }
        fixture.key_in(&bob, "own", "f1", "s").await;
        assert_eq!(labels(&fixture, &bob).await, ["own", "web08 (ann)"]);
        assert!(store.key_for_fingerprint("f2").await.unwrap().is_some());
        store.set_disabled(&ann, Some("Ines"), 2).await.unwrap();
        assert_eq!(labels(&fixture, &bob).await, ["own"]);
        assert!(!store.may_use(&bob, "f2").await.unwrap() && store.may_use(&bob, "f1").await.unwrap());
        assert!(store.key_for_fingerprint("f2").await.unwrap().is_none(), "not even in the background");
        assert_eq!(store.key_for_fingerprint("f1").await.unwrap().unwrap().owner_id, bob);
        assert_eq!(store.orphaned_keys().await.unwrap().len(), 2);
    }
}
