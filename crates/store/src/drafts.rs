//! What is kept for a later page of the same person: notes, typed input, outcomes.

use crate::{Result, Store};

/// Drafts kept a person, the newest.
const KEPT: i64 = 100;
/// Milliseconds they are kept.
const AGE_MAX: i64 = 24 * 60 * 60 * 1_000;

impl Store {
    /// Keeps a text under an id; the same id again replaces it. Old ones go: what is older than
    /// 24 hours, and what is beyond a person's newest 100.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::StoreError::Conflict) `drafts.id` when the id is somebody else's.
    pub async fn put_draft(&self, id: &str, person_id: &str, kind: &str, body: &str, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        let done = self
            .sql(
                "INSERT INTO drafts (id, person_id, kind, body, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, body = excluded.body, created_at = excluded.created_at
                 WHERE person_id = excluded.person_id",
            )
            .bind(id)
            .bind(person_id)
            .bind(kind)
            .bind(body)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(crate::StoreError::Conflict("drafts.id"));
        }
        self.sql(
            "DELETE FROM drafts WHERE created_at < ?1 OR id IN (
                 SELECT id FROM drafts WHERE person_id = ?2 ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?3)",
        )
        .bind(now.saturating_sub(AGE_MAX))
        .bind(person_id)
        .bind(KEPT)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Reads a draft; `None` when it isn't there, is of another kind or is somebody else's.
    pub async fn draft(&self, id: &str, person_id: &str, kind: &str) -> Result<Option<String>> {
        Ok(self
            .scalar("SELECT body FROM drafts WHERE id = ?1 AND person_id = ?2 AND kind = ?3")
            .bind(id)
            .bind(person_id)
            .bind(kind)
            .fetch_optional(self.read())
            .await?)
    }

    /// Uses a draft up: true for exactly one caller.
    pub async fn take_draft(&self, id: &str, person_id: &str, kind: &str) -> Result<bool> {
        let done = self
            .sql("DELETE FROM drafts WHERE id = ?1 AND person_id = ?2 AND kind = ?3")
            .bind(id)
            .bind(person_id)
            .bind(kind)
            .execute(self.write())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::{StoreError, testing::Fixture};

    #[tokio::test]
    async fn drafts_are_ones_own_and_taken_once() {
        let fixture = Fixture::new().await;
        let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
        store.put_draft("d1", &ann, "flash", "hello", 1).await.unwrap();
        assert_eq!(store.draft("d1", &ann, "flash").await.unwrap().as_deref(), Some("hello"));
        assert_eq!(store.draft("d1", &bob, "flash").await.unwrap(), None);
        assert_eq!(store.draft("d1", &ann, "batch").await.unwrap(), None);
        assert!(matches!(store.put_draft("d1", &bob, "flash", "x", 2).await, Err(StoreError::Conflict("drafts.id"))));
        assert!(!store.take_draft("d1", &bob, "flash").await.unwrap());
        assert!(store.take_draft("d1", &ann, "flash").await.unwrap());
        assert!(!store.take_draft("d1", &ann, "flash").await.unwrap());
    }

    #[tokio::test]
    async fn old_and_surplus_drafts_go() {
        let fixture = Fixture::new().await;
        let (store, (ann, bob)) = (&fixture.store, fixture.two_people().await);
        let day = super::AGE_MAX;
        store.put_draft("b0", &bob, "k", "", 0).await.unwrap();
        for index in 0..=super::KEPT {
            store.put_draft(&format!("a{index:03}"), &ann, "k", "", 1 + index).await.unwrap();
        }
        assert_eq!(store.draft("a000", &ann, "k").await.unwrap(), None, "the 101st newest");
        assert!(store.draft("a001", &ann, "k").await.unwrap().is_some());
        assert!(store.draft("b0", &bob, "k").await.unwrap().is_some(), "another person's stay");
        store.put_draft("b1", &bob, "k", "", day).await.unwrap();
        assert!(store.draft("b0", &bob, "k").await.unwrap().is_some(), "24 hours old exactly");
        store.put_draft("b2", &bob, "k", "", day + 1).await.unwrap();
        assert_eq!(store.draft("b0", &bob, "k").await.unwrap(), None);
    }
}
