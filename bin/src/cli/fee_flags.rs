//! Flags about fees that several verbs have.

use clap::Args;

/// The feerate of a transaction that nobody is in a hurry for.
#[derive(Args, Clone, Copy, Debug)]
pub struct Feerate {
    /// The feerate of the transaction, in satoshi per vbyte; without it the estimate for 6 blocks.
    #[arg(
        long = "sat_per_vbyte",
        alias = "sat-per-vbyte",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub sat_per_vbyte: u64,
}
