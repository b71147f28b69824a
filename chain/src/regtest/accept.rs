//! Whether a transaction, or a parent with its child, may enter the mempool.
//!
//! Judging changes nothing: it ends in a [`Plan`], or in the first rule that is broken.

use std::collections::BTreeSet;

use bitcoin::{Amount, Transaction, Txid};

use super::coins::{Coin, CoinView, WithParent, fee, spent_coins, sum};
use super::consensus::{check_final, check_form, check_maturity, check_relative_locks};
use super::ledger::Ledger;
use super::mempool::Mempool;
use super::policy::{check_fee, check_inputs, check_standard, fee_at, virtual_size};
use super::scripts::check_scripts;
use super::{Options, ScriptCheck};
use crate::{Refusal, Rule};

/// What it takes to accept: transactions that leave, and then those that enter.
#[derive(Default)]
pub(super) struct Plan {
    evict: BTreeSet<Txid>,
    enter: Vec<Candidate>,
}

/// A transaction that could be in the next block, if the mempool were to make room for it.
struct Candidate {
    transaction: Transaction,
    fee: Amount,
    virtual_size: u64,
    /// Transactions of the mempool that spend the same coins.
    conflicts: BTreeSet<Txid>,
}

/// Chain and mempool, looked at from a transaction that wants to enter.
pub(super) struct Judge<'a> {
    pub ledger: &'a Ledger,
    pub pool: &'a Mempool,
}

impl Plan {
    /// Changes the mempool as planned.
    pub fn carry_out(self, pool: &mut Mempool) {
        for txid in self.evict {
            pool.remove(&txid);
        }
        for Candidate { transaction, fee, virtual_size, .. } in self.enter {
            pool.insert(transaction, fee, virtual_size);
        }
    }
}

impl Judge<'_> {
    /// One transaction by itself. What is known already is accepted again.
    pub fn transaction(&self, transaction: &Transaction) -> Result<Plan, Refusal> {
        if self.is_known(transaction) {
            return Ok(Plan::default());
        }
        let candidate = self.candidate(transaction, &self.view())?;
        self.admit(vec![candidate])
    }

    /// A parent that pays too little by itself, with the one child that pays for both.
    pub fn pair(&self, parent: &Transaction, child: &Transaction) -> Result<Plan, Refusal> {
        let parent_txid = parent.compute_txid();
        if !child.input.iter().any(|input| input.previous_output.txid == parent_txid) {
            let text = "the second transaction does not spend from the first";
            return Err(Refusal::new(Rule::Malformed, text));
        }
        let height = self.ledger.next_height();
        let view = WithParent { below: &self.view(), parent, parent_txid, height };
        let parent = self.candidate(parent, &self.view())?;
        let child = self.candidate(child, &view)?;
        let pair = vec![parent, child];
        let conflicts = pair.iter().any(|member| !member.conflicts.is_empty());
        let ancestors = pair.iter().any(|member| !self.parents_of(member).is_empty());
        if conflicts && ancestors {
            let text = "a pair that replaces others may not spend unconfirmed outputs";
            return Err(Refusal::new(Rule::ReplacementFeeTooLow, text));
        }
        self.admit(pair)
    }

    /// Whether it is unconfirmed here or in the chain.
    pub fn is_known(&self, transaction: &Transaction) -> bool {
        let txid = transaction.compute_txid();
        self.pool.contains(&txid) || self.ledger.position(&txid).is_some()
    }

    /// A transaction that was in a block, or in the mempool, before blocks were undone: all that
    /// may have changed is checked again, but neither its fee nor its scripts.
    pub fn returning(&self, transaction: &Transaction) -> Result<Plan, Refusal> {
        let spent = spent_coins(transaction, &self.view())?;
        self.check_place(transaction, &spent)?;
        let fee = fee(transaction, &spent)?;
        let candidate = self.sized(transaction, &spent, fee);
        match candidate.conflicts.first() {
            Some(txid) => Err(Refusal::new(Rule::Conflict, format!("{txid} spends the same coin"))),
            None => Ok(Plan { evict: BTreeSet::new(), enter: vec![candidate] }),
        }
    }

    /// All rules that concern one transaction, whatever else enters or leaves.
    fn candidate(
        &self,
        transaction: &Transaction,
        view: &impl CoinView,
    ) -> Result<Candidate, Refusal> {
        check_form(transaction)?;
        check_standard(transaction)?;
        let spent = spent_coins(transaction, view)?;
        self.check_place(transaction, &spent)?;
        let fee = fee(transaction, &spent)?;
        check_inputs(transaction, &spent)?;
        match self.options().scripts {
            ScriptCheck::Full => check_scripts(transaction, &spent)?,
            ScriptCheck::Skipped => {}
        }
        Ok(self.sized(transaction, &spent, fee))
    }

    fn check_place(&self, transaction: &Transaction, spent: &[Coin]) -> Result<(), Refusal> {
        self.ledger.in_next_block(|place| {
            check_final(transaction, place)?;
            check_relative_locks(transaction, spent, place)?;
            check_maturity(spent, place)
        })
    }

    fn sized(&self, transaction: &Transaction, spent: &[Coin], fee: Amount) -> Candidate {
        let output = |outpoint: &bitcoin::OutPoint| {
            let vin = transaction.input.iter().position(|vin| vin.previous_output == *outpoint)?;
            spent.get(vin).map(|coin| coin.txout.clone())
        };
        let checks = u64::try_from(transaction.total_sigop_cost(output)).unwrap_or(u64::MAX);
        let conflicts =
            transaction.input.iter().filter_map(|input| self.pool.spender(&input.previous_output));
        Candidate {
            fee,
            virtual_size: virtual_size(transaction.weight(), checks),
            conflicts: conflicts.collect(),
            transaction: transaction.clone(),
        }
    }

    /// The rules on fees, replacement and size, for candidates that enter together.
    fn admit(&self, enter: Vec<Candidate>) -> Result<Plan, Refusal> {
        let too_much = || Refusal::new(Rule::Malformed, "its fees are more than there can be");
        let fee = sum(enter.iter().map(|candidate| candidate.fee)).ok_or_else(too_much)?;
        let size = enter.iter().map(|candidate| candidate.virtual_size).sum();
        check_fee(fee, size, self.options().min_relay_sat_per_kvb)?;
        let evict = self.replaced(&enter, fee, size)?;
        self.check_cluster(&enter, &evict)?;
        Ok(Plan { evict, enter })
    }

    /// What has to leave for `enter`, when they pay enough for it.
    fn replaced(
        &self,
        enter: &[Candidate],
        fee: Amount,
        size: u64,
    ) -> Result<BTreeSet<Txid>, Refusal> {
        let direct: BTreeSet<Txid> =
            enter.iter().flat_map(|candidate| candidate.conflicts.iter().copied()).collect();
        let evict = self.pool.with_descendants(direct.iter().copied());
        if evict.is_empty() {
            return Ok(evict);
        }
        let refused = |text: String| Err(Refusal::new(Rule::ReplacementFeeTooLow, text));
        if evict.len() > MAX_REPLACED {
            return refused(format!("it would replace {} transactions at once", evict.len()));
        }
        for candidate in enter {
            if !self.parents_of(candidate).is_disjoint(&evict) {
                let text = "it spends from a transaction that it would replace";
                return Err(Refusal::new(Rule::Conflict, text));
            }
        }
        let leaving = evict.iter().filter_map(|txid| self.pool.entry(txid));
        let old_fees = sum(leaving.map(|entry| entry.fee)).unwrap_or(Amount::MAX_MONEY);
        let relay = fee_at(self.options().incremental_sat_per_kvb, size);
        let least = old_fees.checked_add(relay).unwrap_or(Amount::MAX_MONEY);
        if fee < least {
            return refused(format!(
                "the fee is {fee}, to replace {} it takes {least}",
                list(&evict)
            ));
        }
        for (txid, entry) in direct.iter().filter_map(|txid| Some((txid, self.pool.entry(txid)?))) {
            if !pays_more(fee, size, entry.fee, entry.virtual_size) {
                return refused(format!("its feerate is not above that of {txid}"));
            }
        }
        Ok(evict)
    }

    /// Unconfirmed transactions that hang together are limited in number and in size.
    fn check_cluster(&self, enter: &[Candidate], evict: &BTreeSet<Txid>) -> Result<(), Refusal> {
        let parents = enter.iter().flat_map(|candidate| self.parents_of(candidate));
        let cluster = self.pool.cluster(parents);
        let staying = cluster.difference(evict).filter_map(|txid| self.pool.entry(txid));
        let sizes = staying.map(|entry| entry.virtual_size);
        let sizes: Vec<u64> = sizes.chain(enter.iter().map(|new| new.virtual_size)).collect();
        let size = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
        if sizes.len() > MAX_CLUSTER || size > MAX_CLUSTER_SIZE {
            let text = format!("{} unconfirmed transactions of {size} bytes", sizes.len());
            return Err(Refusal::new(Rule::TooManyUnconfirmed, text));
        }
        Ok(())
    }

    fn parents_of(&self, candidate: &Candidate) -> BTreeSet<Txid> {
        self.pool.parents_of(&candidate.transaction)
    }

    fn view(&self) -> impl CoinView + '_ {
        self.pool.view(&self.ledger.coins, self.ledger.next_height())
    }

    fn options(&self) -> &Options {
        &self.ledger.options
    }
}

/// Whether the first feerate is higher than the second.
fn pays_more(fee: Amount, size: u64, other_fee: Amount, other_size: u64) -> bool {
    let scaled = |fee: Amount, by: u64| u128::from(fee.to_sat()).saturating_mul(by.into());
    scaled(fee, other_size) > scaled(other_fee, size)
}

fn list(txids: &BTreeSet<Txid>) -> String {
    let names: Vec<String> = txids.iter().take(3).map(Txid::to_string).collect();
    let more = if txids.len() > names.len() { " and others" } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Most transactions that one may replace.
const MAX_REPLACED: usize = 100;

/// Most unconfirmed transactions that hang together, and their size in virtual bytes.
const MAX_CLUSTER: usize = 64;
const MAX_CLUSTER_SIZE: u64 = 101_000;
