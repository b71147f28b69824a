//! The command against real daemons: what it prints, what it refuses, how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]
#![cfg(feature = "regtest")]

mod answers;
mod opens;
mod recovery;
mod world;
