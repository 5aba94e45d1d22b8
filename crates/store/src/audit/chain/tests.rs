use super::*;
use proptest::{collection::vec, option, prelude::*};
use vault::{MasterKeys, MasterSecret};

fn key() -> AuditKey {
    MasterKeys::from_secret(&MasterSecret::from_bytes([7; 32])).audit_key()
}

fn text() -> impl Strategy<Value = String> {
    // Short, of few letters, and with what an encoding could take for its own.
    "[ab\u{0}\u{1}\u{2}|]{0,3}"
}

fn row() -> impl Strategy<Value = AuditRow> {
    let numbers = (0_i64..4, 0_i64..4, option::of(0_i64..4), option::of(0_i64..4));
    let maybe = vec(option::of(text()), 7);
    (numbers, vec(text(), 6), maybe).prop_map(|((id, at, intent_id, job), always, maybe)| AuditRow {
        id,
        at,
        intent_id,
        job,
        person_id: always[0].clone(),
        person_name: always[1].clone(),
        action: always[2].clone(),
        object_kind: always[3].clone(),
        object: always[4].clone(),
        request_id: always[5].clone(),
        account_id: maybe[0].clone(),
        fingerprint: maybe[1].clone(),
        key_label: maybe[2].clone(),
        outcome: maybe[3].clone(),
        before: maybe[4].clone(),
        after: maybe[5].clone(),
        reason: maybe[6].clone(),
    })
}

/// A log of rows with ids from 1 on, and its note.
fn log(key: &AuditKey, rows: Vec<AuditRow>) -> (Vec<ChainedRow>, Vec<u8>) {
    let mut previous = Vec::new();
    let chained = (1..)
        .zip(rows)
        .map(|(id, row)| {
            let row = AuditRow { id, ..row };
            previous = key.mac(&previous, &encode(&row)).to_vec();
            ChainedRow { row, mac: Some(previous.clone()) }
        })
        .collect();
    (chained, Adopted { up_to: 0, at: 1, end: None }.seal(key))
}

fn check(key: &AuditKey, note: &[u8], rows: &[ChainedRow], had: i64, heads: &[AuditHead]) -> Result<Verified, Broken> {
    let mut verifier = Verifier::new(key, Some(note), heads)?;
    rows.iter().try_for_each(|row| verifier.next(row))?;
    verifier.end(had)
}

fn head(row: &ChainedRow) -> AuditHead {
    AuditHead { id: row.row.id, mac: row.mac.as_deref().unwrap().try_into().unwrap() }
}

/// The id of the row that is named.
fn named(broken: Broken) -> i64 {
    match broken {
        Broken::Row(id) | Broken::Foreign(id) | Broken::Head(id) | Broken::Adopting(id) => id,
        Broken::Gap { found, .. } => found,
        Broken::Cut { had, .. } => had,
        Broken::Note => 0,
    }
}

proptest! {
    #[test]
    fn different_rows_have_different_bytes(one in row(), other in row()) {
        prop_assert_eq!(one == other, encode(&one) == encode(&other));
    }

    #[test]
    fn every_edit_of_every_column_is_found(rows in vec(row(), 1..8), at in any::<prop::sample::Index>(), other in row(), column in 0..17) {
        let key = key();
        let (mut rows, note) = log(&key, rows);
        let (at, had) = (at.index(rows.len()), i64::try_from(rows.len()).unwrap());
        prop_assert!(check(&key, &note, &rows, had, &[head(&rows[at])]).is_ok());
        let was = rows[at].clone();
        let row = &mut rows[at].row;
        match column {
            0 => row.at = other.at,
            1 => row.person_id = other.person_id,
            2 => row.person_name = other.person_name,
            3 => row.action = other.action,
            4 => row.object_kind = other.object_kind,
            5 => row.object = other.object,
            6 => row.account_id = other.account_id,
            7 => row.fingerprint = other.fingerprint,
            8 => row.key_label = other.key_label,
            9 => row.request_id = other.request_id,
            10 => row.intent_id = other.intent_id,
            11 => row.outcome = other.outcome,
            12 => row.before = other.before,
            13 => row.after = other.after,
            14 => row.reason = other.reason,
            15 => row.job = other.job,
            _ => rows[at].mac.as_mut().unwrap()[31] ^= 1,
        }
        let found = check(&key, &note, &rows, had, &[]);
        if rows[at] == was {
            prop_assert!(found.is_ok());
        } else {
            prop_assert_eq!(found, Err(Broken::Row(rows[at].row.id)));
        }
    }

    #[test]
    fn deletion_insertion_and_order_are_found(rows in vec(row(), 3..9), at in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), new in row(), how in 0..5) {
        let key = key();
        let (mut rows, note) = log(&key, rows);
        let had = i64::try_from(rows.len()).unwrap();
        let (at, to) = (at.index(rows.len() - 1), to.index(rows.len() - 1));
        let wrong = match how {
            // One is deleted, not the last.
            0 => { let id = rows.remove(at).row.id; id + 1 }
            // One is deleted, and the others get new ids.
            1 => {
                let id = rows.remove(at).row.id;
                rows.iter_mut().skip(at).for_each(|row| row.row.id -= 1);
                id
            }
            // One is put in, with the MAC of its neighbour, and the others get new ids.
            2 => {
                let (id, mac) = (rows[at].row.id, rows[at].mac.clone());
                rows.iter_mut().skip(at).for_each(|row| row.row.id += 1);
                rows.insert(at, ChainedRow { row: AuditRow { id, ..new }, mac });
                id
            }
            // One without MAC comes last.
            3 => {
                rows.push(ChainedRow { row: AuditRow { id: had + 1, ..new }, mac: None });
                had + 1
            }
            // Two change places, and take each other's ids.
            _ => {
                prop_assume!(at != to);
                rows.swap(at, to);
                let (one, other) = (rows[at].row.id, rows[to].row.id);
                (rows[at].row.id, rows[to].row.id) = (other, one);
                one.min(other)
            }
        };
        let found = check(&key, &note, &rows, had, &[]);
        // A copy put in place of itself, one row after the other, is the log as it was.
        prop_assert!(found.is_err(), "{found:?}");
        prop_assert_eq!(named(found.unwrap_err()), wrong, "{:?}", found);
    }

    #[test]
    fn with_an_exported_head_a_cut_and_a_rewritten_end_are_found(rows in vec(row(), 2..9), at in any::<prop::sample::Index>(), new in row()) {
        let key = key();
        let (rows, note) = log(&key, rows);
        let keep = at.index(rows.len());
        let exported = head(rows.last().unwrap());
        let cut = &rows[..keep];
        let last = i64::try_from(keep).unwrap();
        // Who also sets back what the database gave out is not found without a head.
        prop_assert!(check(&key, &note, cut, last, &[]).is_ok());
        prop_assert_eq!(check(&key, &note, cut, last, &[exported]), Err(Broken::Cut { last, had: exported.id }));
        prop_assert_eq!(check(&key, &note, cut, exported.id, &[]), Err(Broken::Cut { last, had: exported.id }));
        // A stolen key can write another end, but not this one.
        let mut other = rows.clone();
        other.truncate(keep);
        let mut previous = other.last().and_then(|row| row.mac.clone()).unwrap_or_default();
        for id in last + 1..=exported.id {
            let row = AuditRow { id, person_name: "somebody else".into(), ..new.clone() };
            previous = key.mac(&previous, &encode(&row)).to_vec();
            other.push(ChainedRow { row, mac: Some(previous.clone()) });
        }
        prop_assert!(check(&key, &note, &other, exported.id, &[]).is_ok());
        prop_assert_eq!(check(&key, &note, &other, exported.id, &[exported]), Err(Broken::Head(exported.id)));
    }

    #[test]
    fn another_key_proves_nothing(rows in vec(row(), 1..4)) {
        let other = MasterKeys::from_secret(&MasterSecret::from_bytes([8; 32])).audit_key();
        let (rows, note) = log(&key(), rows);
        prop_assert_eq!(check(&other, &note, &rows, 1, &[]), Err(Broken::Note));
        let note = Adopted { up_to: 0, at: 1, end: None }.seal(&other);
        prop_assert_eq!(check(&other, &note, &rows, 1, &[]), Err(Broken::Row(1)));
    }

    #[test]
    fn a_head_is_read_back(id in 1_i64.., mac in any::<[u8; MAC]>()) {
        let head = AuditHead { id, mac };
        prop_assert_eq!(head.to_string().parse(), Ok(head));
    }

    #[test]
    fn what_is_no_head_is_refused(text in "\\PC{0,80}") {
        let _ = text.parse::<AuditHead>();
    }
}

#[test]
fn the_note_on_adopted_rows_cannot_be_changed() {
    let key = key();
    let note = Adopted { up_to: 5, at: 9, end: Some([3; MAC]) };
    let sealed = note.seal(&key);
    assert_eq!(Adopted::open(&key, &sealed), Some(note));
    for at in 0..sealed.len() {
        let mut other = sealed.clone();
        other[at] ^= 1;
        assert_eq!(Adopted::open(&key, &other), None, "{at}");
    }
    assert_eq!(Verifier::new(&key, None, &[]).unwrap_err(), Broken::Note);
    let under_way = Adopted { end: None, ..note }.seal(&key);
    assert_eq!(Verifier::new(&key, Some(&under_way), &[]).unwrap_err(), Broken::Adopting(1));
}

#[test]
fn bad_heads() {
    for bad in ["", "1", "1:", ":00", "0:00", "-1:00", "1:zz"] {
        assert_eq!(bad.parse::<AuditHead>(), Err(BadHead), "{bad}");
    }
    let long = format!("1:{}", "é".repeat(32));
    assert_eq!(long.parse::<AuditHead>(), Err(BadHead));
}
