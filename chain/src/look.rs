//! A look into the mempool: what is there of the transactions and outputs that somebody waits for.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, TxOut, Txid};

use crate::{Backend, BackendError, Seen};

/// What was found. What is in a block already is in neither list: the blocks tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Transactions, each with whether the mempool has it.
    pub transactions: BTreeMap<Txid, bool>,
    /// Outputs, each as it is in the mempool, if it is.
    pub outputs: BTreeMap<OutPoint, Option<TxOut>>,
}

/// Looks for all of them, in as few calls as the backend knows.
///
/// # Errors
/// [`BackendError`].
pub fn look_for(
    backend: &mut dyn Backend,
    transactions: &[Txid],
    outputs: &[OutPoint],
) -> Result<Look, BackendError> {
    let mut look = Look::default();
    if !transactions.is_empty() {
        let seen = backend.seen(transactions)?;
        look.transactions = transactions
            .iter()
            .filter(|txid| seen.get(*txid) != Some(&Seen::Chain))
            .map(|txid| (*txid, seen.contains_key(txid)))
            .collect();
    }
    if !outputs.is_empty() {
        let mut found = backend.unspent(outputs)?;
        look.outputs = outputs
            .iter()
            .map(|outpoint| (*outpoint, found.remove(outpoint)))
            .filter(|(_, output)| output.as_ref().is_none_or(|output| output.confirmations == 0))
            .map(|(outpoint, output)| (outpoint, output.map(|output| output.txout)))
            .collect();
    }
    Ok(look)
}
