//! Money and reorganisations on a regtest node without a wallet, for demonstrations and tests: the same
//! faucet as that of the embedded chain, block rewards that anyone may spend.

use super::Bitcoind;
use crate::{Backend, BackendError, BroadcastError, Tip};
use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::opcodes::all::OP_DROP;
use bitcoin::script::Builder;
use bitcoin::transaction::Version;
use bitcoin::{
    Address, Amount, BlockHash, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    Txid, Witness,
};
use serde::Deserialize;
use serde_json::json;

impl Bitcoind {
    /// Pays exactly `amount` to `address` in a block of its own; mines what it needs for that.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with bitcoind's words.
    pub fn fund(&mut self, address: &Address, amount: Amount) -> Result<OutPoint, BackendError> {
        let faucet = faucet_address();
        for _ in 0..MOST_REWARDS {
            if let Some(transaction) = self.gather(address, amount)? {
                let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
                self.broadcast(std::slice::from_ref(&transaction)).map_err(unavailable)?;
                self.generate_to_address(1, &faucet)?;
                return Ok(outpoint);
            }
            self.generate_to_address(MATURITY, &faucet)?;
        }
        let text = format!("the faucet has no {amount} after all its blocks: ask for less");
        Err(BackendError::Unavailable(text))
    }

    /// Replaces the newest `depth` blocks by one more, all empty; their transactions go back to the mempool.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with bitcoind's words, or when there are not as many blocks.
    pub fn reorganise(&mut self, depth: u32) -> Result<Vec<BlockHash>, BackendError> {
        let tip = self.tip()?;
        let first = tip.height.checked_sub(depth.saturating_sub(1)).filter(|height| *height > 0);
        let Some(first) = first.filter(|_| depth > 0) else {
            let text = format!("there are {} blocks, {depth} cannot be taken away", tip.height);
            return Err(BackendError::Unavailable(text));
        };
        let Some(Tip { hash, .. }) = self.tip_at(first)? else {
            return Err(BackendError::Unavailable(
                "the chain has just changed: try again".to_owned(),
            ));
        };
        self.invalidate_block(hash)?;
        // To a script of its own: blocks with the old ones' content would be the old, invalid blocks.
        let address = other_address(hash);
        (0..depth.saturating_add(1)).map(|_| self.generate_empty(&address)).collect()
    }

    fn generate_empty(&mut self, address: &Address) -> Result<BlockHash, BackendError> {
        let none: [&str; 0] = [];
        let block: Generated =
            self.rpc.call_once("generateblock", &json!([address.to_string(), none]))?;
        Ok(block.hash)
    }

    /// A payment from ripe coins of the faucet, the oldest first; `None` while there are too few.
    fn gather(
        &mut self,
        address: &Address,
        amount: Amount,
    ) -> Result<Option<Transaction>, BackendError> {
        let wanted = format!("addr({})", faucet_address());
        let scan: Scan = self.rpc.call("scantxoutset", &json!(["start", [wanted]]))?;
        let mut coins = scan.unspents;
        coins.sort_by_key(|coin| (coin.height, coin.txid, coin.vout));
        let ripe = scan.height.saturating_sub(MATURITY.saturating_sub(1));
        let (mut have, mut need, mut inputs) = (Amount::ZERO, amount, Vec::new());
        for coin in coins.into_iter().filter(|coin| !coin.coinbase || coin.height <= ripe) {
            inputs.push(OutPoint { txid: coin.txid, vout: coin.vout });
            have = have.checked_add(coin.amount).unwrap_or(Amount::MAX_MONEY);
            need = need.checked_add(FEE).unwrap_or(Amount::MAX_MONEY);
            if let Some(change) = have.checked_sub(need) {
                return Ok(Some(payment(&inputs, address, amount, change)));
            }
        }
        Ok(None)
    }
}

/// Where the faucet mines to: a witness script without conditions.
pub fn faucet_address() -> Address {
    address_of(&witness_script())
}

fn payment(inputs: &[OutPoint], address: &Address, amount: Amount, change: Amount) -> Transaction {
    let input = |outpoint: &OutPoint| TxIn {
        previous_output: *outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::from_slice(&[witness_script().as_bytes()]),
    };
    let change_script = faucet_address().script_pubkey();
    let mut output = vec![TxOut { value: amount, script_pubkey: address.script_pubkey() }];
    if change >= change_script.minimal_non_dust() {
        output.push(TxOut { value: change, script_pubkey: change_script });
    }
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: inputs.iter().map(input).collect(),
        output,
    }
}

/// An address that nothing was mined to before, as it holds the hash of the block that it takes the place of.
fn other_address(hash: BlockHash) -> Address {
    let hash: &[u8; 32] = hash.as_ref();
    let script = Builder::new().push_slice(hash).push_opcode(OP_DROP).push_opcode(OP_TRUE);
    address_of(&script.into_script())
}

fn address_of(witness_script: &ScriptBuf) -> Address {
    Address::p2wsh(witness_script, Network::Regtest)
}

fn witness_script() -> ScriptBuf {
    Builder::new().push_opcode(OP_TRUE).into_script()
}

fn unavailable(error: BroadcastError) -> BackendError {
    BackendError::Unavailable(error.to_string())
}

#[derive(Deserialize)]
struct Generated {
    hash: BlockHash,
}

#[derive(Deserialize)]
struct Scan {
    height: u32,
    unspents: Vec<FaucetCoin>,
}

#[derive(Deserialize)]
struct FaucetCoin {
    txid: Txid,
    vout: u32,
    #[serde(with = "bitcoin::amount::serde::as_btc")]
    amount: Amount,
    height: u32,
    /// Older nodes do not say.
    #[serde(default = "yes")]
    coinbase: bool,
}

const fn yes() -> bool {
    true
}

/// Blocks until a reward can be spent.
const MATURITY: u32 = 100;
/// Rounds of mining that one request may take.
const MOST_REWARDS: u32 = 4;
/// For each input, well above what relays.
const FEE: Amount = Amount::from_sat(1_000);
