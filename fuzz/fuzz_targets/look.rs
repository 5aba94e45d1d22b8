#![no_main]
//! See `bodies`.

#[expect(dead_code, reason = "it has the other targets too")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::look(bytes));
