//! The step table of establishment, with any events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::funding_step::check(bytes));
