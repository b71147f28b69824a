//! What a peer says, and which channel it concerns.

use crate::channel::{Channel, ChannelEffect, ChannelEvent, ChannelState};
use crate::entropy::random;
use crate::node::Node;
use crate::reply::Notice;
use crate::turn::Turn;
use crate::{ConnId, Effect};
use bitcoin::Txid;
use funding::{FundingError, Verdict, WaitForDecision, error_message, peer_text, warning_message};
use secp256k1::PublicKey;
use transactions::{CommitmentNumber, KeysId, Signer};
use wire::{ChannelId, ChannelReestablish, Message, OpenChannel};

impl Node {
    pub(crate) fn on_message(&mut self, conn: ConnId, message: Message, turn: &mut Turn<'_>) {
        let Some(node_id) = self.conns.get(&conn).copied() else { return };
        if let Message::OpenChannel(open) = message {
            self.on_open_channel(conn, node_id, *open, turn);
            return;
        }
        let Some(channel_id) = message.channel_id() else { return };
        if channel_id == ChannelId::ALL {
            self.on_all_zero(conn, node_id, &message, turn);
            return;
        }
        // [BOLT 2 accept_channel G1] an answer under another id finds no open
        let Some(keys_id) = self.routes.get(&(node_id, channel_id)).copied() else {
            if self.defer_message(conn, &node_id, &message, turn) {
                return;
            }
            self.on_unknown_channel((conn, node_id), channel_id, &message, turn);
            return;
        };
        if let Message::ChannelReestablish(theirs) = &message
            && let Some(channel) = self.channels.get_mut(&keys_id)
        {
            channel.link.theirs = Some(theirs.clone());
        }
        self.drive(keys_id, ChannelEvent::Message(message), turn);
    }

    /// A peer wants to open a channel to us.
    fn on_open_channel(
        &mut self,
        conn: ConnId,
        node_id: PublicKey,
        open: OpenChannel,
        turn: &mut Turn<'_>,
    ) {
        let temporary_channel_id = open.temporary_channel_id;
        let funding = open.funding_satoshis;
        if temporary_channel_id == ChannelId::ALL
            || self.routes.contains_key(&(node_id, temporary_channel_id))
        {
            // An `error` under that id would fail other channels at the peer.
            let text = "temporary_channel_id is in use, or all zeros";
            let message = Box::new(warning_message(temporary_channel_id, text));
            turn.step.effect(Effect::Send { conn, message });
            return;
        }
        let keys_id = KeysId(random(turn.entropy));
        let mut link = self.fresh_link(&node_id);
        let begun = match self.check_capacity(&node_id) {
            Ok(()) => self.with_context(&mut link, turn, |cx| {
                WaitForDecision::begin(open, node_id, keys_id, cx)
            }),
            Err(refusal) => Err(FundingError::Rejected(refusal)),
        };
        match begun {
            Err(error) => {
                self.log_refusal(&node_id, &error);
                let message = Box::new(error.reply(temporary_channel_id));
                turn.step.effect(Effect::Send { conn, message });
            }
            Ok((state, effects)) => {
                self.make_room(turn);
                let effects: Vec<ChannelEffect> = effects.into_iter().map(Into::into).collect();
                let state = ChannelState::Funding(state.into());
                let channel = Channel::new(node_id, state, link);
                self.insert(keys_id, channel, &effects, "the peer sent open_channel", turn);
                turn.step.effect(Effect::Decide { keys_id, node_id, funding });
            }
        }
    }

    /// A line for the operator, unless the peer has been worth many: it must not fill a disk with them.
    fn log_refusal(&mut self, node_id: &PublicKey, error: &FundingError) {
        if self.counts_refusal(*node_id) {
            tracing::info!(%node_id, %error, "an open of a peer's was refused");
        } else {
            tracing::debug!(%node_id, %error, "an open of a peer's was refused");
        }
    }

    /// One more of what is said to a peer and not done; whether that is still worth a line.
    fn counts_refusal(&mut self, node_id: PublicKey) -> bool {
        self.peers.get_mut(&node_id).is_some_and(|peer| {
            peer.refused = peer.refused.saturating_add(1);
            peer.refused <= REFUSALS_LOGGED
        })
    }

    // [BOLT 1 error R1] all channels, but not for the first word: a listed exception
    /// An `error` about everything: opens end, funded channels stay, the operator is told. Said again after
    /// the channels were reestablished, it fails them all.
    fn on_all_zero(
        &mut self,
        conn: ConnId,
        node_id: PublicKey,
        message: &Message,
        turn: &mut Turn<'_>,
    ) {
        let Message::Error(error) = message else { return };
        let text = format!("the peer failed every channel: {:?}", peer_text(&error.data));
        tracing::warn!(%node_id, text, "all-zero error");
        turn.notify(Notice::Note { node_id, keys_id: None, text: text.clone() });
        let reestablished: Vec<KeysId> = self
            .keys_of(&node_id)
            .into_iter()
            .filter(|keys_id| {
                self.channels.get(keys_id).is_some_and(|channel| channel.link.theirs.is_some())
            })
            .collect();
        let had_failed_before = self.peers.get(&node_id).is_some_and(|peer| peer.failed_all_before);
        if had_failed_before {
            for keys_id in reestablished {
                self.drive(keys_id, ChannelEvent::Message(message.clone()), turn);
            }
        }
        if let Some(peer) = self.peers.get_mut(&node_id) {
            peer.failed_all_before = true;
        }
        for keys_id in self.keys_of(&node_id) {
            let is_transient = self.channels.get(&keys_id).is_some_and(|channel| {
                matches!(channel.state, ChannelState::Funding(_))
                    && channel.state.channel().is_none()
            });
            if is_transient {
                self.drive(keys_id, ChannelEvent::Message(message.clone()), turn);
            }
        }
        turn.step.effect(Effect::Disconnect { conn, reason: text });
    }

    // [BOLT 1 error S6] an error with the id that it named
    /// A message about a channel that we do not have.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else deserves an answer")]
    fn on_unknown_channel(
        &mut self,
        (conn, node_id): (ConnId, PublicKey),
        channel_id: ChannelId,
        message: &Message,
        turn: &mut Turn<'_>,
    ) {
        if matches!(message, Message::ChannelReestablish(_)) {
            self.note_unknown(node_id, channel_id, turn);
        }
        let mut send = |message: Message| {
            turn.step.effect(Effect::Send { conn, message: Box::new(message) });
        };
        match message {
            // The peer believes in a channel: move it to close, whatever it is.
            Message::ChannelReestablish(_) => {
                let point = self.wallet.per_commitment_point(&KeysId([0; 16]), CommitmentNumber(0));
                send(Message::ChannelReestablish(ChannelReestablish {
                    channel_id,
                    next_commitment_number: 0,
                    next_revocation_number: 0,
                    your_last_per_commitment_secret: [0; 32],
                    my_current_per_commitment_point: point,
                }));
                send(error_message(channel_id, "unknown channel"));
            }
            Message::FundingCreated(_) | Message::FundingSigned(_) | Message::Shutdown(_) => {
                send(error_message(channel_id, "unknown channel"));
            }
            Message::ChannelReady(_) | Message::ClosingSigned(_) | Message::ClosingComplete(_) => {
                send(warning_message(channel_id, "unknown channel"));
            }
            // [BOLT 1 error R5] nothing to fail
            Message::Error(error) => {
                tracing::info!(%channel_id, text = peer_text(&error.data), "error for no channel");
            }
            _ => {}
        }
    }

    /// Perhaps an older copy of the database was restored, and there is money in that channel.
    fn note_unknown(&mut self, node_id: PublicKey, channel_id: ChannelId, turn: &mut Turn<'_>) {
        if !self.counts_refusal(node_id) {
            return;
        }
        let text = format!(
            "the peer speaks of the channel {channel_id}, which is not in this database. Was an older copy \
             restored? Then the peer closes by force now, and a start with --recover-from finds the money: see Restore in \
             docs/operating.md"
        );
        tracing::warn!(%node_id, text, "unknown channel");
        turn.notify(Notice::Note { node_id, keys_id: None, text });
    }

    /// The mempool's verdict goes to the open whose transaction it is.
    pub(crate) fn on_tested(&mut self, txid: Txid, verdict: &Verdict, turn: &mut Turn<'_>) {
        let waiting: Vec<KeysId> = self
            .channels
            .iter()
            .filter(|(_, channel)| match &channel.state {
                ChannelState::Funding(funding::State::WaitForTests(s)) => s.outpoint.txid == txid,
                ChannelState::Funding(_) | ChannelState::Closing(_) => false,
            })
            .map(|(keys_id, _)| *keys_id)
            .collect();
        for keys_id in waiting {
            self.drive(keys_id, ChannelEvent::Tested(verdict.clone()), turn);
        }
    }
}

/// Of one peer, on one connection.
const REFUSALS_LOGGED: u32 = 16;
