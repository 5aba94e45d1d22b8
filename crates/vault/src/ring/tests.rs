use super::*;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicU8, Ordering};

const HERE: Context<'static> = Context { table: "api_keys", column: "sealed", row: "row-1", owner: "person-1" };
const SECRET: &str = "canary-4f7d0c1b";

fn kek(byte: u8) -> Kek {
    Kek::from_bytes([byte; 32])
}

fn ring(current: u8, previous: &[u8]) -> KeyRing {
    KeyRing::new(kek(current), previous.iter().copied().map(kek).collect())
}

fn sealed(ring: &KeyRing) -> Vec<u8> {
    ring.seal(&HERE, SECRET.as_bytes()).unwrap()
}

#[test]
fn what_is_sealed_opens_and_no_two_blobs_are_alike() {
    let ring = ring(1, &[]);
    let (one, two) = (sealed(&ring), sealed(&ring));
    assert_eq!(ring.open(&HERE, &one).unwrap().expose_secret(), SECRET);
    assert_eq!(ring.open_bytes(&HERE, &two).unwrap().expose_secret(), SECRET.as_bytes());
    assert_ne!(one, two);
    // Data key, both nonces: each is drawn anew.
    assert_ne!(one[10..34], two[10..34]);
    assert_ne!(one[82..106], two[82..106]);
    assert_eq!(one.len(), 106 + SECRET.len() + 16);
}

#[test]
fn a_moved_blob_does_not_open() {
    let ring = ring(1, &[]);
    let blob = sealed(&ring);
    let elsewhere = [
        Context { table: "api_key", ..HERE },
        Context { column: "seale", ..HERE },
        Context { row: "row-2", ..HERE },
        Context { owner: "person-2", ..HERE },
        // The same letters with the border elsewhere.
        Context { table: "api_keyss", column: "ealed", ..HERE },
        Context { row: "row-1person-1", owner: "", ..HERE },
    ];
    for context in elsewhere {
        assert_eq!(ring.open(&context, &blob).unwrap_err(), OpenError::Forged, "{context:?}");
        assert_eq!(ring.rewrap(&context, &blob).unwrap_err(), OpenError::Forged, "{context:?}");
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_noticed() {
    let ring = ring(1, &[2]);
    let blob = sealed(&ring);
    for index in 0..blob.len() {
        for bit in 0..8 {
            let mut changed = blob.clone();
            changed[index] ^= 1 << bit;
            let expected = match index {
                0 | 1 => matches!(ring.open(&HERE, &changed), Err(OpenError::Malformed)),
                2..10 => matches!(ring.open(&HERE, &changed), Err(OpenError::UnknownKek(_))),
                _ => matches!(ring.open(&HERE, &changed), Err(OpenError::Forged)),
            };
            assert!(expected, "byte {index}, bit {bit}: {:?}", ring.open(&HERE, &changed));
            assert!(ring.rewrap(&HERE, &changed).is_err(), "byte {index}, bit {bit}");
        }
    }
    for length in 0..blob.len() {
        assert!(ring.open(&HERE, &blob[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(ring.open(&HERE, &[&blob[..], &[0]].concat()).unwrap_err(), OpenError::Forged);
}

#[test]
fn layers_do_not_stand_in_for_each_other() {
    // Parts of two good blobs of the same place don't mix.
    let ring = ring(1, &[]);
    let (one, two) = (sealed(&ring), sealed(&ring));
    let mixed = [&one[..82], &two[82..]].concat();
    assert_eq!(ring.open(&HERE, &mixed).unwrap_err(), OpenError::Forged);
}

#[test]
fn wrong_missing_and_previous_keks() {
    let blob = sealed(&ring(1, &[]));
    assert_eq!(ring(2, &[]).open(&HERE, &blob).unwrap_err(), OpenError::UnknownKek(kek(1).id()));
    assert_eq!(ring(2, &[3, 1]).open(&HERE, &blob).unwrap().expose_secret(), SECRET);
    // A KEK that claims the id of another.
    let mut claimed = blob.clone();
    claimed[2..10].copy_from_slice(&kek(2).id().0);
    assert_eq!(ring(2, &[]).open(&HERE, &claimed).unwrap_err(), OpenError::Forged);
}

#[test]
fn rewrapping_moves_only_the_data_key() {
    let (old, both, new) = (ring(1, &[]), ring(2, &[1]), ring(2, &[]));
    let blob = sealed(&old);
    assert_eq!(old.rewrap(&HERE, &blob).unwrap(), None);
    let moved = both.rewrap(&HERE, &blob).unwrap().unwrap();
    assert_eq!(moved[82..], blob[82..], "the record stays as it is");
    assert_eq!(new.blob_kek(&moved).unwrap(), kek(2).id());
    assert_eq!(new.open(&HERE, &moved).unwrap().expose_secret(), SECRET);
    assert_eq!(both.rewrap(&HERE, &moved).unwrap(), None);
    assert_eq!(new.rewrap(&HERE, &blob).unwrap_err(), OpenError::UnknownKek(kek(1).id()));
}

#[test]
fn a_check_value_knows_its_kek() {
    let ring = ring(1, &[2]);
    let (one, two) = (kek(1).id(), kek(2).id());
    let (check_one, check_two) = (ring.check_value(one).unwrap(), ring.check_value(two).unwrap());
    assert_eq!(ring.verify_check_value(one, &check_one), Ok(()));
    assert_eq!(ring.verify_check_value(two, &check_two), Ok(()));
    assert_eq!(ring.verify_check_value(one, &check_two), Err(OpenError::Forged));
    assert_eq!(ring.verify_check_value(kek(3).id(), &check_one), Err(OpenError::UnknownKek(kek(3).id())));
    assert_eq!(ring.check_value(kek(3).id()), Err(SealError::UnknownKek(kek(3).id())));
    // An ordinary record in the same place is no check value.
    let id = one.to_string();
    let record = ring.seal(&check_context(&id), b"something else").unwrap();
    assert_eq!(ring.verify_check_value(one, &record), Err(OpenError::Forged));
}

#[test]
fn bytes_that_are_no_text_open_as_bytes_only() {
    let ring = ring(1, &[]);
    let blob = ring.seal(&HERE, &[0xff, 0xfe]).unwrap();
    assert_eq!(ring.open(&HERE, &blob).unwrap_err(), OpenError::Malformed);
    assert_eq!(ring.open_bytes(&HERE, &blob).unwrap().expose_secret(), [0xff, 0xfe]);
}

/// Gives bytes for a number of calls, then fails.
struct Dry(AtomicU8);

impl Entropy for Dry {
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        into.fill(left.map_err(|_| NoEntropy)?);
        Ok(())
    }
}

#[test]
fn without_randomness_nothing_is_sealed() {
    for calls in 0..3 {
        let dry = KeyRing::with_entropy(kek(2), vec![kek(1)], Box::new(Dry(AtomicU8::new(calls))));
        assert_eq!(dry.seal(&HERE, b"x"), Err(SealError::Entropy(NoEntropy)), "after {calls} draws");
    }
    let dry = KeyRing::with_entropy(kek(2), vec![kek(1)], Box::new(Dry(AtomicU8::new(0))));
    assert_eq!(dry.rewrap(&HERE, &sealed(&ring(1, &[]))), Err(OpenError::Entropy(NoEntropy)));
    let enough = KeyRing::with_entropy(kek(1), vec![], Box::new(Dry(AtomicU8::new(3))));
    assert_eq!(ring(1, &[]).open(&HERE, &sealed(&enough)).unwrap().expose_secret(), SECRET);
}

#[test]
fn debug_prints_ids_only() {
    let key = [0x5a; 32];
    let ring = KeyRing::new(Kek::from_bytes(key), vec![kek(1)]);
    let wrap = *Kek::from_bytes(key).wrap;
    let printed = format!("{ring:?} {:?} {:?}", ring.open(&HERE, &sealed(&ring)).unwrap(), Kek::from_bytes(key));
    assert!(printed.contains(&ring.current().to_string()));
    for secret in [&key[..4], &wrap[..4]] {
        let hex = crate::kek::hex(secret);
        assert!(!printed.to_lowercase().contains(&hex), "{printed}");
        assert!(!printed.contains(&format!("{secret:?}").replace(']', "")), "{printed}");
    }
    assert!(!printed.contains(SECRET), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_secret_and_place_round_trip(
        plain in proptest::collection::vec(any::<u8>(), 0..200),
        table in ".{0,9}", column in ".{0,9}", row in ".{0,9}", owner in ".{0,9}",
    ) {
        let ring = ring(1, &[]);
        let context = Context { table: &table, column: &column, row: &row, owner: &owner };
        let blob = ring.seal(&context, &plain).unwrap();
        let opened = ring.open_bytes(&context, &blob).unwrap();
        prop_assert_eq!(opened.expose_secret(), &plain[..]);
    }

    #[test]
    fn arbitrary_bytes_never_open_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..260)) {
        let ring = ring(1, &[2]);
        prop_assert!(ring.open(&HERE, &bytes).is_err());
        prop_assert!(ring.rewrap(&HERE, &bytes).is_err());
        // With a true header in front as well.
        let headed = [&FORMAT[..], &ring.current().0, &bytes].concat();
        prop_assert!(ring.open(&HERE, &headed).is_err());
    }
}
