//! `wire::Message::decode` on any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::wire_message::check(bytes));
