#![no_main]
//! A message from a stranger is parsed or refused.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = inbound::message::look(bytes);
});
