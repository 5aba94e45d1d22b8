use super::*;
use crate::{AuditHead, NewSession, TokenHash, testing::Fixture};
use std::os::unix::fs::PermissionsExt;
use vault::Kek;

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(Kek::from_bytes([byte; 32]), Vec::new())
}

async fn unlocked() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.store.unlock(&ring(1), 1).await.unwrap();
    fixture
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_copy_is_whole_private_and_made_while_others_write() {
    let fixture = unlocked().await;
    let path = fixture.directory.path().join("copy.sqlite3");
    let writing = async {
        for number in 0..200 {
            fixture.person(&format!("p{number}")).await;
        }
    };
    let (copied, ()) = tokio::join!(fixture.store.copy_to(&path), writing);
    let copied = copied.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(copied.bytes, fs::metadata(&path).unwrap().len());
    assert!(!files(fixture.directory.path()).iter().any(|name| name.contains("partial")));
    let copy = Store::open(&path).await.unwrap();
    copy.unlock(&ring(1), 2).await.unwrap();
    assert!(copy.people(0).await.unwrap().len() <= 200);
    copy.close().await;
    // One that is there is not written over.
    assert!(matches!(fixture.store.copy_to(&path).await, Err(StoreError::Io(_))));
    let nowhere = fixture.directory.path().join("no/such/folder/copy");
    assert!(matches!(fixture.store.copy_to(&nowhere).await, Err(StoreError::Io(_))));
}

#[tokio::test]
async fn a_copy_is_put_back_and_what_was_there_is_kept() {
    let mut fixture = unlocked().await;
    let ann = fixture.person("ann").await;
    let session = NewSession {
        hash: TokenHash::of("t"),
        name: "t",
        person_id: &ann,
        epoch: 0,
        mode: "oidc",
        proved_at: 0,
        device: "",
        address: "",
        provider_session: None,
        hint: None,
        now: 1,
    };
    fixture.store.begin_session(&session).await.unwrap();
    let copy = fixture.directory.path().join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    fixture.person("bob").await;
    fixture.store.close().await;
    let kept = Store::restore(&copy, &fixture.path(), &ring(1), 77).await.unwrap().unwrap();
    assert!(kept.exists() && kept.to_str().unwrap().ends_with(".before-restore-77"));
    fixture.reopen().await;
    fixture.store.unlock(&ring(1), 2).await.unwrap();
    let people = fixture.store.people(0).await.unwrap();
    assert_eq!(people.iter().map(|listed| listed.person.name.as_str()).collect::<Vec<_>>(), ["ann"]);
    assert!(fixture.store.session(TokenHash::of("t"), 1).await.unwrap().is_none(), "everybody is signed out");
    let before = Store::open(&kept).await.unwrap();
    assert_eq!(before.people(0).await.unwrap().len(), 2);
    before.close().await;
    let no_heads: [AuditHead; 0] = [];
    let key = fixture.store.unlock_to_read(&ring(1)).await.unwrap().audit_key();
    fixture.store.verify_audit(&key, &no_heads).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_not_put_back_and_nothing_changes() {
    let fixture = unlocked().await;
    fixture.person("ann").await;
    let folder = fixture.directory.path();
    let copy = folder.join("copy.sqlite3");
    fixture.store.copy_to(&copy).await.unwrap();
    fixture.store.close().await;
    let before = fs::read(fixture.path()).unwrap();
    let restore =
        async |copy: &Path, byte: u8| Store::restore(copy, &fixture.path(), &ring(byte), 1).await.unwrap_err();

    assert!(matches!(restore(&copy, 2).await, NotRestorable::Kek { .. }));
    let text = folder.join("text");
    fs::write(&text, "no database at all").unwrap();
    assert!(matches!(restore(&text, 1).await, NotRestorable::Damaged { .. }));
    let newer = folder.join("newer.sqlite3");
    fs::copy(&copy, &newer).unwrap();
    let mut connection = SqliteConnectOptions::new().filename(&newer).connect().await.unwrap();
    sqlx::query(
        "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    assert!(matches!(restore(&newer, 1).await, NotRestorable::Newer { found: 9999, .. }));
    let torn = folder.join("torn.sqlite3");
    let whole = fs::read(&copy).unwrap();
    let mut bytes = whole.clone();
    let middle = whole.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(&torn, bytes).unwrap();
    assert!(matches!(restore(&torn, 1).await, NotRestorable::Damaged { .. } | NotRestorable::Store(_)));
    assert!(matches!(restore(&folder.join("nothing"), 1).await, NotRestorable::File { .. }));
    assert_eq!(fs::read(fixture.path()).unwrap(), before, "what was there is as it was");
    assert!(!files(folder).iter().any(|name| name.contains("restor")), "{:?}", files(folder));
}
