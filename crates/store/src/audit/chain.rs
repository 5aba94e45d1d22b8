//! The chain of the audit log: `mac = HMAC-SHA-256(audit key, previous mac, row)`. What a row says is encoded so that
//! different rows never have the same bytes. Pure: rows come in, and what is wrong with them goes out.

use std::{fmt, str::FromStr};

use vault::AuditKey;

use super::AuditRow;

/// Length of a MAC, in bytes.
pub(crate) const MAC: usize = 32;
/// Before every row; another encoding has another one.
const FORMAT: &[u8] = b"sluice audit 1";
/// Takes the place of the previous MAC in the MAC of the note on adopted rows; no row's has its length.
const ADOPTED: &[u8] = b"sluice audit adopted";

/// A row and its MAC.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ChainedRow {
    /// The row.
    #[sqlx(flatten)]
    pub row: AuditRow,
    /// Its MAC; none in a row that this program did not write or did not adopt yet.
    pub mac: Option<Vec<u8>>,
}

impl ChainedRow {
    /// Its MAC in hex; empty without one.
    #[must_use]
    pub fn hex(&self) -> String {
        self.mac.as_deref().map(hex).unwrap_or_default()
    }
}

/// A row as bytes: every column in its order, each with its kind and length. The chain is over these.
#[must_use]
pub fn encode(row: &AuditRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(FORMAT);
    let AuditRow {
        id,
        at,
        person_id,
        person_name,
        action,
        object_kind,
        object,
        account_id,
        fingerprint,
        key_label,
        request_id,
        intent_id,
        outcome,
        before,
        after,
        reason,
        job,
    } = row;
    for number in [Some(*id), Some(*at), *intent_id, *job] {
        match number {
            None => out.push(0),
            Some(number) => {
                out.push(1);
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
    let always = [person_id, person_name, action, object_kind, object, request_id].map(|text| Some(text.as_str()));
    let maybe = [account_id, fingerprint, key_label, outcome, before, after, reason].map(|text| text.as_deref());
    for text in always.into_iter().chain(maybe) {
        match text {
            None => out.push(0),
            Some(text) => {
                out.push(2);
                out.extend_from_slice(&(text.len() as u64).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
    out
}

/// The end of the chain: the newest row and its MAC. Kept outside the database, it shows that rows were cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuditHead {
    /// Id of the row.
    pub id: i64,
    /// Its MAC.
    pub mac: [u8; MAC],
}

/// `id:mac`, the form that is typed.
impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, hex(&self.mac))
    }
}

impl AuditHead {
    /// As the log prints it.
    #[must_use]
    pub fn line(&self) -> String {
        format!("audit head id={} mac={}", self.id, hex(&self.mac))
    }
}

/// What was typed is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is the id of a row, a colon, and 64 hex digits, as `12:9f…`")]
pub struct BadHead;

impl FromStr for AuditHead {
    type Err = BadHead;

    fn from_str(text: &str) -> Result<Self, BadHead> {
        let (id, mac) = text.trim().split_once(':').ok_or(BadHead)?;
        let id = id.parse().ok().filter(|id| *id > 0).ok_or(BadHead)?;
        Ok(Self { id, mac: unhex(mac).ok_or(BadHead)? })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; MAC]> {
    if text.len() != 2 * MAC || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; MAC];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The note on rows that were written before there was a chain: nothing proves what they said before they were adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Rows up to this one were adopted; 0 when there were none.
    pub up_to: i64,
    /// When that began, unix milliseconds.
    pub at: i64,
    /// The MAC of the last of them; none while it is under way.
    pub end: Option<[u8; MAC]>,
}

impl Adopted {
    fn text(&self) -> String {
        format!("{} {} {}", self.up_to, self.at, self.end.map(|mac| hex(&mac)).unwrap_or_default())
    }

    /// For the database, with a MAC of its own.
    pub(crate) fn seal(&self, key: &AuditKey) -> Vec<u8> {
        let text = self.text();
        format!("{text} {}", hex(&key.mac(ADOPTED, text.as_bytes()))).into_bytes()
    }

    /// From the database; none when it was changed.
    pub(crate) fn open(key: &AuditKey, sealed: &[u8]) -> Option<Self> {
        let (text, mac) = std::str::from_utf8(sealed).ok()?.rsplit_once(' ')?;
        let mut parts = text.split(' ');
        let (up_to, at, end) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        let end = if end.is_empty() { None } else { Some(unhex(end)?) };
        key.mac_is(ADOPTED, text.as_bytes(), &unhex(mac)?).then_some(Self { up_to, at, end })
    }
}

/// What is wrong with a log; the first thing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A row is not what was written, or the one before it is another.
    #[error("row {0} is not what was written, or the row before it is not the one that was there")]
    Row(i64),
    /// A row has no MAC: this program did not write it.
    #[error("row {0} was not written by Sluice: it has no MAC")]
    Foreign(i64),
    /// Rows are missing before a row.
    #[error("row {found} follows row {last}: rows between them were deleted")]
    Gap {
        /// The last good row.
        last: i64,
        /// The one that follows.
        found: i64,
    },
    /// The newest rows are missing.
    #[error("the log ends at row {last}, but there was a row {had}: the newest rows were deleted")]
    Cut {
        /// The last row.
        last: i64,
        /// One that is known to have been there.
        had: i64,
    },
    /// A row is there, but with another MAC than an exported head has.
    #[error("row {0} is not the one of the exported head: the log was rewritten")]
    Head(i64),
    /// The note on adopted rows is missing or was changed.
    #[error("the note on the rows from before the chain is missing or was changed, so row 1 proves nothing")]
    Note,
    /// The adoption of older rows was interrupted.
    #[error("row {0} and those after it are not adopted yet: start Sluice once")]
    Adopting(i64),
}

/// A log in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many rows.
    pub rows: u64,
    /// Its end; none of an empty log.
    pub head: Option<AuditHead>,
    /// The rows that were adopted.
    pub adopted: Adopted,
}

/// Checks rows in the order of their ids.
#[derive(Debug)]
pub struct Verifier<'k> {
    key: &'k AuditKey,
    adopted: Adopted,
    heads: Vec<AuditHead>,
    last: Option<AuditHead>,
    rows: u64,
}

impl<'k> Verifier<'k> {
    /// Begins. `note` is the note on adopted rows as it is stored; `heads` were exported earlier.
    ///
    /// # Errors
    /// [`Broken::Note`] and [`Broken::Adopting`].
    pub fn new(key: &'k AuditKey, note: Option<&[u8]>, heads: &[AuditHead]) -> Result<Self, Broken> {
        let adopted = note.and_then(|note| Adopted::open(key, note)).ok_or(Broken::Note)?;
        if adopted.up_to > 0 && adopted.end.is_none() {
            return Err(Broken::Adopting(1));
        }
        Ok(Self { key, adopted, heads: heads.to_vec(), last: None, rows: 0 })
    }

    /// The next row.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self, chained: &ChainedRow) -> Result<(), Broken> {
        let id = chained.row.id;
        let last = self.last.map_or(0, |last| last.id);
        if id <= last {
            return Err(Broken::Row(id));
        }
        let mac = chained.mac.as_deref().ok_or(Broken::Foreign(id))?;
        let previous = self.last.map(|last| last.mac);
        let previous = previous.as_ref().map_or(&[][..], |mac| &mac[..]);
        let good = self.key.mac_is(previous, &encode(&chained.row), mac);
        // Ids are given out one by one, so a hole says more than a wrong MAC does. Of adopted rows nobody knows.
        if id != last + 1 && (!good || id > self.adopted.up_to) {
            return Err(Broken::Gap { last, found: id });
        }
        let mac: [u8; MAC] = mac.try_into().map_err(|_| Broken::Row(id))?;
        if !good || (id == self.adopted.up_to && self.adopted.end != Some(mac)) {
            return Err(Broken::Row(id));
        }
        self.heads.retain(|head| head.id != id || head.mac != mac);
        if self.heads.iter().any(|head| head.id == id) {
            return Err(Broken::Head(id));
        }
        self.last = Some(AuditHead { id, mac });
        self.rows += 1;
        Ok(())
    }

    /// After the last row. `given_out` is the newest id that the database says it gave out.
    ///
    /// # Errors
    /// [`Broken::Cut`]; [`Broken::Head`] for an exported head whose row was never met.
    pub fn end(self, given_out: i64) -> Result<Verified, Broken> {
        let last = self.last.map_or(0, |last| last.id);
        let had = self.heads.iter().map(|head| head.id).chain([given_out, self.adopted.up_to]).max();
        if let Some(had) = had.filter(|had| *had > last) {
            return Err(Broken::Cut { last, had });
        }
        if let Some(head) = self.heads.first() {
            return Err(Broken::Head(head.id));
        }
        Ok(Verified { rows: self.rows, head: self.last, adopted: self.adopted })
    }
}

#[cfg(test)]
mod tests;
