//! What an operator does about a funding transaction that does not confirm: takes its coins back with another
//! transaction, or has a child of its change pay for it. It is never replaced by another funding transaction:
//! the signatures are for this one.

use crate::{Effect, FundedChannel, FundingPosition, Role};
use bitcoin::{Transaction, Txid};

/// The transaction that takes the coins back. While it is set nothing else is broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Complete: it spends every coin of the funding transaction and pays the wallet.
    pub transaction: Transaction,
    /// Why the backend would not take it, when we last tried.
    pub refused: Option<String>,
}

impl Cancel {
    /// Its txid.
    pub fn txid(&self) -> Txid {
        self.transaction.compute_txid()
    }
}

impl FundedChannel {
    /// The funding transaction, if its coins can still be taken back; else why not, and what to do.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check_cancel(&self) -> Result<&Transaction, &'static str> {
        let transaction = self.check_unconfirmed()?;
        if self.channel_ready_sent {
            return Err("channel_ready was sent: close the channel instead");
        }
        Ok(transaction)
    }

    /// The funding transaction, if a child can still pay for it; else why not, and what to do.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check_bump(&self) -> Result<&Transaction, &'static str> {
        let transaction = self.check_unconfirmed()?;
        if self.cancel.is_some() {
            return Err("the open is being cancelled: cancel again with a higher feerate instead");
        }
        Ok(transaction)
    }

    fn check_unconfirmed(&self) -> Result<&Transaction, &'static str> {
        let transaction = self.funding_transaction.as_ref().filter(|_| self.role == Role::Opener);
        let Some(transaction) = transaction else {
            return Err("the funding transaction is the peer's: only the peer can do that");
        };
        match self.position {
            FundingPosition::Unbroadcast { .. } | FundingPosition::Mempool { .. } => {
                Ok(transaction)
            }
            FundingPosition::Confirmed { .. } => {
                Err("the funding transaction is confirmed: close the channel instead")
            }
            FundingPosition::Conflicted { .. } => {
                Err("another transaction has spent a coin of it already: the open ends by itself")
            }
        }
    }

    /// All transactions of ours that a mempool may hold in place of one that takes the coins back.
    pub fn in_the_way(&self) -> Vec<&Transaction> {
        match &self.cancel {
            Some(cancel) => vec![&cancel.transaction],
            None => self.funding_transaction.iter().chain(&self.child).collect(),
        }
    }

    /// From now on the coins are to come back. The child of the change ends with its parent.
    pub fn reclaim(&mut self, transaction: Transaction) -> Vec<Effect> {
        let child = self.child.take().map(|child| Effect::Disown(child.compute_txid()));
        self.cancel = Some(Cancel { transaction: transaction.clone(), refused: None });
        let own = [Effect::Own(transaction.clone()), Effect::Broadcast(vec![transaction])];
        child.into_iter().chain(own).collect()
    }

    /// From now on this child of the change pays for the funding transaction.
    pub fn bump(&mut self, child: Transaction) -> Vec<Effect> {
        self.child = Some(child.clone());
        let package = self.funding_transaction.iter().cloned().chain([child.clone()]).collect();
        vec![Effect::Own(child), Effect::Broadcast(package)]
    }

    /// What is to be in the network until the funding transaction is in a block.
    pub fn broadcasts(&self) -> Vec<Transaction> {
        match (&self.position, &self.cancel) {
            (FundingPosition::Confirmed { .. } | FundingPosition::Conflicted { .. }, _) => {
                Vec::new()
            }
            (_, Some(cancel)) => vec![cancel.transaction.clone()],
            (_, None) => self.funding_transaction.iter().chain(&self.child).cloned().collect(),
        }
    }

    /// What the backend said to the transaction that takes the coins back. Returns what changed.
    pub(crate) fn on_cancel_broadcasted(&mut self, result: &Result<(), String>) -> Option<String> {
        let cancel = self.cancel.as_mut()?;
        let refused = result.clone().err();
        let is_in = refused.is_none() && matches!(self.position, FundingPosition::Mempool { .. });
        if cancel.refused == refused && !is_in {
            return None;
        }
        let txid = cancel.txid();
        let text = match &refused {
            Some(reason) => format!("{txid}, which takes the coins back, was refused: {reason}"),
            None => format!("{txid}, which takes the coins back, is in the mempool"),
        };
        cancel.refused = refused;
        if is_in {
            // Where it is, the funding transaction is not.
            self.position = FundingPosition::NEW;
        }
        Some(text)
    }

    /// The depth is reached: neither of the two is needed any more.
    pub(crate) fn forget_rescue(&mut self) {
        self.cancel = None;
        self.child = None;
    }

    /// What is said of a funding transaction that the operator has done something about, or has to.
    pub fn note(&self) -> String {
        match self.position {
            FundingPosition::Confirmed { .. } | FundingPosition::Conflicted { .. } => {
                return String::new();
            }
            FundingPosition::Unbroadcast { .. } | FundingPosition::Mempool { .. } => {}
        }
        if let Some(cancel) = &self.cancel {
            let txid = cancel.txid();
            return match &cancel.refused {
                Some(reason) => format!("being cancelled by {txid}, which was refused: {reason}"),
                None => format!("being cancelled by {txid}, which takes the coins back"),
            };
        }
        match (&self.position, &self.child) {
            (FundingPosition::Unbroadcast { refused: Some(reason) }, _) => {
                format!("the funding transaction was refused: {reason}")
            }
            (_, Some(child)) => format!("paid for by its child {}", child.compute_txid()),
            (_, None) => String::new(),
        }
    }
}
