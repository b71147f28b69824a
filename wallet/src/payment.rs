//! Transactions that pay: the funding of a channel, or anybody.

use crate::coins::{Coin, sum};
use crate::selection::{
    CHANGE_WEIGHT, INPUT_WEIGHT, Strategy, WITNESS_BYTES, change_model, largest_first, select,
    total, worthwhile,
};
use crate::wallet::Wallet;
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::sighash::SighashCache;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
};
use secp256k1::{Message, SECP256K1};
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, FundRequest, Funded, FundsError, dust_limit};

impl Wallet {
    /// Pays `amount` to a script, as [`transactions::Funds::fund`] pays a channel.
    ///
    /// # Errors
    /// As there.
    pub fn send(
        &mut self,
        to: ScriptBuf,
        amount: Amount,
        feerate: FeeratePerKw,
        max_fee: Amount,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        let request = FundRequest {
            output: TxOut { value: amount, script_pubkey: to },
            feerate,
            max_fee,
            coins: Vec::new(),
            reserve: Amount::ZERO,
            prefer: Vec::new(),
        };
        self.pay(&request, leased)
    }

    pub(crate) fn pay(
        &mut self,
        request: &FundRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        let plan = self.plan(request, leased)?;
        let outpoints: Vec<OutPoint> = plan.coins.iter().map(|coin| coin.outpoint).collect();
        let mut outputs = vec![request.output.clone()];
        if let Some(value) = plan.change {
            outputs.push(TxOut { value, script_pubkey: self.change_script(&outpoints) });
        }
        let mut transaction = unsigned(&plan.coins, outputs, self.tip().0);
        sort(&mut transaction);
        self.sign(&mut transaction, &plan.coins);
        let output_index = position(&transaction, &request.output);
        let coins = transaction.input.iter().map(|input| input.previous_output).collect();
        Ok(Funded { transaction, output_index, fee: plan.fee, coins })
    }

    /// Decides on coins, change and fee, and changes nothing.
    fn plan(&self, request: &FundRequest, leased: &BTreeSet<OutPoint>) -> Result<Plan, FundsError> {
        let tip = self.tip().0;
        let mut free = worthwhile(self.coins.all_free(tip, leased), request.feerate);
        largest_first(&mut free);
        let later = self.later(request.feerate, tip, leased);
        let funds = Available { now: total(&free), later };
        if !request.coins.is_empty() {
            let named = self.named(request, leased)?;
            let have = total(&named);
            let need = need(request, named.len());
            let plan = Plan::of(request, &named);
            let plan = plan.ok_or(FundsError::Insufficient { have, need })?;
            return plan.check(request, Available { now: funds.now.max(have), later });
        }
        let preferred = |coin: &&Coin| request.prefer.contains(&coin.outpoint);
        let (first, rest): (Vec<&Coin>, Vec<&Coin>) = free.iter().partition(|coin| preferred(coin));
        if !first.is_empty()
            && let Ok(plan) = choose(request, &first, &rest, funds)
        {
            return Ok(plan);
        }
        choose(request, &[], &free, funds)
    }

    /// The coins that the caller named, each once.
    fn named(
        &self,
        request: &FundRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Vec<&Coin>, FundsError> {
        let tip = self.tip().0;
        let unique: BTreeSet<OutPoint> = request.coins.iter().copied().collect();
        let find = |outpoint: OutPoint| {
            let coin = self.coins.free(&outpoint, tip, leased);
            coin.ok_or(FundsError::CoinNotAvailable(outpoint))
        };
        unique.into_iter().map(find).collect()
    }

    /// What the coins are worth that cannot be spent now and may be later.
    pub(crate) fn later(
        &self,
        feerate: FeeratePerKw,
        tip: u32,
        leased: &BTreeSet<OutPoint>,
    ) -> Amount {
        let waiting = self
            .coins
            .all()
            .filter(|coin| !coin.is_spendable(tip) || leased.contains(&coin.outpoint));
        total(&worthwhile(waiting, feerate))
    }

    /// Signs the inputs that spend `coins`, and leaves the others as they are.
    pub(crate) fn sign(&self, transaction: &mut Transaction, coins: &[Coin]) {
        let mut cache = SighashCache::new(&mut *transaction);
        let mut witnesses = Vec::new();
        for coin in coins {
            let spends = |input: &TxIn| input.previous_output == coin.outpoint;
            let Some(index) = cache.transaction().input.iter().position(spends) else { continue };
            let script = &coin.output.script_pubkey;
            let value = coin.output.value;
            // Fails for a script that is not P2WPKH, and all of ours are.
            let Ok(sighash) =
                cache.p2wpkh_signature_hash(index, script, value, EcdsaSighashType::All)
            else {
                continue;
            };
            let secret = self.keys().coin(coin.keychain, coin.index);
            let message = Message::from_digest(sighash.to_byte_array());
            let signature = bitcoin::ecdsa::Signature::sighash_all(
                SECP256K1.sign_ecdsa_low_r(&message, &secret),
            );
            witnesses.push((index, Witness::p2wpkh(&signature, &secret.public_key(SECP256K1))));
        }
        for (index, witness) in witnesses {
            if let Some(slot) = cache.witness_mut(index) {
                *slot = witness;
            }
        }
    }
}

/// What a transaction will spend, and how much goes where.
pub(crate) struct Plan {
    pub(crate) coins: Vec<Coin>,
    pub(crate) change: Option<Amount>,
    pub(crate) fee: Amount,
}

impl Plan {
    /// Change is made if it is above dust. `None` if the coins do not suffice.
    fn of(request: &FundRequest, coins: &[&Coin]) -> Option<Self> {
        let coins: Vec<Coin> = coins.iter().copied().cloned().collect();
        let rest = total(&coins.iter().collect::<Vec<_>>()).checked_sub(request.output.value)?;
        let mut outputs = vec![request.output.clone()];
        let bare = request.feerate.fee_ceil(signed_weight(&coins, outputs.clone()));
        let script = change_model();
        let dust = dust_limit(&script);
        outputs.push(TxOut { value: Amount::ZERO, script_pubkey: script });
        let with_change = request.feerate.fee_ceil(signed_weight(&coins, outputs));
        match rest.checked_sub(with_change).filter(|change| *change >= dust) {
            Some(change) => Some(Self { coins, change: Some(change), fee: with_change }),
            None if rest >= bare => Some(Self { coins, change: None, fee: rest }),
            None => None,
        }
    }

    /// Holds the plan against the caller's limits.
    fn check(self, request: &FundRequest, funds: Available) -> Result<Self, FundsError> {
        if self.fee > request.max_fee {
            return Err(FundsError::FeeExceedsLimit { fee: self.fee, limit: request.max_fee });
        }
        let need = sum([request.output.value, self.fee, request.reserve]);
        if funds.now < need { Err(funds.shortage(need)) } else { Ok(self) }
    }
}

/// What the wallet could spend.
#[derive(Clone, Copy)]
pub(crate) struct Available {
    pub(crate) now: Amount,
    /// Leased, or in need of confirmations.
    pub(crate) later: Amount,
}

impl Available {
    /// Not enough now; whether there will be.
    pub(crate) fn shortage(self, need: Amount) -> FundsError {
        let have = self.now;
        if sum([have, self.later]) >= need {
            FundsError::Busy { have, need }
        } else {
            FundsError::Insufficient { have, need }
        }
    }
}

/// The plan of the first strategy that keeps the caller's limits.
fn choose(
    request: &FundRequest,
    required: &[&Coin],
    optional: &[&Coin],
    funds: Available,
) -> Result<Plan, FundsError> {
    let mut refusal = None;
    for strategy in Strategy::ALL {
        let Some(plan) = attempt(strategy, request, required, optional) else { continue };
        match (plan.check(request, funds), &refusal) {
            (Ok(plan), _) => return Ok(plan),
            // Of two fees that are too high the lower one is the better news.
            (
                Err(FundsError::FeeExceedsLimit { fee, limit }),
                Some(FundsError::FeeExceedsLimit { fee: lowest, .. }),
            ) if fee < *lowest => refusal = Some(FundsError::FeeExceedsLimit { fee, limit }),
            (Err(error), None) => refusal = Some(error),
            (Err(_), Some(_)) => {}
        }
    }
    let inputs = required.len().saturating_add(optional.len());
    Err(refusal.unwrap_or_else(|| funds.shortage(need(request, inputs))))
}

fn attempt(
    strategy: Strategy,
    request: &FundRequest,
    required: &[&Coin],
    optional: &[&Coin],
) -> Option<Plan> {
    let mut target =
        sum([request.output.value, request.feerate.fee_ceil(frame_weight(request, 0))]);
    if strategy == Strategy::WithChange {
        let change = change_model();
        let output = request.feerate.fee_ceil(CHANGE_WEIGHT);
        target = sum([target, output, dust_limit(&change)]);
    }
    if let Some(chosen) = select(strategy, required, optional, target, request.feerate) {
        return Plan::of(request, &chosen);
    }
    // The selection rounds the fee of each input up: at the margin it misses that all coins suffice.
    let all: Vec<&Coin> = required.iter().chain(optional).copied().collect();
    (strategy == Strategy::Largest).then(|| Plan::of(request, &all)).flatten()
}

/// What a transaction with this many inputs takes, with the reserve.
fn need(request: &FundRequest, inputs: usize) -> Amount {
    let fee = request.feerate.fee_ceil(frame_weight(request, inputs));
    sum([request.output.value, request.reserve, fee])
}

/// The transaction before its signatures. It can be mined from the next block on: nobody gains by
/// mining the last block again.
pub(crate) fn unsigned(coins: &[Coin], outputs: Vec<TxOut>, tip: u32) -> Transaction {
    let input = coins.iter().map(|coin| spend(coin.outpoint)).collect();
    let lock_time = LockTime::from_height(tip).unwrap_or(LockTime::ZERO);
    Transaction { version: Version::TWO, lock_time, input, output: outputs }
}

pub(crate) fn spend(outpoint: OutPoint) -> TxIn {
    TxIn {
        previous_output: outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_LOCKTIME_NO_RBF,
        witness: Witness::new(),
    }
}

/// The order of BIP 69: it says nothing about which output is the change.
pub(crate) fn sort(transaction: &mut Transaction) {
    transaction.input.sort_by_key(|input| input.previous_output);
    transaction.output.sort_by(|one, other| {
        (one.value, one.script_pubkey.as_bytes())
            .cmp(&(other.value, other.script_pubkey.as_bytes()))
    });
}

/// Where an output is. There is room for it: the wallet makes two outputs at most.
pub(crate) fn position(transaction: &Transaction, output: &TxOut) -> u16 {
    let index = transaction.output.iter().position(|other| other == output);
    index.and_then(|index| u16::try_from(index).ok()).unwrap_or(0)
}

/// The weight that the transaction has once it is signed.
pub(crate) fn signed_weight(coins: &[Coin], outputs: Vec<TxOut>) -> u64 {
    let bare = unsigned(coins, outputs, 0);
    let base = (bare.base_size() as u64).saturating_mul(4);
    let witnesses = (WITNESS_BYTES as u64).saturating_mul(coins.len() as u64);
    // Two bytes mark a transaction that has witnesses.
    base.saturating_add(2).saturating_add(witnesses)
}

/// The weight of a transaction without change and with this many inputs.
fn frame_weight(request: &FundRequest, inputs: usize) -> u64 {
    let count = if inputs > MANY { 8 } else { 0 };
    signed_weight(&[], vec![request.output.clone()])
        .saturating_add(INPUT_WEIGHT.saturating_mul(inputs as u64))
        .saturating_add(count)
}

/// From here on the count of inputs takes two more bytes.
pub(crate) const MANY: usize = 252;
