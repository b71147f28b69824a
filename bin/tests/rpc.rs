//! The RPC over a real socket, before two real nodes on the embedded chain.
#![cfg(feature = "regtest")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    deprecated,
    reason = "a test ends at the first surprise"
)]

#[path = "rpc/calls.rs"]
mod calls;
#[path = "rpc/channels.rs"]
mod channels;
#[path = "rpc/events.rs"]
mod events;
#[path = "rpc/refusals.rs"]
mod refusals;
#[path = "rpc/stage.rs"]
mod stage;
