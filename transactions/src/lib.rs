//! BOLT 3: keys, scripts, commitment and closing transactions, sweeps, weights and fees; the units; and
//! the two traits behind which keys and coins live, [`Signer`] and [`Funds`].

mod closing;
mod commitment;
mod commitment_keys;
mod commitment_outputs;
mod funding_output;
mod funds;
mod htlc;
mod htlc_transaction;
mod keys;
mod obscured_number;
mod per_commitment;
mod revealed_secrets;
mod scripts;
mod signature;
mod signer;
mod sweep;
mod units;
mod weight;

pub use closing::*;
pub use commitment::*;
pub use commitment_keys::*;
pub use commitment_outputs::anchors_amount;
pub use funding_output::*;
pub use funds::*;
pub use htlc::*;
pub use htlc_transaction::*;
pub use keys::*;
pub use obscured_number::*;
pub use per_commitment::*;
pub use revealed_secrets::*;
pub use scripts::*;
pub use signature::*;
pub use signer::*;
pub use sweep::*;
pub use units::*;
pub use weight::*;
