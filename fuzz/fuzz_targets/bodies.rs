//! What each target does; `cargo test -p inbound` does the same with every file of the corpus.

/// A message from a stranger is parsed or refused.
pub(crate) fn look(bytes: &[u8]) {
    let _ = inbound::message::look(bytes);
}

/// Whatever is pasted is read without harm.
pub(crate) fn complaint(bytes: &[u8]) {
    let _ = inbound::complaint::read(&String::from_utf8_lossy(bytes));
}
