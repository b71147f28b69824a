//! `transport::Opener` on any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::transport_decoder::check(bytes));
