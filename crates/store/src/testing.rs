//! What the tests of this crate share.

use tempfile::TempDir;
use vault::{AuditKey, Context, KeyRing, MasterKeys, MasterSecret};

use crate::{DomainQuery, MirrorDetail, MirrorDomain, NewJob, NewKey, NewPerson, Store};

/// A store over a real file that goes with the fixture.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) directory: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("test.db")).await.unwrap();
        store.audit_key_cell().set(audit_key()).unwrap();
        Self { store, directory }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("test.db")
    }

    /// Closes the store and opens the file again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(self.path()).await.unwrap();
        self.store.audit_key_cell().set(audit_key()).unwrap();
    }

    pub(crate) async fn person(&self, subject: &str) -> String {
        let person =
            NewPerson { issuer: "test", subject, name: subject, email: None, role: "lead", mapped_by: "", now: 1 };
        self.store.upsert_person(&person).await.unwrap().id
    }

    pub(crate) async fn two_people(&self) -> (String, String) {
        (self.person("ann").await, self.person("bob").await)
    }

    /// Adds a key whose account has this one subscription; returns the account.
    pub(crate) async fn key_in(&self, owner: &str, id: &str, fingerprint: &str, handle: &str) -> String {
        let account = self.store.account_for_handles(&handles(&[handle]), fingerprint, 1).await.unwrap();
        self.store
            .add_key(&NewKey {
                id,
                owner_id: owner,
                label: id,
                fingerprint,
                last_four: "last",
                sealed: b"sealed",
                account_id: Some(&account),
                now: 1,
            })
            .await
            .unwrap();
        account
    }

    /// Keys f1, f2, … of one account, all of one person; returns account and person.
    pub(crate) async fn keys(&self, count: usize) -> (String, String) {
        let person = self.person("ann").await;
        let mut account = String::new();
        for index in 1..=count {
            account = self.key_in(&person, &format!("k{index}"), &format!("f{index}"), "s").await;
        }
        (account, person)
    }

    /// Name, association and holder of all that the keys see.
    pub(crate) async fn associations(&self, keys: &[&str]) -> Vec<(String, String, Option<String>)> {
        let query = DomainQuery { keys: handles(keys), limit: 1_000, ..DomainQuery::default() };
        let page = self.store.list_domains(&query).await.unwrap();
        page.rows.into_iter().map(|row| (row.name, row.association, row.holder)).collect()
    }

    /// Names of all that the keys see.
    pub(crate) async fn names(&self, keys: &[&str]) -> Vec<String> {
        self.associations(keys).await.into_iter().map(|(name, ..)| name).collect()
    }
}

/// The key of the audit chain, without what seals it.
pub(crate) fn audit_key() -> AuditKey {
    MasterKeys::from_secret(&MasterSecret::from_bytes([7; 32])).audit_key()
}

pub(crate) fn handles(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

pub(crate) fn domain(name: &str) -> MirrorDomain {
    MirrorDomain {
        name: name.into(),
        display: name.into(),
        subscription: "s".into(),
        policy: Some("block".into()),
        policy_override: Some(false),
        header_name: None,
        header_value: None,
        detail: MirrorDetail { admins: vec![], downstreams: vec!["10 1 25 mx.example".into()], aliases: vec![] },
    }
}

/// A job to be made.
pub(crate) fn job<'a>(owner: &'a str, request: &'a str) -> NewJob<'a> {
    NewJob {
        owner_id: owner,
        owner_name: "Ann",
        client_request_id: request,
        kind: "deprovision",
        act: "{}",
        source: "pasted",
        reason: None,
        needs: "lead",
        undo_of: None,
        retry_of: None,
        now: 1,
    }
}

/// Stores a key `k1` that is sealed by a ring.
pub(crate) async fn add_sealed(store: &Store, ring: &KeyRing, owner: &str) {
    let context = Context { table: "api_keys", column: "sealed", row: "k1", owner };
    let sealed = ring.seal(&context, b"canary").unwrap();
    let key = NewKey {
        id: "k1",
        owner_id: owner,
        label: "one",
        fingerprint: "f1",
        last_four: "nary",
        sealed: &sealed,
        account_id: None,
        now: 1,
    };
    store.add_key(&key).await.unwrap();
}
