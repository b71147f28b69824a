//! Transactions: handing them over, testing them, looking for them; outputs and fees.

use std::collections::BTreeMap;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Bitcoind;
use super::rpc::{
    ALREADY_IN_CHAIN, INVALID_PARAMETER, NOT_FOUND, RpcError, UNDECODABLE, UNKNOWN_METHOD,
    VERIFY_ERROR, VERIFY_REJECTED,
};
use super::words::{is_known, refusal, rule};
use crate::{
    BackendError, BroadcastError, Refusal, Rule, Seen, UnspentOutput, Verdict,
    sat_per_kw_from_btc_per_kvb,
};

impl Bitcoind {
    /// One transaction, or a parent and its child.
    pub(super) fn send(&mut self, transactions: &[Transaction]) -> Result<(), BroadcastError> {
        match transactions {
            [] => Ok(()),
            [transaction] => self.send_one(transaction),
            [parent, child] if self.packages => self.send_pair(parent, child),
            // In order, each for itself: what a node that knows no packages can do.
            several => several.iter().try_for_each(|transaction| self.send_one(transaction)),
        }
    }

    pub(super) fn test(&mut self, transaction: &Transaction) -> Result<Verdict, RpcError> {
        let params = json!([[serialize_hex(transaction)], self.max_feerate()]);
        let results: Result<Vec<Tested>, RpcError> = self.rpc.call("testmempoolaccept", &params);
        let results = match results {
            Err(RpcError::Said { code: UNDECODABLE, message }) => {
                return Ok(Verdict::Refused(Refusal::new(Rule::Malformed, message)));
            }
            other => other?,
        };
        let txid = transaction.compute_txid();
        let Some(tested) = results.into_iter().find(|tested| tested.txid == txid) else {
            return Err(self.rpc.nonsense("testmempoolaccept", "it is about something else"));
        };
        Ok(match (tested.allowed, tested.reason) {
            (Some(true), _) => Verdict::Accepted,
            (_, Some(reason)) if is_known(&reason) => Verdict::Accepted,
            (_, Some(reason)) => Verdict::Refused(refusal(&reason)),
            (_, None) => Verdict::Refused(Refusal::new(Rule::Other, "bitcoind gives no reason")),
        })
    }

    pub(super) fn estimate(&mut self, target_blocks: u16) -> Result<Option<u32>, BackendError> {
        let target = target_blocks.clamp(1, MAX_TARGET);
        let estimate: Estimate = self.rpc.call("estimatesmartfee", &json!([target]))?;
        Ok(estimate.feerate.and_then(sat_per_kw_from_btc_per_kvb))
    }

    /// The least that its mempool takes just now.
    pub(super) fn mempool_minimum(&mut self) -> Result<Option<u32>, BackendError> {
        let info: MempoolInfo = self.rpc.call("getmempoolinfo", &json!([]))?;
        Ok(sat_per_kw_from_btc_per_kvb(info.mempool_minimum.max(info.relay_minimum)))
    }

    pub(super) fn look_for(
        &mut self,
        txids: &[Txid],
    ) -> Result<BTreeMap<Txid, Seen>, BackendError> {
        let questions: Vec<Value> = txids.iter().map(|txid| json!([txid])).collect();
        let entries = self.rpc.batch::<IgnoredAny>("getmempoolentry", &questions)?;
        let (mut seen, mut missing) = (BTreeMap::new(), Vec::new());
        for (txid, entry) in txids.iter().zip(entries) {
            match entry {
                Ok(IgnoredAny) => {
                    seen.insert(*txid, Seen::Mempool);
                }
                Err(RpcError::Said { code: NOT_FOUND, .. }) => missing.push(*txid),
                Err(error) => return Err(error.into()),
            }
        }
        // Without an index of transactions, one that is mined shows by its unspent outputs only.
        let outputs: Vec<OutPoint> = missing
            .into_iter()
            .flat_map(|txid| (0..PROBED_OUTPUTS).map(move |vout| OutPoint { txid, vout }))
            .collect();
        let found = self.outputs(&outputs, false)?;
        seen.extend(found.into_keys().map(|outpoint| (outpoint.txid, Seen::Chain)));
        Ok(seen)
    }

    pub(super) fn outputs(
        &mut self,
        outpoints: &[OutPoint],
        with_mempool: bool,
    ) -> Result<BTreeMap<OutPoint, UnspentOutput>, BackendError> {
        let question = |outpoint: &OutPoint| json!([outpoint.txid, outpoint.vout, with_mempool]);
        let questions: Vec<Value> = outpoints.iter().map(question).collect();
        let answers = self.rpc.batch::<Option<Output>>("gettxout", &questions)?;
        let mut found = BTreeMap::new();
        for (outpoint, answer) in outpoints.iter().zip(answers) {
            let Some(output) = answer? else { continue };
            let value = Amount::from_btc(output.value)
                .map_err(|error| self.rpc.nonsense("gettxout", error))?;
            let txout = TxOut { value, script_pubkey: output.script_pubkey.hex };
            let Output { confirmations, coinbase, .. } = output;
            found.insert(*outpoint, UnspentOutput { txout, confirmations, coinbase });
        }
        Ok(found)
    }

    fn send_one(&mut self, transaction: &Transaction) -> Result<(), BroadcastError> {
        let params = json!([serialize_hex(transaction), self.max_feerate()]);
        let sent = self.rpc.call::<IgnoredAny>("sendrawtransaction", &params);
        match sent {
            Ok(IgnoredAny) | Err(RpcError::Said { code: ALREADY_IN_CHAIN, .. }) => Ok(()),
            Err(RpcError::Said { message, .. }) if is_known(&message) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    fn send_pair(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<(), BroadcastError> {
        let package = [serialize_hex(parent), serialize_hex(child)];
        let params = json!([package, self.max_feerate()]);
        let answer: Package = match self.rpc.call("submitpackage", &params) {
            Ok(answer) => answer,
            Err(RpcError::Said { code: UNKNOWN_METHOD, .. }) => {
                self.packages = false;
                return self.send(&[parent.clone(), child.clone()]);
            }
            Err(error) => return Err(refused(error)),
        };
        let error = |transaction: &Transaction| {
            let result = answer.results.get(&transaction.compute_wtxid().to_string());
            let error = result.and_then(|result| result.error.clone());
            error.filter(|error| !is_known(error))
        };
        if answer.message == "success" {
            return Ok(());
        }
        match (error(parent), error(child)) {
            // The parent is there, or in the chain already, which ends the package for bitcoind.
            (None, _) => self.send_one(child),
            (Some(parent_error), child_error) => {
                // Nothing tells a parent in the chain with all outputs spent from a bad one.
                if rule(&parent_error) == Rule::InputsMissingOrSpent && self.send_one(child).is_ok()
                {
                    return Ok(());
                }
                Err(package_refused(&answer.message, &parent_error, child_error.as_deref()))
            }
        }
    }

    /// In bitcoin per 1000 virtual bytes, with the digits that bitcoind reads.
    fn max_feerate(&self) -> String {
        let amount = Amount::from_sat(self.config.max_sat_per_kvb);
        format!("{:.8}", amount.display_in(bitcoin::Denomination::Bitcoin))
    }
}

#[derive(Deserialize)]
struct Tested {
    txid: Txid,
    allowed: Option<bool>,
    #[serde(rename = "reject-reason")]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Estimate {
    feerate: Option<f64>,
}

#[derive(Deserialize)]
struct MempoolInfo {
    /// Rises while the mempool is full.
    #[serde(rename = "mempoolminfee")]
    mempool_minimum: f64,
    #[serde(rename = "minrelaytxfee", default)]
    relay_minimum: f64,
}

#[derive(Deserialize)]
struct Output {
    value: f64,
    confirmations: u32,
    #[serde(default)]
    coinbase: bool,
    #[serde(rename = "scriptPubKey")]
    script_pubkey: Script,
}

#[derive(Deserialize)]
struct Script {
    hex: ScriptBuf,
}

#[derive(Deserialize)]
struct Package {
    #[serde(rename = "package_msg")]
    message: String,
    #[serde(rename = "tx-results", default)]
    results: BTreeMap<String, PackageResult>,
}

#[derive(Deserialize)]
struct PackageResult {
    error: Option<String>,
}

/// Whether bitcoind refused the transaction, or only could not answer.
fn refused(error: RpcError) -> BroadcastError {
    if let RpcError::Said { code, message } = &error {
        match *code {
            UNDECODABLE => {
                let refusal = Refusal::new(Rule::Malformed, message.as_str());
                return BroadcastError::Refused(refusal);
            }
            VERIFY_ERROR | VERIFY_REJECTED | INVALID_PARAMETER => {
                return BroadcastError::Refused(refusal(message));
            }
            _ => {}
        }
    }
    BackendError::from(error).into()
}

/// The first of the three texts that names a rule gives the rule.
fn package_refused(message: &str, parent: &str, child: Option<&str>) -> BroadcastError {
    let texts = [Some(message), Some(parent), child];
    let rules = texts.into_iter().flatten().map(rule);
    let rule = rules.into_iter().find(|rule| *rule != Rule::Other).unwrap_or(Rule::Other);
    let child = child.map(|child| format!("; child: {child}")).unwrap_or_default();
    let text = format!("{message}; parent: {parent}{child}");
    BroadcastError::Refused(Refusal::new(rule, text))
}

/// Bitcoin Core estimates for a week at most.
const MAX_TARGET: u16 = 1008;

/// How many outputs of a transaction are looked at to find it in the chain.
const PROBED_OUTPUTS: u32 = 3;
