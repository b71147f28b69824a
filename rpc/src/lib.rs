//! The daemon's interface: LND's gRPC as far as it is served (docs/rpc.md), and what LND has no words for.

mod client;
pub mod proto;

pub use client::connect;
pub use tonic;

/// Metadata of `lnrpc.Lightning/OpenChannel`: the caller's name for the open. The same name is the same open, for
/// ever. The response's metadata has it too.
pub const REQUEST_ID: &str = "navvy-request-id";
/// Metadata of `lnrpc.Lightning/OpenChannel`: the most that the funding transaction may cost, in satoshis.
pub const MAX_FEE_SAT: &str = "navvy-max-fee-sat";
/// Metadata of `lnrpc.Lightning/OpenChannel`, `1`: even though an open to that peer is pending, or died while the
/// peer may still believe in it.
pub const FORCE: &str = "navvy-force";
