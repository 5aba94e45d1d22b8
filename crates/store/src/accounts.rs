//! Accounts: customers of `MailChannels`, known by the subscription handles their keys report.

use crate::{Result, Store, new_id, pool::Tx};

impl Store {
    /// The account that has any of these subscription handles; handles it lacked are added to it.
    /// Without handles (a customer with no subscription yet) the key is an account of its own until
    /// handles turn up. When the handles turn out to join accounts that were thought distinct, they
    /// become one, the oldest.
    pub async fn account_for_handles(&self, handles: &[String], fingerprint: &str, now: i64) -> Result<String> {
        let own = format!("key:{fingerprint}");
        let mut sorted: Vec<&str> = handles.iter().map(String::as_str).filter(|handle| !handle.is_empty()).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let first = sorted.first().map_or_else(|| format!("Key {}", short(fingerprint)), ToString::to_string);
        if sorted.is_empty() {
            sorted.push(&own);
        }
        let wanted = json(&sorted);

        let mut tx = self.begin().await?;
        let known: Vec<String> = self
            .scalar(
                "SELECT DISTINCT account_id FROM account_handles
                 WHERE handle = ?1 OR handle IN (SELECT value FROM json_each(?2)) ORDER BY account_id",
            )
            .bind(&own)
            .bind(&wanted)
            .fetch_all(&mut *tx)
            .await?;
        let account = if let Some((oldest, others)) = known.split_first() {
            for other in others {
                self.merge_accounts(&mut tx, oldest, other).await?;
            }
            // The name of a lone key gives way to that of its first subscription.
            self.sql("UPDATE accounts SET name = ?2 WHERE id = ?1 AND name LIKE 'Key %' AND name <> ?2")
                .bind(oldest)
                .bind(&first)
                .execute(&mut *tx)
                .await?;
            oldest.clone()
        } else {
            let id = new_id(now);
            self.sql("INSERT INTO accounts (id, name) VALUES (?1, ?2)")
                .bind(&id)
                .bind(&first)
                .execute(&mut *tx)
                .await?;
            id
        };
        self.sql(
            "INSERT INTO account_handles (handle, account_id) SELECT value, ?1 FROM json_each(?2) WHERE true
             ON CONFLICT (handle) DO NOTHING",
        )
        .bind(&account)
        .bind(&wanted)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if known.len() > 1 {
            self.mirror_changed();
        }
        Ok(account)
    }

    /// How many domains of an account are known here, through whomever's keys: a lower bound of what it has.
    pub async fn count_account_domains(&self, account: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM domains WHERE account_id = ?1";
        let count: i64 = self.scalar(sql).bind(account).fetch_one(self.read()).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Moves everything of one account to another and drops it.
    async fn merge_accounts(&self, tx: &mut Tx, into: &str, from: &str) -> Result<()> {
        const STEPS: [&str; 14] = [
            "UPDATE account_handles SET account_id = ?1 WHERE account_id = ?2",
            "UPDATE api_keys SET account_id = ?1 WHERE account_id = ?2",
            "UPDATE upstream_keys SET account_id = ?1 WHERE account_id = ?2",
            // A domain that both have: its readers join, the younger row goes.
            "INSERT INTO visibility (fingerprint, domain_id)
             SELECT v.fingerprint, kept.id FROM domains gone
             JOIN domains kept ON kept.account_id = ?1 AND kept.name = gone.name
             JOIN visibility v ON v.domain_id = gone.id
             WHERE gone.account_id = ?2 ON CONFLICT DO NOTHING",
            "DELETE FROM domains WHERE account_id = ?2
             AND name IN (SELECT name FROM domains WHERE account_id = ?1)",
            "UPDATE domains SET account_id = ?1 WHERE account_id = ?2",
            "INSERT INTO aliases (account_id, alias, display, domain_id)
             SELECT ?1, alias, display, domain_id FROM aliases WHERE account_id = ?2 ON CONFLICT DO NOTHING",
            "DELETE FROM aliases WHERE account_id = ?2",
            // What both have of their lists is the same list read twice: the copy goes with its account.
            "UPDATE OR IGNORE account_lists SET account_id = ?1 WHERE account_id = ?2",
            "UPDATE OR IGNORE account_entries SET account_id = ?1 WHERE account_id = ?2",
            "UPDATE OR IGNORE domains_gone SET account_id = ?1 WHERE account_id = ?2",
            "UPDATE server_changes SET account_id = ?1 WHERE account_id = ?2",
            "UPDATE rescues SET account_id = ?1 WHERE account_id = ?2",
            "DELETE FROM accounts WHERE id = ?2",
        ];
        for step in STEPS {
            self.sql(step).bind(into).bind(from).execute(&mut **tx).await?;
        }
        self.index_names(tx).await?;
        self.associate(tx, into, None).await?;
        self.recount(tx, into).await
    }
}

/// A JSON array, the way a list goes into a statement as one parameter.
pub(crate) fn json<T: AsRef<str>>(list: &[T]) -> String {
    list.iter().map(AsRef::as_ref).collect::<serde_json::Value>().to_string()
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..8).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, domain, handles};

    #[tokio::test]
    async fn any_shared_handle_is_the_same_account() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let one = store.account_for_handles(&handles(&["s1"]), "f1", 1).await.unwrap();
        let both = store.account_for_handles(&handles(&["s2", "s1"]), "f2", 2).await.unwrap();
        let other = store.account_for_handles(&handles(&["s9"]), "f3", 3).await.unwrap();
        assert_eq!(one, both);
        assert_ne!(one, other);
        // s2 was added to the account on the way.
        assert_eq!(store.account_for_handles(&handles(&["s2"]), "f4", 4).await.unwrap(), one);
    }

    #[tokio::test]
    async fn a_key_without_subscriptions_keeps_its_account_when_they_come() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let lone = store.account_for_handles(&[], "f1", 1).await.unwrap();
        assert_ne!(store.account_for_handles(&[], "f2", 2).await.unwrap(), lone);
        assert_eq!(store.account_for_handles(&[], "f1", 3).await.unwrap(), lone);
        assert_eq!(store.account_for_handles(&handles(&["s1"]), "f1", 4).await.unwrap(), lone);
        assert_eq!(store.account_for_handles(&handles(&["s1"]), "f3", 5).await.unwrap(), lone);
    }

    #[tokio::test]
    async fn accounts_that_turn_out_one_are_joined_with_their_domains() {
        let fixture = Fixture::new().await;
        let (store, (ann, _)) = (&fixture.store, fixture.two_people().await);
        // Ids of the same millisecond have no order.
        store.account_for_handles(&handles(&["s1"]), "f1", 1).await.unwrap();
        store.account_for_handles(&handles(&["s2"]), "f2", 2).await.unwrap();
        let one = fixture.key_in(&ann, "k1", "f1", "s1").await;
        let two = fixture.key_in(&ann, "k2", "f2", "s2").await;
        assert_ne!(one, two);
        store.apply_sync("f1", &one, vec![domain("a.example"), domain("both.example")], 10).await.unwrap();
        store.apply_sync("f2", &two, vec![domain("b.example"), domain("both.example")], 11).await.unwrap();
        let joined = store.account_for_handles(&handles(&["s1", "s2"]), "f2", 12).await.unwrap();
        assert_eq!(joined, one);
        assert_eq!(
            (store.count_account_domains(&one).await.unwrap(), store.count_account_domains(&two).await.unwrap()),
            (3, 0)
        );
        let found = fixture.associations(&["f1", "f2"]).await;
        assert_eq!(
            found,
            [("a.example", "locked", Some("f1")), ("b.example", "locked", Some("f2")), ("both.example", "free", None)]
                .map(|(name, association, holder)| (name.into(), association.into(), holder.map(Into::into)))
        );
        // What was synced under the account that is gone goes on under the one that stayed.
        store.apply_sync("f2", &two, vec![domain("b.example")], 13).await.unwrap();
        assert_eq!(store.keys_of(&ann).await.unwrap()[1].account_id.as_deref(), Some(one.as_str()));
    }
}
