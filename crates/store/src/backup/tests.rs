use super::*;
use crate::testing::Fixture;
use std::os::unix::fs::PermissionsExt;
use vault::{Kek, KeyRing};

pub(super) fn ring(byte: u8) -> KeyRing {
    KeyRing::new(Kek::from_bytes([byte; 32]), Vec::new())
}

pub(super) async fn unlocked() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.store.unlock(&ring(1), 1).await.unwrap();
    fixture
}

pub(super) fn files(folder: &Path) -> Vec<String> {
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
