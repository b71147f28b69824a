//! Opens that the operator wants back, or wants faster. What is safe depends on how far an open has got.

use crate::channel::{Channel, ChannelEvent, ChannelState};
use crate::command::OpenName;
use crate::node::Node;
use crate::opens::funds_text;
use crate::reply::{CommandError, Reply};
use crate::request::RequestStatus;
use crate::turn::Turn;
use bitcoin::{Amount, OutPoint, Transaction};
use funding::{CancelCause, FundedChannel, Origin, RequestId};
use transactions::{FeeratePerKw, Funded, FundsError, KeysId};

/// What an open is at present.
enum Found {
    /// A request that waits.
    Waiting(RequestId),
    /// An attempt, a channel or a tombstone.
    Channel(KeysId),
}

impl Node {
    /// Before `funding_created` the open ends, and the peer is told. After it, its coins are spent by a
    /// transaction to the wallet: with that in a block it can never be funded, and then the peer is told.
    pub(crate) fn cancel_open(
        &mut self,
        name: &OpenName,
        feerate: Option<FeeratePerKw>,
        max_fee: Option<Amount>,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, CommandError> {
        let keys_id = match self.find_open(name)? {
            Found::Channel(keys_id) => keys_id,
            Found::Waiting(id) => {
                self.end_request(&id, Origin::Local, "the open was cancelled".to_owned(), turn);
                return Ok(Reply::Done);
            }
        };
        let Some(channel) = self.channels.get(&keys_id) else { return Err(unknown(name)) };
        let Some(funded) = channel.state.channel() else {
            self.drive(keys_id, ChannelEvent::Cancel(CancelCause::Operator), turn);
            return Ok(Reply::Done);
        };
        check_state(channel)?;
        let transaction = funded.check_cancel().map_err(too_late)?.clone();
        if matches!(&channel.state, ChannelState::Funding(funding::State::Tombstone(_))) {
            self.check_coins_of_the_dead(funded)?;
        }
        let also = commitment_fee(channel);
        let replaced: Vec<Transaction> = funded.in_the_way().into_iter().cloned().collect();
        let replaced: Vec<&Transaction> = replaced.iter().collect();
        let max_fee = max_fee.unwrap_or_else(|| default_max_fee(funded));
        let feerate = feerate.unwrap_or(self.fees.fast);
        let built = self.wallet.cancel(&transaction, &replaced, also, feerate, max_fee);
        let Funded { transaction, fee, .. } = built.map_err(|error| funds(&error))?;
        let txid = transaction.compute_txid();
        self.drive(keys_id, ChannelEvent::Reclaim(transaction), turn);
        Ok(Reply::Sent { txid, fee })
    }

    /// A child of the funding transaction's change pays for both. The funding transaction stays as it is: the
    /// peer has signed for it.
    pub(crate) fn bump_open(
        &mut self,
        name: &OpenName,
        feerate: Option<FeeratePerKw>,
        max_fee: Option<Amount>,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, CommandError> {
        let early = "it has no funding transaction yet: wait for it, or cancel it";
        let Found::Channel(keys_id) = self.find_open(name)? else { return Err(too_late(early)) };
        let Some(channel) = self.channels.get(&keys_id) else { return Err(unknown(name)) };
        let Some(funded) = channel.state.channel() else { return Err(too_late(early)) };
        check_state(channel)?;
        if !matches!(&channel.state, ChannelState::Funding(funding::State::WaitForChannelReady(_)))
        {
            return Err(too_late("only an open that waits for its confirmation can be bumped"));
        }
        let parent = funded.check_bump().map_err(too_late)?.clone();
        let before = funded.child.clone();
        let max_fee = max_fee.unwrap_or_else(|| default_max_fee(funded));
        let feerate = feerate.unwrap_or(self.fees.fast);
        let built =
            self.wallet.bump_change(&parent, before.as_ref(), feerate, max_fee, &self.leased);
        if let Err(FundsError::CoinNotAvailable(_)) = built {
            let text =
                "the funding transaction has no change that could pay for it: wait, or cancel";
            return Err(CommandError { code: "no_change", text: text.to_owned() });
        }
        let Funded { transaction, fee, .. } = built.map_err(|error| funds(&error))?;
        let txid = transaction.compute_txid();
        self.drive(keys_id, ChannelEvent::Bump(transaction), turn);
        Ok(Reply::Sent { txid, fee })
    }

    fn find_open(&self, name: &OpenName) -> Result<Found, CommandError> {
        let channel = match name {
            OpenName::KeysId(keys_id) => Some(*keys_id).filter(|id| self.channels.contains_key(id)),
            OpenName::Outpoint(outpoint) => self.outpoints.get(outpoint).copied(),
            OpenName::Request(id) => {
                let request = self.requests.get(id).ok_or_else(|| unknown(name))?;
                match &request.status {
                    RequestStatus::WaitForPeer
                    | RequestStatus::WaitForChain { .. }
                    | RequestStatus::WaitForCoin { .. }
                    | RequestStatus::WaitForRetry { .. } => return Ok(Found::Waiting(id.clone())),
                    RequestStatus::Trying { keys_id } | RequestStatus::Funded { keys_id, .. } => {
                        Some(*keys_id).filter(|id| self.channels.contains_key(id))
                    }
                    RequestStatus::Failed { .. } => self.tombstone_of(id),
                }
            }
        };
        channel.map(Found::Channel).ok_or_else(|| unknown(name))
    }

    fn tombstone_of(&self, id: &RequestId) -> Option<KeysId> {
        let mut all = self.channels.iter();
        all.find(|(_, channel)| channel.request.as_ref() == Some(id)).map(|(keys_id, _)| *keys_id)
    }

    /// The coins of a dead open are free, and another open may have taken one: then that one kills it.
    fn check_coins_of_the_dead(&self, funded: &FundedChannel) -> Result<(), CommandError> {
        let is_ours_again = |coin: &OutPoint| {
            !self.leased.contains(coin)
                && (funded.cancel.is_some() || self.wallet.coins().any(|c| c.outpoint == *coin))
        };
        if funded.coins().iter().all(is_ours_again) {
            return Ok(());
        }
        let text = "a coin of that dead open is spent or leased by another one, which kills it as well: \
                    there is nothing to do";
        Err(CommandError { code: "coin_busy", text: text.to_owned() })
    }
}

/// An open channel is closed, not cancelled.
fn check_state(channel: &Channel) -> Result<(), CommandError> {
    match &channel.state {
        ChannelState::Funding(funding::State::Normal(_)) => {
            Err(too_late("the channel is open: close it instead"))
        }
        ChannelState::Closing(closing::State::ShuttingDown(_) | closing::State::Closed(_)) => {
            Err(too_late("the channel is closing, or closed"))
        }
        ChannelState::Funding(_) | ChannelState::Closing(closing::State::Closing(_)) => Ok(()),
    }
}

/// What our commitment pays, if it was broadcast behind the funding transaction.
fn commitment_fee(channel: &Channel) -> Amount {
    let ChannelState::Closing(closing::State::Closing(closing)) = &channel.state else {
        return Amount::ZERO;
    };
    let closing::Plan::Force { commitment, .. } = &closing.plan else { return Amount::ZERO };
    let out = commitment.output.iter().map(|output| output.value).sum();
    closing.channel.agreed.capacity().checked_sub(out).unwrap_or(Amount::ZERO)
}

/// A tenth of the channel, but at least 10,000 sat.
fn default_max_fee(funded: &FundedChannel) -> Amount {
    Amount::from_sat(funded.agreed.capacity().to_sat() / 10).max(Amount::from_sat(10_000))
}

fn too_late(text: &str) -> CommandError {
    CommandError { code: "wrong_state", text: text.to_owned() }
}

fn funds(error: &FundsError) -> CommandError {
    CommandError { code: "funds", text: funds_text(error) }
}

fn unknown(name: &OpenName) -> CommandError {
    CommandError { code: "unknown_open", text: format!("there is no open {name}") }
}
