//! Coins for whoever asks, from block rewards that anyone may spend.

use std::fmt;

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::script::Builder;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

use super::Fill;
use super::block_rules::BlockError;
use super::coins::{Coin, sum};
use super::consensus::COINBASE_MATURITY;
use super::policy::fee_at;
use super::world::World;
use crate::Refusal;

/// Why the faucet gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaucetError {
    /// More was asked for than it can mine.
    NotEnough {
        /// What it has now.
        have: Amount,
        /// What it takes, with the fee.
        need: Amount,
    },
    /// The payment is not relayed, for example because it is dust.
    Refused(Refusal),
    /// The payment is not valid in a block.
    Block(BlockError),
}

impl fmt::Display for FaucetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnough { have, need } => write!(f, "the faucet has {have}, it takes {need}"),
            Self::Refused(refusal) => write!(f, "the faucet's payment is refused: {refusal}"),
            Self::Block(error) => write!(f, "the faucet's payment cannot be mined: {error}"),
        }
    }
}

impl std::error::Error for FaucetError {}

/// The script that the faucet mines to: a witness script without conditions.
pub fn faucet_script() -> ScriptBuf {
    witness_script().to_p2wsh()
}

impl World {
    /// An unconfirmed payment from the faucet, which first mines as many empty blocks as it needs.
    pub fn pay(&mut self, script: ScriptBuf, amount: Amount) -> Result<OutPoint, FaucetError> {
        let transaction = self.payment(script, amount)?;
        self.broadcast(std::slice::from_ref(&transaction)).map_err(FaucetError::Refused)?;
        Ok(OutPoint { txid: transaction.compute_txid(), vout: 0 })
    }

    /// The same, and a block that holds the payment and nothing else.
    pub fn fund(&mut self, script: ScriptBuf, amount: Amount) -> Result<OutPoint, FaucetError> {
        let transaction = self.payment(script, amount)?;
        self.judge().transaction(&transaction).map_err(FaucetError::Refused)?;
        let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
        let block = self.template(vec![transaction], faucet_script());
        self.submit(block).map_err(FaucetError::Block)?;
        Ok(outpoint)
    }

    fn payment(&mut self, script: ScriptBuf, amount: Amount) -> Result<Transaction, FaucetError> {
        self.check_reach(amount)?;
        for _ in 0..MAX_MINED {
            if let Ok(transaction) = self.gather(script.clone(), amount) {
                return Ok(transaction);
            }
            self.mine(&faucet_script(), Fill::Nothing);
        }
        self.gather(script, amount)
    }

    /// Whether the amount could be there after the blocks that one request may mine.
    fn check_reach(&self, amount: Amount) -> Result<(), FaucetError> {
        let own = faucet_script();
        let coins = self.ledger.coins.values().filter(|coin| coin.txout.script_pubkey == own);
        let have = sum(coins.map(|coin| coin.txout.value)).unwrap_or(Amount::MAX_MONEY);
        let mined = self.ledger.subsidy().checked_mul(MAX_MINED.into());
        let reach = mined.and_then(|mined| have.checked_add(mined)).unwrap_or(Amount::MAX_MONEY);
        if amount <= reach { Ok(()) } else { Err(FaucetError::NotEnough { have, need: amount }) }
    }

    /// A payment from ripe coins, the oldest first.
    fn gather(&self, script: ScriptBuf, amount: Amount) -> Result<Transaction, FaucetError> {
        let mut coins = self.ripe_coins();
        coins.sort_by_key(|(outpoint, _, height)| (*height, *outpoint));
        let mut size = virtual_size(&payment(&[], script.clone(), amount));
        let (mut have, mut need, mut inputs) = (Amount::ZERO, amount, Vec::new());
        for (outpoint, value, _) in coins {
            have = have.checked_add(value).unwrap_or(have);
            inputs.push(outpoint);
            size = size.saturating_add(INPUT_SIZE);
            need = amount.checked_add(fee_at(FAUCET_SAT_PER_KVB, size)).unwrap_or(Amount::MAX);
            if let Some(change) = have.checked_sub(need) {
                let mut transaction = payment(&inputs, script, amount);
                give_change(&mut transaction, change);
                return Ok(transaction);
            }
        }
        Err(FaucetError::NotEnough { have, need })
    }

    /// Coins of the faucet that could be spent in the next block, with value and height.
    fn ripe_coins(&self) -> Vec<(OutPoint, Amount, u32)> {
        let (own, next) = (faucet_script(), self.ledger.next_height());
        let ripe = |(outpoint, coin): (&OutPoint, &Coin)| {
            let age = next.saturating_sub(coin.height);
            let is_ripe = !coin.coinbase || age >= COINBASE_MATURITY;
            let is_free = self.pool.spender(outpoint).is_none();
            let ours = coin.txout.script_pubkey == own;
            (ours && is_ripe && is_free).then_some((*outpoint, coin.txout.value, coin.height))
        };
        self.ledger.coins.iter().filter_map(ripe).collect()
    }
}

/// With a change output of no value, for its size.
fn payment(inputs: &[OutPoint], script: ScriptBuf, amount: Amount) -> Transaction {
    let input = |outpoint: &OutPoint| TxIn {
        previous_output: *outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::from_slice(&[witness_script().as_bytes()]),
    };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: inputs.iter().map(input).collect(),
        output: vec![
            TxOut { value: amount, script_pubkey: script },
            TxOut { value: Amount::ZERO, script_pubkey: faucet_script() },
        ],
    }
}

/// Sets the change, or leaves it to the fee where it would be dust.
fn give_change(transaction: &mut Transaction, change: Amount) {
    if change < faucet_script().minimal_non_dust() {
        transaction.output.pop();
    } else if let Some(output) = transaction.output.last_mut() {
        output.value = change;
    }
}

fn virtual_size(transaction: &Transaction) -> u64 {
    u64::try_from(transaction.vsize()).unwrap_or(u64::MAX)
}

fn witness_script() -> ScriptBuf {
    Builder::new().push_opcode(OP_TRUE).into_script()
}

/// The faucet's feerate, in satoshis per 1000 virtual bytes.
const FAUCET_SAT_PER_KVB: u64 = 2_000;

/// Virtual bytes of one input of the faucet, rounded up.
const INPUT_SIZE: u64 = 43;

/// Most blocks that one request makes it mine.
const MAX_MINED: u32 = 500;
