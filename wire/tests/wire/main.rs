//! What the crate promises: vectors of the BOLTs, layouts, round trips, errors, fuzz corpora.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod channel_ids;
mod corpora;
mod features;
mod layouts;
mod round_trips;
mod samples;
mod strategies;
mod tlv_streams;
mod vectors;
