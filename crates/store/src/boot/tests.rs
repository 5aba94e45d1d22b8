use super::*;
use crate::testing::{self, Fixture};
use vault::Kek;

fn kek(byte: u8) -> Kek {
    Kek::from_bytes([byte; 32])
}

fn ring(current: u8, previous: &[u8]) -> KeyRing {
    KeyRing::new(kek(current), previous.iter().copied().map(kek).collect())
}

async fn print(fixture: &Fixture, ring: &KeyRing) -> Result<String, UnlockError> {
    Ok(fixture.store.unlock(ring, 1).await?.fingerprint("canary").full())
}

async fn add_sealed(fixture: &Fixture, ring: &KeyRing) {
    testing::add_sealed(&fixture.store, ring, &fixture.person("ann").await).await;
}

#[tokio::test]
async fn the_same_kek_gives_the_same_fingerprints_after_a_restart() {
    let mut fixture = Fixture::new().await;
    let first = print(&fixture, &ring(1, &[])).await.unwrap();
    fixture.reopen().await;
    assert_eq!(print(&fixture, &ring(1, &[])).await.unwrap(), first);
}

#[tokio::test]
async fn a_missing_kek_is_named_and_nothing_is_made() {
    let fixture = Fixture::new().await;
    let first = print(&fixture, &ring(1, &[])).await.unwrap();
    let error = print(&fixture, &ring(2, &[])).await.unwrap_err();
    assert!(matches!(error, UnlockError::MissingKek(id) if id == kek(1).id()), "{error:?}");
    assert!(error.to_string().contains(&kek(1).id().to_string()), "{error}");
    // The refused start left no trace: the right KEK works, and alone.
    assert_eq!(print(&fixture, &ring(1, &[])).await.unwrap(), first);
}

#[tokio::test]
async fn a_previous_kek_opens_and_a_new_current_one_is_registered() {
    let fixture = Fixture::new().await;
    let first = print(&fixture, &ring(1, &[])).await.unwrap();
    assert_eq!(print(&fixture, &ring(2, &[1])).await.unwrap(), first);
    // From now on both are needed, whichever is current.
    let error = print(&fixture, &ring(1, &[])).await.unwrap_err();
    assert!(matches!(error, UnlockError::MissingKek(id) if id == kek(2).id()), "{error:?}");
    assert_eq!(print(&fixture, &ring(1, &[2])).await.unwrap(), first);
}

#[tokio::test]
async fn a_wrong_kek_under_the_right_id_is_noticed() {
    let fixture = Fixture::new().await;
    let right = ring(1, &[]);
    print(&fixture, &right).await.unwrap();
    let other = ring(2, &[]).check_value(kek(2).id()).unwrap();
    let store = &fixture.store;
    store.sql("UPDATE keks SET check_value = ?1").bind(other).execute(store.write()).await.unwrap();
    let error = print(&fixture, &right).await.unwrap_err();
    assert!(matches!(error, UnlockError::WrongKek(id) if id == kek(1).id()), "{error:?}");
}

#[tokio::test]
async fn where_ciphertext_exists_no_master_is_made() {
    let fixture = Fixture::new().await;
    let right = ring(1, &[]);
    print(&fixture, &right).await.unwrap();
    add_sealed(&fixture, &right).await;
    let store = &fixture.store;
    let masters = "SELECT count(*) FROM meta";
    store.sql("DELETE FROM meta").execute(store.write()).await.unwrap();
    assert!(matches!(print(&fixture, &right).await, Err(UnlockError::Incomplete("master secret"))));
    store.sql("DELETE FROM keks").execute(store.write()).await.unwrap();
    assert!(matches!(print(&fixture, &right).await, Err(UnlockError::Incomplete(_))));
    assert_eq!(store.scalar::<i64>(masters).fetch_one(store.read()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_kek_that_only_a_row_names_is_missed_too() {
    let fixture = Fixture::new().await;
    print(&fixture, &ring(1, &[])).await.unwrap();
    add_sealed(&fixture, &ring(3, &[])).await;
    let error = print(&fixture, &ring(1, &[])).await.unwrap_err();
    assert!(matches!(error, UnlockError::MissingKek(id) if id == kek(3).id()), "{error:?}");
}

#[tokio::test]
async fn one_unreadable_row_does_not_stop_the_start_but_a_changed_master_does() {
    let fixture = Fixture::new().await;
    let right = ring(1, &[]);
    print(&fixture, &right).await.unwrap();
    add_sealed(&fixture, &right).await;
    let store = &fixture.store;
    store.sql("UPDATE api_keys SET sealed = x'00'").execute(store.write()).await.unwrap();
    print(&fixture, &right).await.unwrap();
    let mut blob: Vec<u8> = store.scalar("SELECT value FROM meta").fetch_one(store.read()).await.unwrap();
    *blob.last_mut().unwrap() ^= 1;
    store.sql("UPDATE meta SET value = ?1").bind(blob).execute(store.write()).await.unwrap();
    assert!(matches!(print(&fixture, &right).await, Err(UnlockError::Master(OpenError::Forged))));
}
