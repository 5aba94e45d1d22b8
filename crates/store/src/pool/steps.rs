//! From each schema to the next, over a database that has rows in everything that was there before.

use std::borrow::Cow;

use sqlx::{
    AssertSqlSafe, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use super::{MIGRATIONS, Store};
use crate::testing::audit_key;

/// What a database has in it once it is of this schema: a row in each table that the schema brought.
fn rows_of(schema: i64) -> &'static str {
    match schema {
        1 => {
            "INSERT INTO people (id, issuer, subject, name, role, created_at) VALUES ('p', 'i', 's', 'Ann', 'lead', 1);
             INSERT INTO sessions (id_hash, data, person_id, expires_at, created_at) VALUES (x'01', '{}', 'p', 9, 1);
             INSERT INTO accounts (id, name) VALUES ('a', 'Account');
             INSERT INTO account_handles (handle, account_id) VALUES ('h', 'a');
             INSERT INTO api_keys (id, owner_id, label, fingerprint, last_four, sealed, account_id, created_at)
                 VALUES ('k', 'p', 'web07', 'f', '0007', x'02', 'a', 1);
             INSERT INTO upstream_keys (fingerprint, account_id, total) VALUES ('f', 'a', 1), ('g', 'a', 0);
             INSERT INTO domains (id, account_id, name, display, subscription, servers, aliases, detail, holder,
                 association, synced_at)
                 VALUES (1, 'a', 'xn--bcher-kva.example', 'bücher.example', 'h', 1, 1,
                     '{\"admins\":[],\"downstreams\":[],\"aliases\":[\"b.example\"]}', 'g', 'locked', 1);
             INSERT INTO visibility (fingerprint, domain_id) VALUES ('f', 1);
             INSERT INTO aliases (account_id, alias, display, domain_id) VALUES ('a', 'b.example', 'b.example', 1);
             INSERT INTO drafts (id, person_id, kind, body, created_at) VALUES ('d', 'p', 'flash', '{}', 1);
             INSERT INTO audit (id, at, person_id, person_name, action, object_kind, object, request_id)
                 VALUES (1, 1, 'p', 'Ann', 'domain.settings', 'domain', 'b.example', 'r');
             INSERT INTO audit (id, at, person_id, person_name, action, object_kind, object, request_id, intent_id, outcome)
                 VALUES (2, 2, 'p', 'Ann', 'domain.settings', 'domain', 'b.example', 'r', 1, 'done');"
        }
        2 => "INSERT INTO mx (name, verdict, checked_at) VALUES ('b.example', 'here', 1);",
        3 => {
            "INSERT INTO reports (at, person_id, person_name, kind, domain, subject_hash, outcome)
                 VALUES (1, 'p', 'Ann', 'false_positive', 'b.example', 'hash', 'done');"
        }
        4 => "INSERT INTO recipients_seen (id, address, domain, seen_at) VALUES (1, 'a@b.example', 'b.example', 1);",
        5 => {
            "INSERT INTO jobs (number, owner_id, owner_name, client_request_id, kind, act, source, needs, created_at)
                 VALUES (1, 'p', 'Ann', 'c', 'deprovision', '{}', 'typed', 'lead', 1);
             INSERT INTO job_rows (job, seq, line, object, verdict, input, state, intent_id)
                 VALUES (1, 1, 1, 'b.example', 'change', '[]', 'done', 1);"
        }
        6 => {
            "INSERT INTO server_changes (account_id, domain, kind, before, after, known_at, seen_at, gone, fingerprint)
                 VALUES ('a', 'b.example', 'admins', '[]', '[\"x\"]', 1, 2, 0, 'f');
             INSERT INTO domains_gone (account_id, name, detail, settings, known_at, fingerprint)
                 VALUES ('a', 'gone.example', '{}', '{}', 1, 'f');
             INSERT INTO account_lists (account_id, list, attempted_at) VALUES ('a', 'safelist', 1);
             INSERT INTO account_entries (account_id, list, item, first_seen_at) VALUES ('a', 'safelist', 'x', 1);
             INSERT INTO rescues (id, person_id, account_id, old_key_id, old_fingerprint, since, created_at)
                 VALUES ('r', 'p', 'a', 'k', 'f', 1, 1);
             INSERT INTO rescue_domains (rescue_id, name) VALUES ('r', 'b.example');"
        }
        8 => "",
        9 => {
            "INSERT INTO sessions (id_hash, name, person_id, epoch, mode, started_at, proved_at, seen_at, device, address)
                 VALUES (x'03', 'n', 'p', 0, 'demo', 1, 1, 1, '', '');
             INSERT INTO sign_ins (id_hash, state, nonce, verifier, back, created_at) VALUES (x'04', '', '', '', '/', 1);
             INSERT INTO sign_in_links (id_hash, person_id, created_at) VALUES (x'05', 'p', 1);
             INSERT INTO logouts (id, expires_at) VALUES ('l', 9);"
        }
        10 => "INSERT INTO key_shares (id, key_id, role, created_at) VALUES ('ks', 'k', 'agent', 1);",
        other => panic!("schema {other} is new: give each table that it brought a row here"),
    }
}

/// How many rows each table of ours has; the search's own tables are its business.
async fn counts(pool: &SqlitePool) -> Vec<(String, i64)> {
    let text = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                AND name NOT LIKE '%names%' AND name <> '_sqlx_migrations' ORDER BY name";
    let tables: Vec<String> = sqlx::query_scalar(text).fetch_all(pool).await.unwrap();
    let mut counts = Vec::new();
    for table in tables {
        let text = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        counts.push((table, sqlx::query_scalar(text).fetch_one(pool).await.unwrap()));
    }
    counts
}

async fn is_whole(pool: &SqlitePool) {
    let said: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(pool).await.unwrap();
    assert_eq!(said, "ok");
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(pool).await.unwrap();
    assert!(broken.is_empty(), "{} references lead nowhere", broken.len());
}

/// Tables whose rows a migration gives up, and says so.
const GIVEN_UP: [(i64, &str); 1] = [(9, "sessions")];

#[tokio::test]
async fn each_schema_leads_to_the_next_with_all_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let all: Vec<_> = MIGRATIONS.iter().cloned().collect();
    let mut before: Vec<(String, i64)> = Vec::new();
    for known in 1..=all.len() {
        let schema = all[known - 1].version;
        let upto = Migrator { migrations: Cow::Owned(all[..known].to_vec()), ..Migrator::DEFAULT };
        upto.run(&pool).await.unwrap();
        let after = counts(&pool).await;
        for (table, number) in before {
            let kept = after.iter().find(|(other, _)| *other == table).map(|(_, number)| *number);
            let expected = if GIVEN_UP.contains(&(schema, &table)) { 0 } else { number };
            assert_eq!(kept, Some(expected), "{table} after schema {schema}");
        }
        is_whole(&pool).await;
        sqlx::raw_sql(rows_of(schema)).execute(&pool).await.unwrap();
        is_whole(&pool).await;
        before = counts(&pool).await;
        let empty: Vec<_> = before
            .iter()
            .filter(|(table, number)| *number == 0 && !matches!(table.as_str(), "meta" | "keks"))
            .collect();
        assert!(schema == 8 || empty.is_empty(), "give these a row: {empty:?}");
    }
    // What migrations worked out from the rows that were there.
    let elsewhere: i64 = sqlx::query_scalar("SELECT elsewhere FROM upstream_keys WHERE fingerprint = 'f'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(elsewhere, 1, "locked to another key");
    pool.close().await;

    // This program goes on with it: rows of the audit log from before the chain are adopted, names are found.
    let store = Store::open(&path).await.unwrap();
    store.audit_key_cell().set(audit_key()).unwrap();
    store.adopt_audit(&audit_key(), 5).await.unwrap();
    assert!(store.audit_head().await.unwrap().is_some());
    assert_eq!(store.person("p").await.unwrap().unwrap().name, "Ann");
    is_whole(store.read()).await;
    store.close().await;
    let again = Store::open(&path).await.unwrap();
    assert_eq!(again.schema().await.unwrap().0, all.last().unwrap().version);
}
