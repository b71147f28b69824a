//! The rules for a block, but for its transactions.
//!
//! The limit of signature checks in a block is left out: nothing that reaches this chain through its
//! mempool comes near it.

use std::fmt;

use bitcoin::script::Builder;
use bitcoin::{Amount, Block, BlockHash, CompactTarget, Target, Transaction, TxOut, Txid, Weight};

use super::coins::sum;
use super::consensus::Place;
use crate::Refusal;

/// Why a block is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// It does not follow the best block.
    NotOnTip,
    /// Its hash is above the target, or it names another target.
    ProofOfWork,
    /// Its time is not after the median of the eleven blocks before it.
    Time,
    /// It has no transactions, or its first is not a coinbase, or another one is too.
    Coinbase,
    /// The coinbase does not begin with the height (BIP 34), or has no valid length.
    CoinbaseHeight,
    /// The header does not commit to the transactions.
    MerkleRoot,
    /// The coinbase does not commit to the witnesses (BIP 141).
    WitnessCommitment,
    /// It weighs more than 4,000,000 units.
    Weight,
    /// The coinbase pays more than the subsidy and the fees.
    Reward,
    /// A transaction breaks a rule.
    Transaction {
        /// Position of the transaction.
        tx_index: usize,
        /// The transaction.
        txid: Txid,
        /// The rule.
        refusal: Refusal,
    },
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOnTip => "the block does not follow the best block",
            Self::ProofOfWork => "the hash of the block does not reach its target",
            Self::Time => "the time of the block is not after the median of those before it",
            Self::Coinbase => "the first transaction, and no other, must be a coinbase",
            Self::CoinbaseHeight => "the coinbase does not begin with the height",
            Self::MerkleRoot => "the header does not commit to these transactions",
            Self::WitnessCommitment => "the coinbase does not commit to these witnesses",
            Self::Weight => "the block is too large",
            Self::Reward => "the coinbase pays more than subsidy and fees",
            Self::Transaction { tx_index, txid, refusal } => {
                return write!(f, "transaction {tx_index} ({txid}): {refusal}");
            }
        })
    }
}

impl std::error::Error for BlockError {}

/// All that does not need the coins.
pub(super) fn check_block(
    block: &Block,
    tip: BlockHash,
    place: &Place<'_>,
) -> Result<(), BlockError> {
    if block.header.prev_blockhash != tip {
        return Err(BlockError::NotOnTip);
    }
    let target = Target::from_compact(bits());
    if block.header.bits != bits() || block.header.validate_pow(target).is_err() {
        return Err(BlockError::ProofOfWork);
    }
    if block.header.time <= place.median_time {
        return Err(BlockError::Time);
    }
    let (coinbase, rest) = block.txdata.split_first().ok_or(BlockError::Coinbase)?;
    if !coinbase.is_coinbase() || rest.iter().any(Transaction::is_coinbase) {
        return Err(BlockError::Coinbase);
    }
    check_coinbase(coinbase, place.height)?;
    if !block.check_merkle_root() {
        return Err(BlockError::MerkleRoot);
    }
    check_witness_commitment(block, coinbase)?;
    if block.weight() > Weight::MAX_BLOCK {
        return Err(BlockError::Weight);
    }
    Ok(())
}

/// `reward` is what the coinbase may pay; `None` when the fees make no sense.
pub(super) fn check_reward(block: &Block, reward: Option<Amount>) -> Result<(), BlockError> {
    let outputs = block.coinbase().into_iter().flat_map(|coinbase| &coinbase.output);
    let paid = sum(outputs.map(|output| output.value));
    match (paid, reward) {
        (Some(paid), Some(reward)) if paid <= reward => Ok(()),
        (_, _) => Err(BlockError::Reward),
    }
}

/// What the script of a coinbase begins with.
pub(super) fn height_prefix(height: u32) -> Builder {
    Builder::new().push_int(height.into())
}

fn check_coinbase(coinbase: &Transaction, height: u32) -> Result<(), BlockError> {
    let script = coinbase.input.first().map(|input| input.script_sig.as_bytes());
    let prefix = height_prefix(height).into_script();
    match script {
        Some(script)
            if (2..=100).contains(&script.len()) && script.starts_with(prefix.as_bytes()) =>
        {
            Ok(())
        }
        _ => Err(BlockError::CoinbaseHeight),
    }
}

/// A block without a commitment may hold no witness at all, its coinbase included.
fn check_witness_commitment(block: &Block, coinbase: &Transaction) -> Result<(), BlockError> {
    let has_witness = |tx: &Transaction| tx.input.iter().any(|input| !input.witness.is_empty());
    let valid = match coinbase.output.iter().any(is_commitment) {
        true => has_witness(coinbase) && block.check_witness_commitment(),
        false => !block.txdata.iter().any(has_witness),
    };
    if valid { Ok(()) } else { Err(BlockError::WitnessCommitment) }
}

fn is_commitment(output: &TxOut) -> bool {
    let script = output.script_pubkey.as_bytes();
    script.len() >= 38 && script.starts_with(&COMMITMENT_HEADER)
}

/// The lowest difficulty of all networks: every second hash will do.
pub(super) fn bits() -> CompactTarget {
    CompactTarget::from_consensus(0x207f_ffff)
}

/// How the script of a commitment output begins.
pub(super) const COMMITMENT_HEADER: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
