//! Each broadcast: no funding transaction without a way out, and no commitment that may be revoked.

use crate::simulation::world::{Violation, World};
use bitcoin::{OutPoint, Transaction};
use wire::ChannelId;

impl World {
    /// Transactions leave.
    pub fn check_broadcast(
        &mut self,
        index: usize,
        transactions: &[Transaction],
    ) -> Result<(), Violation> {
        let life = self.hosts[index].life;
        for transaction in transactions {
            let txid = transaction.compute_txid();
            self.checkers.first_broadcast.entry((index, txid)).or_insert(life);
            if let Some(id) = self.checkers.created.get(&(index, txid)).copied() {
                self.check_way_out(index, id)?;
            }
            for input in &transaction.input {
                self.check_not_ahead(index, input.previous_output, transaction)?;
            }
        }
        Ok(())
    }

    /// Our commitment, with the peer's good signature, is durable.
    fn check_way_out(&self, index: usize, id: ChannelId) -> Result<(), Violation> {
        let has_way_out = self.checkers.durable[index]
            .values()
            .filter_map(|durable| durable.channel.as_ref())
            .filter(|channel| ChannelId::from_funding(channel.outpoint) == id)
            .any(|channel| {
                let (Some(signature), Some(commitment)) =
                    (&channel.remote_signature, channel.local_commitment())
                else {
                    return false;
                };
                let key = channel.agreed.keys(channel.role.other()).funding_pubkey;
                commitment.verify(&channel.funding_output(), &key, signature)
            });
        if has_way_out {
            return Ok(());
        }
        Err(format!("n{index} broadcasts a funding transaction without a durable way out"))
    }

    /// Who was proven to be behind never broadcasts its commitment.
    fn check_not_ahead(
        &self,
        index: usize,
        spent: OutPoint,
        transaction: &Transaction,
    ) -> Result<(), Violation> {
        let id = ChannelId::from_funding(spent);
        if !self.checkers.proven_ahead.contains(&(index, id)) {
            return Ok(());
        }
        let is_ours = self.checkers.durable[index]
            .values()
            .filter_map(|durable| durable.channel.as_ref())
            .filter(|channel| channel.outpoint == spent)
            .filter_map(funding::FundedChannel::local_commitment)
            .any(|ours| ours.transaction.compute_txid() == transaction.compute_txid());
        if is_ours {
            return Err(format!("n{index} broadcasts a commitment that may be revoked"));
        }
        Ok(())
    }
}
