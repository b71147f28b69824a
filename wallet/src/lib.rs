//! Seed, keys and coins: the only crate that knows a secret of the node.
//!
//! A [`Wallet`] is a value without clock, entropy or disk. It follows the chain block by block, says
//! what changed as rows of bytes, builds and signs the transactions that pay, and signs for channels
//! ([`transactions::Signer`], [`transactions::Funds`]). [`SeedFile`] is the one part that touches a
//! file. bdk knows public keys only; every secret is derived in `keys`.

mod bump;
mod channel_keys;
mod coins;
mod keys;
mod payment;
mod record;
mod recovery;
mod seed;
mod seed_file;
mod seed_text;
mod selection;
mod signer;
mod unconfirmed;
mod wallet;

pub use bdk_wallet::chain::BlockId;
pub use coins::{Balance, Coin, Keychain};
pub use recovery::{FoundOutput, Recovery};
pub use seed::{Seed, SeedError};
pub use seed_file::SeedFileError;
pub use seed_text::{Protection, SeedFile};
pub use wallet::{Wallet, WalletError};

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
