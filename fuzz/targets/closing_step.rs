//! The step table of closing, with any events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::closing_step::check(bytes));
