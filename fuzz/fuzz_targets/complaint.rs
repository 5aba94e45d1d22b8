#![no_main]
//! Whatever is pasted is read without harm.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = inbound::complaint::read(&String::from_utf8_lossy(bytes));
});
