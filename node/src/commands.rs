//! Commands of clients. Their replies are effects: nobody learns of what is not durable.

use crate::channel::{ChannelEvent, ChannelState};
use crate::command::{CloseCommand, Command};
use crate::node::Node;
use crate::opens::funds_text;
use crate::reply::{CommandError, Reply};
use crate::turn::Turn;
use crate::{CommandId, Effect, Row, Table};
use bitcoin::{Amount, ScriptBuf};
use closing::{CloseRequest, Who, default_cap};
use funding::CancelCause;
use secp256k1::PublicKey;
use transactions::{FeeratePerKw, KeysId, is_standard_shutdown_script};
use wire::feature;

impl Node {
    pub(crate) fn on_command(&mut self, id: CommandId, command: Command, turn: &mut Turn<'_>) {
        let Some(command) = self.defer_command(id, command, turn) else { return };
        let reply = match self.execute(command, turn) {
            Ok(reply) => reply,
            Err(error) => Reply::Failed(error),
        };
        turn.step.effect(Effect::Reply { id, reply: Box::new(reply) });
    }

    fn execute(&mut self, command: Command, turn: &mut Turn<'_>) -> Result<Reply, CommandError> {
        match command {
            Command::Open(open) => self.open(*open, turn).map(Reply::Request),
            Command::Close(close) => self.close(close, turn),
            Command::CancelOpen { open, feerate, max_fee } => {
                self.cancel_open(&open, feerate, max_fee, turn)
            }
            Command::BumpOpen { open, feerate, max_fee } => {
                self.bump_open(&open, feerate, max_fee, turn)
            }
            Command::Connect { node_id, address, keep } => {
                self.connect(node_id, address, keep, turn)
            }
            Command::Disconnect { node_id } => self.disconnect(&node_id, turn),
            Command::NewAddress => Ok(Reply::Address(self.wallet.fresh_address())),
            Command::Send { script, amount, feerate } => self.send(script, amount, feerate, turn),
            Command::Balance => Ok(Reply::Balance(self.balance_view())),
            Command::Coins => Ok(Reply::Coins(self.coin_views())),
            Command::Channels => Ok(Reply::Channels(self.channel_views())),
            Command::Channel { keys_id } => {
                Ok(Reply::Channels(self.channel_view_of(&keys_id).into_iter().collect()))
            }
            Command::CancelRequest { request } => {
                self.cancel_request(&request, turn).map(Reply::Request)
            }
            Command::Requests => Ok(Reply::Requests(
                self.requests.values().map(|request| self.request_view(request)).collect(),
            )),
            Command::Peers => Ok(Reply::Peers(self.peer_views())),
            Command::Info => Ok(Reply::Info(self.info_view())),
            Command::Stop => {
                self.stop(turn);
                Ok(Reply::Done)
            }
        }
    }

    fn connect(
        &mut self,
        node_id: PublicKey,
        address: String,
        keep: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, CommandError> {
        if node_id == self.node_id() {
            let text = "that is this node itself: choose another peer".to_owned();
            return Err(CommandError { code: "own_node", text });
        }
        let peer = self.peers.entry(node_id).or_default();
        // Of a peer that is there, the address that led to it is the better one.
        if peer.conn.is_none() || peer.address.is_none() {
            peer.address = Some(address);
        }
        peer.keep |= keep;
        self.dial(node_id, turn);
        self.save_peer(&node_id, turn);
        Ok(Reply::Done)
    }

    fn disconnect(
        &mut self,
        node_id: &PublicKey,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, CommandError> {
        let peer = self.peers.get_mut(node_id);
        let conn = peer.and_then(|peer| {
            peer.keep = false;
            peer.conn
        });
        let Some(conn) = conn else {
            let text = format!("{node_id} is not connected");
            return Err(CommandError { code: "not_connected", text });
        };
        let reason = "the operator ended the connection".to_owned();
        turn.step.effect(Effect::Disconnect { conn, reason });
        Ok(Reply::Done)
    }

    fn send(
        &mut self,
        script: ScriptBuf,
        amount: Amount,
        feerate: Option<FeeratePerKw>,
        turn: &mut Turn<'_>,
    ) -> Result<Reply, CommandError> {
        let feerate = feerate.unwrap_or(self.fees.normal);
        self.check_payment(&script, amount, feerate)?;
        let max_fee = Amount::from_sat(amount.to_sat() / 2).max(Amount::from_sat(10_000));
        let funded = self
            .wallet
            .send(script, amount, feerate, max_fee, &self.leased)
            .map_err(|error| CommandError { code: "funds", text: funds_text(&error) })?;
        self.wallet.insert_own(&funded.transaction, turn.now.timestamp.0 / 1_000);
        let txid = funded.transaction.compute_txid();
        self.mempool.add(None, std::slice::from_ref(&funded.transaction));
        turn.step.effect(Effect::Broadcast(vec![funded.transaction]));
        Ok(Reply::Sent { txid, fee: funded.fee })
    }

    /// Whether the network would relay the payment, and the anchors' money stays.
    fn check_payment(
        &self,
        script: &bitcoin::Script,
        amount: Amount,
        feerate: FeeratePerKw,
    ) -> Result<(), CommandError> {
        let fail = |code, text: String| Err(CommandError { code, text });
        let dust = transactions::dust_limit(script);
        if amount < dust {
            return fail("dust", format!("{amount} is dust: send at least {dust}"));
        }
        let floor = self.fees.floor;
        if feerate < floor {
            let text = format!("{} sat/kw does not relay: {} is the least", feerate.0, floor.0);
            return fail("feerate", text);
        }
        let have = self.wallet.balance(&self.leased).confirmed;
        let reserve = self.anchor_reserve(false);
        if amount.checked_add(reserve).is_none_or(|needed| needed > have) {
            let text = format!(
                "the wallet has {have} free, of which {reserve} stays for the fees of anchors: \
                 send less"
            );
            return fail("funds", text);
        }
        Ok(())
    }

    fn close(&mut self, command: CloseCommand, turn: &mut Turn<'_>) -> Result<Reply, CommandError> {
        let fail = |code, text: &str| Err(CommandError { code, text: text.to_owned() });
        let Some(keys_id) = self.outpoints.get(&command.outpoint).copied() else {
            let text = format!("no channel has the funding output {}", command.outpoint);
            return Err(CommandError { code: "unknown_channel", text });
        };
        let Some(channel) = self.channels.get(&keys_id) else {
            return fail("unknown_channel", "no such channel");
        };
        match &channel.state {
            ChannelState::Funding(funding::State::Tombstone(_)) => {
                return fail(
                    "dead",
                    "that open died before it was funded: there is nothing to close",
                );
            }
            ChannelState::Closing(closing::State::Closed(_)) => {
                return fail("closed", "the channel is closed already");
            }
            ChannelState::Closing(closing::State::Closing(s))
                if !(command.force || channel.link.simple_close && s.can_be_raised()) =>
            {
                return fail(
                    "closing",
                    "the channel is closing already: only force can change how, or a peer that is connected \
                     and offers option_simple_close",
                );
            }
            ChannelState::Funding(state) if !command.force => {
                let is_open = matches!(state, funding::State::Normal(_));
                let is_updating = state.channel().is_some_and(|c| c.peer_update_pending);
                if is_updating {
                    let text = "the peer asked for another commitment, which this build cannot follow, \
                         so it will not agree to a close: use force";
                    return fail("peer_update_pending", text);
                }
                if !is_open {
                    let text = "the channel is not open yet: wait until it is, or use force";
                    return fail("not_open", text);
                }
            }
            ChannelState::Funding(_) | ChannelState::Closing(_) => {}
        }
        let request = self.close_request(&command, &channel.node_id)?;
        let event =
            if command.force { ChannelEvent::Force(request) } else { ChannelEvent::Close(request) };
        self.drive(keys_id, event, turn);
        let node_id = self.channels.get(&keys_id).map(|channel| channel.node_id);
        if let Some(node_id) = node_id {
            self.dial(node_id, turn);
        }
        Ok(Reply::Done)
    }

    fn close_request(
        &self,
        command: &CloseCommand,
        node_id: &PublicKey,
    ) -> Result<CloseRequest, CommandError> {
        let feerate = command.feerate.unwrap_or(self.fees.normal);
        let cap = command.cap.unwrap_or_else(|| default_cap(feerate));
        if cap < feerate {
            let text = format!(
                "the limit of {} sat/kw is below the feerate of {} sat/kw: raise it",
                cap.0, feerate.0
            );
            return Err(CommandError { code: "fee_limit", text });
        }
        // [BOLT 2 shutdown S10] later versions of segwit only if the peer takes them; a sweep is ours alone
        let any_segwit =
            command.force || self.is_common(node_id, feature::OPTION_SHUTDOWN_ANYSEGWIT);
        if let Some(script) = &command.script
            && !is_standard_shutdown_script(script, any_segwit, false)
        {
            let text = if is_standard_shutdown_script(script, true, false) {
                "this peer, as far as it is connected, pays only to segwit version 0: choose such an \
                 address"
            } else {
                "peers refuse to pay to that kind of address: choose a segwit one"
            };
            return Err(CommandError { code: "address", text: text.to_owned() });
        }
        let reason = if command.force {
            "the operator closed it by force"
        } else {
            "the operator closes it"
        };
        Ok(CloseRequest {
            who: Who::Local,
            reason: reason.to_owned(),
            script: command.script.clone(),
            feerate,
            cap,
        })
    }

    /// No more opens; those that the peer does not hold yet are ended, and it is told.
    fn stop(&mut self, turn: &mut Turn<'_>) {
        self.stopping = true;
        let early: Vec<KeysId> = self
            .channels
            .iter()
            .filter(|(_, channel)| match &channel.state {
                ChannelState::Funding(
                    funding::State::WaitForAcceptChannel(_)
                    | funding::State::WaitForTests(_)
                    | funding::State::WaitForDecision(_)
                    | funding::State::WaitForFundingCreated(_),
                ) => true,
                ChannelState::Funding(_) | ChannelState::Closing(_) => false,
            })
            .map(|(keys_id, _)| *keys_id)
            .collect();
        for keys_id in early {
            // Not the end of the request: the next process tries it again.
            self.park(keys_id, turn);
            self.drive(keys_id, ChannelEvent::Cancel(CancelCause::Stopping), turn);
        }
    }

    /// What was written to a table of which only the last rows count.
    pub(crate) fn fold_wallet(&mut self, rows: &[&Row], turn: &mut Turn<'_>) {
        if rows.len() < FOLD_ABOVE {
            return;
        }
        for (table, key, _) in rows {
            turn.step.write(*table, key.clone(), None);
        }
        let number = self.next_wallet_row;
        self.next_wallet_row = number.saturating_add(1);
        let row = self.wallet.folded();
        turn.step.write(Table::Wallet, number.to_be_bytes().to_vec(), Some(row));
    }
}

/// So many rows of wallet changes are made one at start.
const FOLD_ABOVE: usize = 64;
