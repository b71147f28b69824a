//! Where coins come from and go to. Only the wallet knows them.
use crate::FeeratePerKw;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut};

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
    /// Coins to prefer: those of dead opens at the same peer (spending them kills the orphan for good).
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
pub trait Funds {
    /// Builds and signs a funding transaction from coins that are not in `leased`. Changes nothing but the
    /// next change address.
    fn fund(
        &mut self,
        request: &FundRequest,
        leased: &std::collections::BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError>;
    /// A fresh script of ours, for a shutdown or a sweep.
    fn fresh_script(&mut self) -> ScriptBuf;
    /// Builds and signs a child that pays `fee` with the anchor `anchor` (whose input is signed by the caller:
    /// its witness is left empty) and confirmed coins that are not leased.
    fn bump(
        &mut self,
        request: &BumpRequest,
        leased: &std::collections::BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError>;
    /// Signs the wallet's own inputs of `transaction` again after the anchor's witness was set: no-op for segwit.
    fn owns(&self, script: &bitcoin::Script) -> bool;
}

/// A wish for the child of an anchor output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BumpRequest {
    /// The anchor.
    pub anchor: OutPoint,
    /// Its output.
    pub anchor_output: TxOut,
    /// The weight of the anchor's witness.
    pub anchor_witness_weight: u64,
    /// Weight of the parent.
    pub parent_weight: u64,
    /// Fee of the parent.
    pub parent_fee: Amount,
    /// The feerate that parent and child shall have together.
    pub feerate: FeeratePerKw,
    /// The highest fee of the child.
    pub max_fee: Amount,
}
