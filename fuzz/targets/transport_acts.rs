//! The acts of `transport` on any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::transport_acts::check(bytes));
