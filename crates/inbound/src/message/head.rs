//! The header fields of a message, unfolded (RFC 5322 2.2.3), within limits.

use super::NotAMessage;

/// Most bytes of all fields.
const HEAD_MAX: usize = 256 * 1024;
/// Most fields.
const FIELDS_MAX: usize = 2_000;
/// Most bytes of one field.
const FIELD_MAX: usize = 64 * 1024;

/// The fields: names in lower case, values unfolded.
#[derive(Debug)]
pub(super) struct Head {
    fields: Vec<(String, String)>,
    /// Where they end.
    pub(super) end: usize,
}

impl Head {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NotAMessage> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(NotAMessage::Empty);
        }
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |found| at + found + 1);
            let line = bytes[at..end].trim_ascii_end();
            let start = at;
            at = end;
            if start > HEAD_MAX {
                return Err(NotAMessage::HeadTooLong);
            }
            if line.is_empty() {
                if fields.is_empty() {
                    continue;
                }
                return Ok(Self::of(fields, start));
            }
            let folded = matches!(bytes[start], b' ' | b'\t');
            if folded && let Some((_, value)) = fields.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii_start());
                if value.len() > FIELD_MAX {
                    return Err(NotAMessage::LineTooLong);
                }
                continue;
            }
            match field(line) {
                Some((_, value)) if value.len() > FIELD_MAX => return Err(NotAMessage::LineTooLong),
                Some(_) if fields.len() == FIELDS_MAX => return Err(NotAMessage::TooManyHeaders),
                Some(found) => fields.push(found),
                // The line that mailboxes put before each message (RFC 4155).
                None if fields.is_empty() && line.starts_with(b"From ") => {}
                None if line.len() > FIELD_MAX => return Err(NotAMessage::LineTooLong),
                None if fields.is_empty() => return Err(NotAMessage::NoHeaders),
                // A body without the empty line before it.
                None => return Ok(Self::of(fields, start)),
            }
        }
        if fields.is_empty() {
            return Err(NotAMessage::NoHeaders);
        }
        if bytes.len() > HEAD_MAX {
            return Err(NotAMessage::HeadTooLong);
        }
        Ok(Self::of(fields, bytes.len()))
    }

    fn of(fields: Vec<(String, Vec<u8>)>, end: usize) -> Self {
        let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
        Self { fields: fields.into_iter().map(text).collect(), end }
    }

    /// The first field of a name.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All fields of a name, from the top.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// `Name: value`; a name has printable characters only (RFC 5322 3.6.8).
fn field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    if name.is_empty() || name.len() > 100 || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some((String::from_utf8_lossy(name).to_lowercase(), line[colon + 1..].trim_ascii().to_vec()))
}
