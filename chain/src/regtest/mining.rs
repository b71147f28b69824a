//! Making blocks.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::script::PushBytesBuf;
use bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Sequence, Target, Transaction, TxIn, TxMerkleNode, TxOut,
    Witness, transaction,
};

use super::block_rules::{COMMITMENT_HEADER, bits, height_prefix};
use super::ledger::Ledger;

/// A block on the tip with these transactions, which pays subsidy and `fees` to `script`, solved.
pub(super) fn next_block(
    ledger: &Ledger,
    transactions: Vec<Transaction>,
    fees: Amount,
    script: ScriptBuf,
    now: u32,
    extra_nonce: u64,
) -> Block {
    let reward = ledger.subsidy().checked_add(fees).unwrap_or(Amount::MAX_MONEY);
    let earliest = ledger.median_time(ledger.tip_height()).saturating_add(1);
    let mut txdata = vec![coinbase(ledger.next_height(), extra_nonce, reward, script)];
    txdata.extend(transactions);
    let header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: ledger.tip().hash,
        merkle_root: TxMerkleNode::all_zeros(),
        time: now.max(earliest),
        bits: bits(),
        nonce: 0,
    };
    let mut block = Block { header, txdata };
    commit_to_witnesses(&mut block);
    solve(&mut block);
    block
}

/// Makes a block that was changed by hand valid again: the header commits to its transactions and
/// reaches its target. The commitment to the witnesses stays as it is.
pub fn solve(block: &mut Block) {
    if let Some(root) = block.compute_merkle_root() {
        block.header.merkle_root = root;
    }
    let target = Target::from_compact(bits());
    for nonce in 0..=u32::MAX {
        block.header.nonce = nonce;
        if target.is_met_by(block.block_hash()) {
            return;
        }
    }
}

/// `extra_nonce` tells apart blocks that would otherwise be the same on two branches.
fn coinbase(height: u32, extra_nonce: u64, reward: Amount, script: ScriptBuf) -> Transaction {
    let nonce = PushBytesBuf::from(extra_nonce.to_be_bytes());
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: height_prefix(height).push_slice(nonce).into_script(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[WITNESS_RESERVED_VALUE]),
        }],
        output: vec![TxOut { value: reward, script_pubkey: script }],
    }
}

fn commit_to_witnesses(block: &mut Block) {
    let Some(root) = block.witness_root() else { return };
    let commitment = Block::compute_witness_commitment(&root, &WITNESS_RESERVED_VALUE);
    let mut script = COMMITMENT_HEADER.to_vec();
    script.extend_from_slice(commitment.as_byte_array());
    if let Some(coinbase) = block.txdata.first_mut() {
        let output = TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(script) };
        coinbase.output.push(output);
    }
}

const WITNESS_RESERVED_VALUE: [u8; 32] = [0; 32];
