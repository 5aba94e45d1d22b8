//! A sync on its way. Its pages are put aside as they come, in a temporary table of the writing connection,
//! and become the mirror in one transaction when all are there. So no more than a page is ever in memory,
//! however many domains a key sees, and nothing waits for the service with a lock in hand.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use crate::{
    MirrorDomain, Result, Store, StoreError, SyncStats,
    accounts::json,
    ingest::{Reading, encode},
};

/// Domains that are handed to the database at a time.
const CHUNK: usize = 1_000;

/// The syncs that are on their way in this process, by number.
#[derive(Default)]
pub(crate) struct UnderWay {
    last: AtomicI64,
    numbers: Mutex<HashSet<i64>>,
}

impl UnderWay {
    fn begin(&self) -> i64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        number
    }

    fn end(&self, number: i64) {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn all(&self) -> Vec<String> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).iter().map(i64::to_string).collect()
    }
}

/// A sync of one key on its way. Dropped before [`Self::apply`], it changes nothing.
pub struct Staging {
    store: Store,
    fingerprint: String,
    number: i64,
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.store.under_way().end(self.number);
    }
}

impl Store {
    /// Begins a sync of a key.
    pub async fn stage(&self, fingerprint: &str) -> Result<Staging> {
        let number = self.under_way().begin();
        let staging = Staging { store: self.clone(), fingerprint: fingerprint.to_owned(), number };
        let mut writer = self.write().acquire().await?;
        self.prepare_incoming(&mut writer).await?;
        // What syncs that were given up have left.
        let under_way = json(&self.under_way().all());
        for table in [
            "DELETE FROM temp.aside WHERE sync NOT IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))",
            "DELETE FROM temp.syncs WHERE number NOT IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))",
        ] {
            self.sql(table).bind(&under_way).execute(&mut *writer).await?;
        }
        self.sql("INSERT INTO temp.syncs (number) VALUES (?1)").bind(number).execute(&mut *writer).await?;
        Ok(staging)
    }
}

impl Staging {
    /// Puts domains aside; one that came before is replaced.
    pub async fn add(&self, mut domains: Vec<MirrorDomain>) -> Result<()> {
        for chunk in domains.chunks_mut(CHUNK) {
            let incoming = encode(chunk)?;
            let mut writer = self.store.write().acquire().await?;
            self.store.put_aside(&mut writer, self.number, &incoming).await?;
        }
        Ok(())
    }

    /// Makes the mirror of the key what was put aside, in one transaction. Rows that are as they were are not
    /// written: the age of the data is the key's. For a key that is held no more nothing is done.
    /// `account_id` counts only while the key has no account on record. What a reading that began later than `begun` found is newer, and stays.
    pub async fn apply(self, account_id: &str, begun: i64, now: i64) -> Result<SyncStats> {
        let (store, fingerprint, number) = (&self.store, &self.fingerprint, self.number);
        let mut tx = store.begin().await?;
        let there: i64 =
            store.scalar("SELECT count(*) FROM temp.syncs WHERE number = ?1").bind(number).fetch_one(&mut *tx).await?;
        if there == 0 {
            // Another connection than the one that took the pages; to go on would empty the mirror.
            return Err(StoreError::Io(std::io::Error::other("the pages of a sync are gone")));
        }
        let key: Option<(Option<String>, Option<i64>)> = store
            .rows("SELECT account_id, synced_at FROM upstream_keys WHERE fingerprint = ?1")
            .bind(fingerprint)
            .fetch_optional(&mut *tx)
            .await?;
        let Some((account, synced_before)) = key else {
            return Ok(SyncStats::default());
        };
        let account = account.unwrap_or_else(|| account_id.to_owned());
        // On its first sync a key reports what was there all along; later, what turned up in between.
        let fresh_at = if synced_before.is_some() { now } else { 0 };
        let reading = Reading { fingerprint, account: &account, begun: Some(begun), now, fresh_at };
        let ingested = store.ingest(&mut tx, reading, number).await?;
        let total: i64 = store.scalar("SELECT count(*) FROM temp.incoming").fetch_one(&mut *tx).await?;
        let removed = store
            .sql(
                "DELETE FROM visibility WHERE fingerprint = ?1 AND domain_id NOT IN (
                     SELECT d.id FROM temp.incoming i JOIN domains d ON d.account_id = ?2 AND d.name = i.name)",
            )
            .bind(fingerprint)
            .bind(&account)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let added = store.see_incoming(&mut tx, fingerprint, &account).await?;
        if removed > 0 {
            store.drop_unseen(&mut tx, &account, (fingerprint, synced_before), None).await?;
        }
        store
            .sql(
                "UPDATE upstream_keys SET account_id = ?2, health = 'working', health_at = ?3, detail = NULL,
                    synced_at = ?3, attempted_at = ?3
             WHERE fingerprint = ?1",
            )
            .bind(fingerprint)
            .bind(&account)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        let moved = store.associate(&mut tx, &account, None).await?;
        if added + removed + moved > 0 {
            store.recount(&mut tx, &account).await?;
        }
        tx.commit().await?;
        if added + removed + moved + ingested.inserted + ingested.changed > 0 {
            store.mirror_changed();
        }
        Ok(SyncStats { added, changed: ingested.changed, removed, total: u64::try_from(total).unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, domain};

    #[tokio::test]
    async fn pages_of_several_syncs_come_in_turns_and_each_becomes_its_keys_mirror() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.keys(2).await;
        let store = &fixture.store;
        let (one, two) = (store.stage("f1").await.unwrap(), store.stage("f2").await.unwrap());
        one.add(vec![domain("a.example"), domain("b.example")]).await.unwrap();
        two.add(vec![domain("c.example")]).await.unwrap();
        one.add(vec![domain("b.example"), domain("d.example")]).await.unwrap();
        assert!(fixture.names(&["f1", "f2"]).await.is_empty(), "nothing shows before all is there");
        assert_eq!(two.apply(&account, 10, 10).await.unwrap().total, 1);
        assert_eq!(one.apply(&account, 10, 10).await.unwrap().total, 3, "one came twice");
        assert_eq!(fixture.names(&["f1"]).await, ["a.example", "b.example", "d.example"]);
        assert_eq!(fixture.names(&["f2"]).await, ["c.example"]);
    }

    #[tokio::test]
    async fn a_sync_that_is_given_up_leaves_nothing_behind() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.keys(1).await;
        let store = &fixture.store;
        store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
        let given_up = store.stage("f1").await.unwrap();
        given_up.add(vec![domain("b.example")]).await.unwrap();
        drop(given_up);
        assert_eq!(fixture.names(&["f1"]).await, ["a.example"]);
        let next = store.stage("f1").await.unwrap();
        let left: i64 = store.scalar("SELECT count(*) FROM temp.aside").fetch_one(store.write()).await.unwrap();
        assert_eq!(left, 0);
        next.add(vec![domain("a.example")]).await.unwrap();
        assert_eq!(next.apply(&account, 20, 20).await.unwrap().total, 1);
    }

    #[tokio::test]
    async fn pages_that_went_with_their_connection_do_not_empty_the_mirror() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.keys(1).await;
        let store = &fixture.store;
        store.apply_sync("f1", &account, vec![domain("a.example")], 10).await.unwrap();
        let staging = store.stage("f1").await.unwrap();
        staging.add(vec![domain("a.example")]).await.unwrap();
        store.write().acquire().await.unwrap().close().await.unwrap();
        assert!(staging.apply(&account, 20, 20).await.is_err());
        assert_eq!(fixture.names(&["f1"]).await, ["a.example"]);
    }
}
