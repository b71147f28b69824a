//! The rules that a transaction must obey to be in a block, but for its scripts.

use std::collections::BTreeSet;

use bitcoin::absolute::LockTime;
use bitcoin::relative;
use bitcoin::{OutPoint, Transaction};

use super::coins::{Coin, sum};
use crate::{Refusal, Rule};

/// The block that a transaction would be in, as far as lock times look at it.
pub(super) struct Place<'a> {
    /// Its height.
    pub height: u32,
    /// Median time of the eleven blocks before it.
    pub median_time: u32,
    /// The same for the block after the one at a height.
    pub median_time_at: &'a dyn Fn(u32) -> u32,
}

/// What can be said without knowing the chain.
pub(super) fn check_form(transaction: &Transaction) -> Result<(), Refusal> {
    let malformed = |text: &str| Err(Refusal::new(Rule::Malformed, text));
    if transaction.input.is_empty() {
        return malformed("it has no inputs");
    }
    if transaction.output.is_empty() {
        return malformed("it has no outputs");
    }
    if transaction.base_size() > MAX_BASE_SIZE {
        return malformed("it is larger than a block");
    }
    if sum(transaction.output.iter().map(|output| output.value)).is_none() {
        return malformed("it pays out more than 21 million bitcoin");
    }
    let spent: BTreeSet<OutPoint> =
        transaction.input.iter().map(|input| input.previous_output).collect();
    if spent.len() != transaction.input.len() {
        return malformed("it spends the same output twice");
    }
    if !transaction.is_coinbase() && spent.iter().any(OutPoint::is_null) {
        return malformed("an input spends nothing");
    }
    Ok(())
}

/// The absolute lock time (BIP 113 for those in seconds).
pub(super) fn check_final(transaction: &Transaction, place: &Place<'_>) -> Result<(), Refusal> {
    if transaction.input.iter().all(|input| input.sequence.is_final()) {
        return Ok(());
    }
    let (lock, now, unit) = match transaction.lock_time {
        LockTime::Blocks(height) => (height.to_consensus_u32(), place.height, "height"),
        LockTime::Seconds(time) => (time.to_consensus_u32(), place.median_time, "time"),
    };
    if lock == 0 || lock < now {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::NonFinal,
        format!("locked until after {unit} {lock}, the next block counts as {now}"),
    ))
}

/// The relative lock times (BIP 68).
pub(super) fn check_relative_locks(
    transaction: &Transaction,
    spent: &[Coin],
    place: &Place<'_>,
) -> Result<(), Refusal> {
    if transaction.version.0 < 2 {
        return Ok(());
    }
    for (vin, (input, coin)) in transaction.input.iter().zip(spent).enumerate() {
        let (due, now, unit) = match input.sequence.to_relative_lock_time() {
            None => continue,
            Some(relative::LockTime::Blocks(blocks)) => {
                (coin.height.saturating_add(blocks.value().into()), place.height, "height")
            }
            Some(relative::LockTime::Time(time)) => {
                let since = (place.median_time_at)(coin.height.saturating_sub(1));
                let wait = u32::from(time.value()).saturating_mul(512);
                (since.saturating_add(wait), place.median_time, "time")
            }
        };
        if now < due {
            return Err(Refusal::new(
                Rule::RelativeLockNotMet,
                format!("input {vin} is locked until {unit} {due}, the next block counts as {now}"),
            ));
        }
    }
    Ok(())
}

/// Block rewards can be spent after 100 blocks.
pub(super) fn check_maturity(spent: &[Coin], place: &Place<'_>) -> Result<(), Refusal> {
    for (vin, coin) in spent.iter().enumerate() {
        let age = place.height.saturating_sub(coin.height);
        if coin.coinbase && age < COINBASE_MATURITY {
            return Err(Refusal::new(
                Rule::CoinbaseImmature,
                format!("input {vin} spends a block reward {age} blocks after it, of 100"),
            ));
        }
    }
    Ok(())
}

/// Blocks that must follow a coinbase before its outputs can be spent.
pub(super) const COINBASE_MATURITY: u32 = 100;

/// A block without witnesses holds this many bytes at most.
const MAX_BASE_SIZE: usize = 1_000_000;
