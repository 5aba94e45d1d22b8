//! An upload on its way: sealed chunk by chunk in a file without a name, under a key that only this process has.
//!
//! Nothing readable touches the disk, nothing stays when the process ends, and memory holds a chunk, not the message.

use bytes::Bytes;
use futures::{Stream, stream};
use mailchannels::{EscapedMessage, escape, escaped_len};
use std::{io, path::Path};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};
use vault::{CHUNK_TAG, SpoolKey, SystemEntropy};

/// Bytes of a chunk.
const CHUNK: usize = 64 * 1024;
/// Largest message, in bytes `[doc: 40 MB]`.
pub const MESSAGE_MAX: u64 = 40 * 1024 * 1024;

/// Why an upload can't go on.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It is larger than the service takes.
    #[error("The message is larger than 40 MB, which MailChannels would not have taken.")]
    TooLarge,
    /// JSON carries Unicode only (RFC 8259 8.1), so these bytes can't be sent as they are.
    #[error(
        "Byte {} (line {line}) is not UTF-8. MailChannels takes messages as JSON, which can't carry it unchanged, so this message can't be reported.",
        inbound::words::thousands(*byte)
    )]
    NotUtf8 {
        /// Its offset, from 0.
        byte: u64,
        /// Its line, from 1.
        line: u64,
    },
    /// The disk failed.
    #[error("Sluice's own storage failed.")]
    Io(#[from] io::Error),
}

/// A spool being filled.
pub struct Spool {
    file: File,
    key: SpoolKey,
    pending: Vec<u8>,
    /// Bytes of a character whose rest has not come yet.
    partial: Vec<u8>,
    chunks: u64,
    length: u64,
    escaped: u64,
    lines: u64,
    head: Vec<u8>,
}

impl Spool {
    /// An empty spool, next to the database.
    pub fn new(dir: &Path) -> Result<Self, SpoolError> {
        let file = File::from_std(tempfile::tempfile_in(dir)?);
        let key = SpoolKey::new(&SystemEntropy).map_err(io::Error::other)?;
        Ok(Self {
            file,
            key,
            pending: Vec::with_capacity(CHUNK),
            partial: Vec::new(),
            chunks: 0,
            length: 0,
            escaped: 0,
            lines: 1,
            head: Vec::new(),
        })
    }

    /// Takes the next bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.length + bytes.len() as u64 > MESSAGE_MAX {
            return Err(SpoolError::TooLarge);
        }
        self.check(bytes)?;
        let room = inbound::message::LOOK_MAX.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.escaped += escaped_len(bytes);
        self.length += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            // A full chunk waits until more comes: the last one is sealed as such.
            if self.pending.len() == CHUNK {
                self.flush(false).await?;
            }
            let (now, later) = rest.split_at(rest.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// Looks for bytes that are no UTF-8, wherever the pieces are cut.
    fn check(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let held = std::mem::take(&mut self.partial);
        let start = self.length - held.len() as u64;
        let joined;
        let bytes = if held.is_empty() {
            bytes
        } else {
            joined = [&held, bytes].concat();
            &joined
        };
        let good = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => return Err(self.not_utf8(start, &bytes[..error.valid_up_to()])),
        };
        self.lines += count_lines(&bytes[..good]);
        self.partial = bytes[good..].to_vec();
        Ok(())
    }

    fn not_utf8(&self, start: u64, before: &[u8]) -> SpoolError {
        SpoolError::NotUtf8 { byte: start + before.len() as u64, line: self.lines + count_lines(before) }
    }

    async fn flush(&mut self, last: bool) -> Result<(), SpoolError> {
        let sealed = self.key.seal(self.chunks, last, &self.pending).map_err(io::Error::other)?;
        self.file.write_all(&sealed).await?;
        self.chunks += 1;
        self.pending.clear();
        Ok(())
    }

    /// The upload is whole.
    pub async fn finish(mut self) -> Result<Spooled, SpoolError> {
        if !self.partial.is_empty() {
            let start = self.length - self.partial.len() as u64;
            return Err(self.not_utf8(start, b""));
        }
        self.flush(true).await?;
        self.file.flush().await?;
        self.file.rewind().await?;
        Ok(Spooled { file: self.file, key: self.key, length: self.length, escaped: self.escaped, head: self.head })
    }
}

#[expect(clippy::naive_bytecount, reason = "a message is counted once")]
fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// A whole upload.
pub struct Spooled {
    file: File,
    key: SpoolKey,
    length: u64,
    escaped: u64,
    /// Its first bytes, for looking at it.
    pub head: Vec<u8>,
}

impl Spooled {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The message as the inside of a JSON string, read and opened as it is sent.
    pub fn escaped(self) -> EscapedMessage<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
        let length = self.escaped;
        let bytes =
            stream::try_unfold((self.file, self.key, 0_u64, self.length), |(mut file, key, index, left)| async move {
                if left == 0 {
                    return Ok(None);
                }
                let size = left.min(CHUNK as u64);
                let last = left == size;
                let mut sealed = vec![0; usize::try_from(size).map_err(io::Error::other)? + CHUNK_TAG];
                file.read_exact(&mut sealed).await?;
                let plain = key.open(index, last, &sealed).map_err(io::Error::other)?;
                let mut out = Vec::with_capacity(plain.len() + plain.len() / 16);
                escape(&plain, &mut out);
                Ok(Some((Bytes::from(out), (file, key, index + 1, left - size))))
            });
        EscapedMessage { bytes, length }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    async fn through(pieces: &[&[u8]]) -> Result<(Vec<u8>, u64), SpoolError> {
        let dir = tempfile::tempdir()?;
        let mut spool = Spool::new(dir.path())?;
        for piece in pieces {
            spool.write(piece).await?;
        }
        let spooled = spool.finish().await?;
        assert_eq!(std::fs::read_dir(dir.path())?.count(), 0, "the file has no name");
        let message = spooled.escaped();
        let length = message.length;
        let bytes: Vec<Bytes> = message.bytes.try_collect().await?;
        Ok((bytes.concat(), length))
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_escaped_at_any_length() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let text: String = "aé\"\r\n\0".chars().cycle().take(length).collect();
            for cut in [1, 1_000, CHUNK, usize::MAX] {
                if length > CHUNK && cut == 1 {
                    continue;
                }
                let pieces: Vec<_> = text.as_bytes().chunks(cut).collect();
                let (out, told) = through(&pieces).await.unwrap();
                assert_eq!(told, out.len() as u64);
                let json: String = serde_json::from_slice(&[b"\"", &out[..], b"\""].concat()).unwrap();
                assert!(json == text, "{length} bytes in pieces of {cut}");
            }
        }
    }

    #[tokio::test]
    async fn bytes_that_json_cannot_carry_are_named() {
        for (pieces, byte, line) in [
            (vec![&b"Subject: caf\xe9\r\n"[..]], 12, 1),
            (vec![b"a\nb\n\xc3", b"x"], 4, 3),
            (vec![b"a\n\xe2\x82", b"\xac\n", b"\xff"], 6, 3),
            (vec![b"a\xf0\x9f"], 1, 1),
        ] {
            match through(&pieces).await {
                Err(SpoolError::NotUtf8 { byte: at, line: on }) => assert_eq!((at, on), (byte, line), "{pieces:?}"),
                other => panic!("{pieces:?}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_file_holds_nothing_readable_and_its_size_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(dir.path()).unwrap();
        spool.write("a secret word, ".repeat(10_000).as_bytes()).await.unwrap();
        let spooled = spool.finish().await.unwrap();
        let mut file = spooled.file;
        let mut raw = Vec::new();
        file.read_to_end(&mut raw).await.unwrap();
        assert!(raw.len() > 150_000 && !raw.windows(6).any(|window| window == b"secret"));
        let mut spool = Spool::new(dir.path()).unwrap();
        let piece = vec![b'a'; usize::try_from(MESSAGE_MAX).unwrap()];
        spool.write(&piece).await.unwrap();
        assert!(matches!(spool.write(b"a").await, Err(SpoolError::TooLarge)));
    }
}
