//! Rows of every kind, and a node's start over them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::disk_rows::check(bytes));
