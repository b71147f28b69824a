//! `wire::tlv::read` and the integers below it on any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::wire_tlv::check(bytes));
