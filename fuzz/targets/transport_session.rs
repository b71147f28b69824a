//! Two ends of a `transport` session on any steps.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::transport_session::check(bytes));
