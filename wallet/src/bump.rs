//! Transactions about an earlier one: a child that pays for its parent, a conflict that cancels it.

use crate::coins::{Coin, Keychain, sum};
use crate::payment::{Available, MANY, signed_weight, unsigned};
use crate::selection::{
    INPUT_BASE_WEIGHT, INPUT_WEIGHT, WITNESS_BYTES, change_model, largest_first, total, worthwhile,
};
use crate::wallet::Wallet;
use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut};
use std::collections::BTreeSet;
use transactions::{BumpRequest, FeeratePerKw, FundRequest, Funded, Funds, FundsError, dust_limit};

impl Funds for Wallet {
    fn fund(
        &mut self,
        request: &FundRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        self.pay(request, leased)
    }

    fn fresh_script(&mut self) -> ScriptBuf {
        self.fresh_internal()
    }

    /// Input 0 is the anchor, the only output is change, and [`Funded::coins`] has the anchor too.
    fn bump(
        &mut self,
        request: &BumpRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        let child = Child {
            outpoint: request.anchor,
            value: request.anchor_output.value,
            witness_weight: request.anchor_witness_weight,
            parent_weight: request.parent_weight,
            parent_fee: request.parent_fee,
            feerate: request.feerate,
            max_fee: request.max_fee,
            again: request.again.clone(),
            outbid: None,
        };
        self.build_child(&child, None, leased)
    }

    fn owns(&self, script: &Script) -> bool {
        self.is_own(script)
    }
}

impl Wallet {
    /// A child of an unconfirmed transaction of ours, which spends its change, so that both together
    /// have this feerate. Other coins help where the change is too small. A child before it, which it
    /// replaces, gives its coins and is outbid.
    ///
    /// # Errors
    /// [`FundsError::CoinNotAvailable`] without a change to spend; else as
    /// [`transactions::Funds::bump`].
    pub fn bump_change(
        &mut self,
        parent: &Transaction,
        replaced: Option<&Transaction>,
        feerate: FeeratePerKw,
        max_fee: Amount,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        let txid = parent.compute_txid();
        let spent = |tx: &Transaction| tx.input.iter().map(|input| input.previous_output).collect();
        let mut again: Vec<OutPoint> = replaced.map_or_else(Vec::new, spent);
        let change = match again.iter().position(|outpoint| outpoint.txid == txid) {
            Some(index) => Some(self.spent_coin(again.remove(index))?),
            None => {
                let mine = |coin: &&Coin| coin.outpoint.txid == txid && coin.is_unconfirmed();
                self.coins.all().filter(mine).max_by_key(|coin| coin.output.value).cloned()
            }
        };
        let fee = self.inner.calculate_fee(parent).ok();
        let (Some(change), Some(parent_fee)) = (change, fee) else {
            return Err(FundsError::CoinNotAvailable(OutPoint { txid, vout: 0 }));
        };
        let outbid = replaced.map(|replaced| self.fee_of(replaced)).transpose()?;
        let child = Child {
            outpoint: change.outpoint,
            value: change.output.value,
            witness_weight: WITNESS_BYTES as u64,
            parent_weight: parent.weight().to_wu(),
            parent_fee,
            feerate,
            max_fee,
            again,
            outbid,
        };
        self.build_child(&child, Some(change), leased)
    }

    /// A transaction that spends the same coins as an unconfirmed one of ours and pays all of them
    /// back to the wallet: once it confirms, the other never does. Its fee is high enough to take the
    /// place in a mempool of all `replaced`: that one and its children, or the last such transaction;
    /// `also` is the fee of those that are not the wallet's.
    ///
    /// # Errors
    /// [`FundsError::CoinNotAvailable`] for an input that is not ours, and as
    /// [`transactions::Funds::fund`].
    pub fn cancel(
        &mut self,
        transaction: &Transaction,
        replaced: &[&Transaction],
        also: Amount,
        feerate: FeeratePerKw,
        max_fee: Amount,
    ) -> Result<Funded, FundsError> {
        let coins = self.spent_coins(transaction)?;
        let have = total(&coins.iter().collect::<Vec<_>>());
        let fees = replaced.iter().map(|replaced| self.fee_of(replaced));
        let old_fee = sum([also, sum(fees.collect::<Result<Vec<Amount>, FundsError>>()?)]);
        let model = TxOut { value: Amount::ZERO, script_pubkey: change_model() };
        let weight = signed_weight(&coins, vec![model]);
        let replacing = sum([old_fee, INCREMENTAL.fee_ceil(weight)]);
        let fee = feerate.fee_ceil(weight).max(replacing);
        if fee > max_fee {
            return Err(FundsError::FeeExceedsLimit { fee, limit: max_fee });
        }
        let need = sum([fee, dust_limit(&change_model())]);
        if have < need {
            return Err(FundsError::Insufficient { have, need });
        }
        let outpoints: Vec<OutPoint> = coins.iter().map(|coin| coin.outpoint).collect();
        let value = have.checked_sub(fee).unwrap_or(Amount::ZERO);
        let output = TxOut { value, script_pubkey: self.change_script(&outpoints) };
        let mut transaction = unsigned(&coins, vec![output], self.tip().0);
        self.sign(&mut transaction, &coins);
        Ok(Funded { transaction, output_index: 0, fee, coins: outpoints })
    }

    fn build_child(
        &mut self,
        child: &Child,
        own: Option<Coin>,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        let mut coins = self.coins_of_child(child, leased)?;
        coins.sort_by_key(|coin| coin.outpoint);
        let fee = child.fee(coins.len());
        if fee > child.max_fee {
            return Err(FundsError::FeeExceedsLimit { fee, limit: child.max_fee });
        }
        let have = sum([child.value, total(&coins.iter().collect::<Vec<_>>())]);
        let value = have.checked_sub(fee).unwrap_or(Amount::ZERO);
        let mut outpoints = vec![child.outpoint];
        outpoints.extend(coins.iter().map(|coin| coin.outpoint));
        let output = TxOut { value, script_pubkey: self.change_script(&outpoints) };
        let mut transaction = unsigned(&coins, vec![output], self.tip().0);
        let first = TxIn { previous_output: child.outpoint, ..TxIn::default() };
        transaction.input.insert(0, first);
        for input in &mut transaction.input {
            // It is replaced by a better one when the feerates rise.
            input.sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;
        }
        coins.extend(own);
        self.sign(&mut transaction, &coins);
        Ok(Funded { transaction, output_index: 0, fee, coins: outpoints })
    }

    /// No coin, if the child's own input pays for everything; else the smallest that does; else as
    /// many as it takes, the largest first. Those of a child that is replaced come before all others.
    fn coins_of_child(
        &self,
        child: &Child,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Vec<Coin>, FundsError> {
        let tip = self.tip().0;
        let again = child.again.iter().map(|outpoint| self.spent_coin(*outpoint));
        let again = again.collect::<Result<Vec<Coin>, FundsError>>()?;
        let is_taken =
            |outpoint: &OutPoint| *outpoint == child.outpoint || child.again.contains(outpoint);
        let free = self.coins.all_free(tip, leased).filter(|coin| !is_taken(&coin.outpoint));
        let mut free = worthwhile(free, child.feerate);
        largest_first(&mut free);
        let mut have = sum([child.value, total(&again.iter().collect::<Vec<_>>())]);
        let mut chosen = again;
        if have >= child.need(chosen.len()) {
            return Ok(chosen);
        }
        let one_more = child.need(chosen.len().saturating_add(1));
        let alone = |coin: &&&Coin| sum([have, coin.output.value]) >= one_more;
        if let Some(coin) = free.iter().rev().find(alone) {
            chosen.push(Coin::clone(coin));
            return Ok(chosen);
        }
        for coin in &free {
            chosen.push(Coin::clone(coin));
            have = sum([have, coin.output.value]);
            if have >= child.need(chosen.len()) {
                return Ok(chosen);
            }
        }
        let later = self.later(child.feerate, tip, leased);
        Err(Available { now: have, later }.shortage(child.need(chosen.len())))
    }

    /// All coins that a transaction of ours spends.
    fn spent_coins(&self, transaction: &Transaction) -> Result<Vec<Coin>, FundsError> {
        transaction.input.iter().map(|input| self.spent_coin(input.previous_output)).collect()
    }

    /// What a transaction of ours pays.
    fn fee_of(&self, transaction: &Transaction) -> Result<Amount, FundsError> {
        let have = total(&self.spent_coins(transaction)?.iter().collect::<Vec<_>>());
        let paid = sum(transaction.output.iter().map(|output| output.value));
        Ok(have.checked_sub(paid).unwrap_or(Amount::ZERO))
    }

    /// An output of ours that a transaction spends.
    fn spent_coin(&self, outpoint: OutPoint) -> Result<Coin, FundsError> {
        let output = self.inner.tx_graph().get_txout(outpoint).cloned();
        let place = output.and_then(|output| {
            let place = self.inner.derivation_of_spk(output.script_pubkey.clone())?;
            Some((output, place))
        });
        let (output, (keychain, index)) = place.ok_or(FundsError::CoinNotAvailable(outpoint))?;
        let keychain = Keychain::from(keychain);
        Ok(Coin { outpoint, output, height: None, coinbase: false, keychain, index })
    }
}

/// What a child has to reach.
struct Child {
    /// The input that makes it a child.
    outpoint: OutPoint,
    value: Amount,
    witness_weight: u64,
    parent_weight: u64,
    parent_fee: Amount,
    feerate: FeeratePerKw,
    max_fee: Amount,
    again: Vec<OutPoint>,
    /// The fee of the child that is replaced.
    outbid: Option<Amount>,
}

impl Child {
    fn weight(&self, coins: usize) -> u64 {
        let output = TxOut { value: Amount::ZERO, script_pubkey: change_model() };
        let first = INPUT_BASE_WEIGHT.saturating_add(self.witness_weight);
        // The count of inputs takes two more bytes from 253 on, which are not witness.
        let count = if coins >= MANY { 8 } else { 0 };
        signed_weight(&[], vec![output])
            .saturating_add(first)
            .saturating_add(INPUT_WEIGHT.saturating_mul(coins as u64))
            .saturating_add(count)
    }

    /// What it pays with this many coins: what the two lack, and never less than what every node
    /// relays, or takes in place of the child before it.
    fn fee(&self, coins: usize) -> Amount {
        let weight = self.weight(coins);
        let both = self.feerate.fee_ceil(self.parent_weight.saturating_add(weight));
        let lacking = both.checked_sub(self.parent_fee).unwrap_or(Amount::ZERO);
        let replacing = self.outbid.map(|fee| sum([fee, INCREMENTAL.fee_ceil(weight)]));
        lacking.max(RELAYED.fee_ceil(weight)).max(replacing.unwrap_or(Amount::ZERO))
    }

    /// The fee and the least that can be left.
    fn need(&self, coins: usize) -> Amount {
        sum([self.fee(coins), dust_limit(&change_model())])
    }
}

/// What Bitcoin Core asks of a replacement on top of what it replaces, for its own weight: 1 sat/vB
/// up to version 29, less since.
const INCREMENTAL: FeeratePerKw = FeeratePerKw(250);
/// BOLT 3's floor: 1 sat/vB, rounded so that it holds in every unit.
const RELAYED: FeeratePerKw = FeeratePerKw(253);
