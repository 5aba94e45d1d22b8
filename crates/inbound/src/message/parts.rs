//! The parts of a message (RFC 2046), found within limits.
//!
//! The parser of header fields is never given a body that may nest: it would build, and later drop, any depth.

use super::NotAMessage;
use mail_parser::{MessageParser, MimeHeaders};

/// Deepest nesting of parts and messages; real ones have a handful.
const DEPTH_MAX: usize = 20;
/// Most parts; a digest of a busy list has hundreds.
const PARTS_MAX: usize = 1_000;

/// What is neither a multipart nor cut up any further.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Type and subtype in lower case.
    pub(super) kind: String,
    /// What stands in it, as it came.
    pub(super) body: &'a [u8],
    /// Inside a message that is itself a part.
    pub(super) inner: bool,
    charset: Option<String>,
    encoding: &'static str,
    attached: bool,
    /// Of which multipart, and whether its parts say the same in several ways.
    within: (usize, bool),
}

struct Open<'a> {
    bytes: &'a [u8],
    /// Where its fields end, once known.
    head: Option<usize>,
    depth: usize,
    inner: bool,
    within: (usize, bool),
    /// What a part without a type is.
    digest: bool,
}

/// The parts of a message whose fields end at `head`, in order. One that is a message comes whole, then its parts.
pub(super) fn walk(bytes: &[u8], head: usize) -> Result<Vec<Part<'_>>, NotAMessage> {
    let mut open = vec![Open { bytes, head: Some(head), depth: 0, inner: false, within: (0, false), digest: false }];
    let (mut parts, mut containers, mut seen) = (Vec::new(), 0, 0);
    while let Some(at) = open.pop() {
        seen += 1;
        if at.depth > DEPTH_MAX {
            return Err(NotAMessage::TooDeep);
        }
        if seen > PARTS_MAX {
            return Err(NotAMessage::TooManyParts);
        }
        let (head, body) = at.bytes.split_at(at.head.unwrap_or_else(|| head_of(at.bytes)));
        let body = body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n")).unwrap_or(body);
        let fields = MessageParser::default().parse_headers(head);
        let fields = fields.as_ref().and_then(|fields| fields.parts.first());
        let content = fields.and_then(MimeHeaders::content_type);
        let kind = content.map_or_else(
            || if at.digest { "message/rfc822" } else { "text/plain" }.to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase(),
        );
        let encoding =
            match fields.and_then(MimeHeaders::content_transfer_encoding).map(str::to_ascii_lowercase).as_deref() {
                Some("base64") => "base64",
                Some("quoted-printable") => "quoted-printable",
                _ => "8bit",
            };
        let below =
            |bytes, inner, within, digest| Open { bytes, head: None, depth: at.depth + 1, inner, within, digest };
        if kind.starts_with("multipart/")
            && let Some(boundary) = content.and_then(|kind| kind.attribute("boundary")).filter(|b| !b.is_empty())
        {
            let pieces = between(body, boundary.as_bytes(), PARTS_MAX)?;
            if !pieces.is_empty() {
                containers += 1;
                let within = (containers, kind == "multipart/alternative");
                let digest = kind == "multipart/digest";
                open.extend(pieces.into_iter().rev().map(|piece| below(piece, at.inner, within, digest)));
                continue;
            }
        }
        if matches!(kind.as_str(), "message/rfc822" | "message/global") && encoding == "8bit" {
            open.push(below(body, true, (0, false), false));
        }
        parts.push(Part {
            kind,
            body,
            inner: at.inner,
            charset: content.and_then(|kind| kind.attribute("charset")).map(str::to_owned),
            encoding,
            attached: fields
                .and_then(MimeHeaders::content_disposition)
                .is_some_and(mail_parser::ContentType::is_attachment),
            within: at.within,
        });
    }
    Ok(parts)
}

/// Where the fields of a part end.
fn head_of(bytes: &[u8]) -> usize {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
        at += line.len();
    }
    at
}

/// What stands between the boundary's lines (RFC 2046 5.1.1).
fn between<'a>(body: &'a [u8], boundary: &[u8], most: usize) -> Result<Vec<&'a [u8]>, NotAMessage> {
    let (mut found, mut start, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let rest = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary)).map(<[u8]>::trim_ascii_end);
        if let Some(rest @ (b"" | b"--")) = rest {
            if let Some(start) = start.take() {
                found.push(&body[start..at]);
                if found.len() > most {
                    return Err(NotAMessage::TooManyParts);
                }
            }
            if rest == b"--" {
                return Ok(found);
            }
            start = Some(at + line.len());
        }
        at += line.len();
    }
    found.extend(start.map(|start| &body[start..]));
    Ok(found)
}

impl Part<'_> {
    fn is_text(&self) -> bool {
        !self.inner && !self.attached && matches!(self.kind.as_str(), "text/plain" | "text/html")
    }

    /// Its text, decoded; of HTML the words.
    fn text(&self) -> Option<String> {
        // Fields of our own making: nothing in them can nest.
        let name = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let charset = self.charset.as_deref().filter(|charset| charset.len() <= 40 && charset.chars().all(name));
        let charset = charset.map(|charset| format!("; charset=\"{charset}\"")).unwrap_or_default();
        let kind = if self.kind == "text/html" { "text/html" } else { "text/plain" };
        let head = format!("Content-Type: {kind}{charset}\r\nContent-Transfer-Encoding: {}\r\n\r\n", self.encoding);
        let whole = [head.as_bytes(), self.body].concat();
        MessageParser::default().parse(&whole)?.body_text(0).map(std::borrow::Cow::into_owned)
    }
}

/// The text that a mail program shows: the first text, of several that say the same the plain one.
pub(super) fn text(parts: &[Part]) -> Option<String> {
    let first = parts.iter().find(|part| part.is_text());
    let plain = |first: &&Part| {
        let same = |part: &&Part| part.is_text() && part.within == first.within && part.kind == "text/plain";
        if first.within.1 { parts.iter().find(same) } else { None }
    };
    let shown = first.and_then(|first| plain(&first).or(Some(first)));
    // A multipart without parts is shown as it stands.
    let shown = shown.or_else(|| parts.first().filter(|part| part.kind.starts_with("multipart/")));
    shown.and_then(Part::text)
}
