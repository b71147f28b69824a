//! Where coins come from and go to. Only the wallet knows them.

use std::collections::BTreeSet;

use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Transaction, TxOut};

use crate::FeeratePerKw;

/// A wish for a funding transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundRequest {
    /// The output to pay.
    pub output: TxOut,
    /// The feerate of the transaction.
    pub feerate: FeeratePerKw,
    /// The highest fee that the caller accepts.
    pub max_fee: Amount,
    /// Coins to use, and no others; empty: the wallet chooses.
    pub coins: Vec<OutPoint>,
    /// What must remain in the wallet afterwards, for the fees of anchors.
    pub reserve: Amount,
    /// Coins to prefer: those of dead opens at the same peer (spending them kills the orphan for
    /// good).
    pub prefer: Vec<OutPoint>,
}

/// A funding transaction, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funded {
    /// Complete with all witnesses.
    pub transaction: Transaction,
    /// Which output pays the channel.
    pub output_index: u16,
    /// The fee.
    pub fee: Amount,
    /// The spent coins, in order of the inputs.
    pub coins: Vec<OutPoint>,
}

/// Why the wallet cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FundsError {
    /// Not enough free coins, even counting those which are still unconfirmed or leased.
    Insufficient {
        /// What can be spent now.
        have: Amount,
        /// What is needed with fee and reserve.
        need: Amount,
    },
    /// Enough coins, but some are leased or are unconfirmed change of ours: later.
    Busy {
        /// What can be spent now.
        have: Amount,
        /// What is needed with fee and reserve.
        need: Amount,
    },
    /// The fee would exceed the caller's limit.
    FeeExceedsLimit {
        /// The fee.
        fee: Amount,
        /// The limit.
        limit: Amount,
    },
    /// A coin that the caller named is not free.
    CoinNotAvailable(OutPoint),
}

/// Coins and addresses.
///
/// Nothing here reserves anything: which coins are taken follows from the records of opens and
/// closes, and the caller hands them in as `leased`. Coins that are leased, are not ours, or are
/// change of a transaction that was never broadcast, are not free. An `Err` has changed nothing.
pub trait Funds {
    /// Builds and signs a funding transaction from coins that are not in `leased`. Changes nothing
    /// but the next change address.
    ///
    /// Every input is segwit, so the txid is final before anybody else has signed anything. The
    /// output stands at [`Funded::output_index`]; there is at most one other, the change, which is
    /// never dust. The fee is at least that of `feerate` for the signed transaction, and at most
    /// `max_fee`.
    fn fund(
        &mut self,
        request: &FundRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError>;

    /// A fresh script of ours, for a shutdown or a sweep: never given out before, and of a form
    /// that `shutdown` may carry without any feature.
    fn fresh_script(&mut self) -> ScriptBuf;

    /// Builds and signs a child that pays `fee` with the anchor `anchor` (whose input is signed by
    /// the caller: its witness is left empty) and confirmed coins that are not leased.
    ///
    /// The anchor is input 0, and the first of [`Funded::coins`]. Parent and child together pay
    /// `feerate` or a little more, computed with `anchor_witness_weight` for the missing witness;
    /// [`Funded::fee`] is the child's.
    fn bump(
        &mut self,
        request: &BumpRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError>;

    /// Whether `script` is one of ours: derived from the seed, given out or not yet.
    fn owns(&self, script: &Script) -> bool;
}

/// A wish for the child of an anchor output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BumpRequest {
    /// The anchor.
    pub anchor: OutPoint,
    /// Its output.
    pub anchor_output: TxOut,
    /// The weight of the anchor's witness ([`crate::ANCHOR_WITNESS_WEIGHT`]).
    pub anchor_witness_weight: u64,
    /// Weight of the parent, signed.
    pub parent_weight: u64,
    /// Fee of the parent.
    pub parent_fee: Amount,
    /// The feerate that parent and child shall have together.
    pub feerate: FeeratePerKw,
    /// The highest fee of the child.
    pub max_fee: Amount,
    /// The coins of the child that this one replaces: they are used again, with others if need be.
    pub again: Vec<OutPoint>,
}
