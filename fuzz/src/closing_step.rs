//! Whatever a channel hears while it ends: an open channel, two operators with any idea of a fee, a wire that
//! loses, repeats and changes what they say, a chain that spends and rewinds, and crashes.

use std::collections::VecDeque;
use std::sync::OnceLock;

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use closing::{CloseRequest, Closing, Effect, Event, Plan, ShuttingDown, State, Transition, Who};
use funding::{CloseCause, FundedChannel, Link, LinkKind, Role};
use transactions::{ClosingKind, FeeratePerKw, Height, Signer as _};
use wire::{ChannelType, ClosingSigned, Message};

use crate::choices::Choices;
use crate::closing_checks::{Allowed, check_transition, spends};
use crate::pair::Pair;
use crate::side::{Side, wish};

/// Panics when a step breaks a promise.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut play = Play::begin(choices.byte());
    for _ in 0..200 {
        let Some(kind) = choices.next() else { return };
        play.act(kind, &mut choices);
    }
}

/// Both ends, the opener first; what is on its way to each; what might be in a block.
struct Play {
    ends: [End; 2],
    inboxes: [VecDeque<Message>; 2],
    transactions: Vec<Transaction>,
    simple_close: bool,
}

/// One node's view of the channel.
struct End {
    side: Side,
    /// Before it begins to end.
    open: Option<FundedChannel>,
    state: Option<State>,
    allowed: Allowed,
}

impl Play {
    fn begin(kind: u8) -> Self {
        let channels = &channels()[usize::from(kind) % 4];
        let simple_close = kind & 4 == 4;
        let ends = [0, 1].map(|at| {
            let mut side = Side::new(at + 1);
            side.tip = Height(103);
            let link = Link::new(LinkKind::Fresh, simple_close, true);
            side.link = link;
            let open = Some(channels[usize::from(at)].clone());
            End { side, open, state: None, allowed: Allowed { cap: FeeratePerKw(0), script: None } }
        });
        let remote = ends.iter().zip(channels.iter().rev()).filter_map(|(end, channel)| {
            channel.signed_local_commitment(&Side::new(3 - end.seed()).wallet)
        });
        let transactions = remote.collect();
        Self { ends, inboxes: [VecDeque::new(), VecDeque::new()], transactions, simple_close }
    }

    /// The highest bit says which end, the others what happens to it.
    fn act(&mut self, kind: u8, choices: &mut Choices<'_>) {
        let at = usize::from(kind >> 7);
        let event = match kind & 0x7f {
            0..=24 => return self.deliver(at, false, choices),
            25..=39 => return self.deliver(at, true, choices),
            40..=46 => Event::Requested(any_request(choices)),
            47..=49 => Event::Forced(any_request(choices)),
            50 => {
                self.inboxes[at].pop_front();
                return;
            }
            51..=55 => match self.signed_offer(at, choices) {
                Some(offer) => Event::Message(offer),
                None => return,
            },
            56 => Event::Message(match choices.message() {
                Some(message) => message,
                None => return,
            }),
            57..=62 => match self.spend(at, choices) {
                Some(transaction) => Event::Spent { transaction, height: self.height(at, choices) },
                None => return,
            },
            63..=66 => match self.claim(at, choices) {
                Some((outpoint, txid)) => {
                    Event::ClaimSpent { outpoint, txid, height: self.height(at, choices) }
                }
                None => return,
            },
            67..=69 => Event::Rewound { fork: self.height(at, choices) },
            70..=79 => {
                let tip = &mut self.ends[at].side.tip;
                tip.0 = tip.0.saturating_add([1, 2, 6, 16, 144, 2_116][usize::from(kind) % 6]);
                Event::Block
            }
            80..=82 => Event::Deadline,
            83..=87 => Event::Funding(self.funding_event(at, choices)),
            88..=92 => return self.reconnect(choices),
            93 | 94 => return self.lose(),
            95..=97 => return self.restart(at),
            98 => return self.by_cause(at, choices),
            99 => {
                let rate = FeeratePerKw(u32::from(choices.short()).max(253));
                self.ends[at].side.fees.normal = rate;
                self.ends[at].side.fees.fast = rate;
                return;
            }
            100 => {
                self.ends[at].side.wallet.has_coins ^= true;
                return;
            }
            _ => return,
        };
        self.step(at, event);
    }

    fn deliver(&mut self, at: usize, changed: bool, choices: &mut Choices<'_>) {
        let Some(mut message) = self.inboxes[at].pop_front() else { return };
        if changed {
            self.inboxes[at].push_front(message.clone());
            let Some(other) = choices.change(&message) else { return };
            message = other;
        }
        if let Message::ChannelReestablish(theirs) = &message {
            self.ends[at].side.link.theirs = Some(theirs.clone());
        }
        self.step(at, Event::Message(message));
    }

    /// A `closing_signed` with a good signature of the peer's, for whatever fee.
    fn signed_offer(&self, at: usize, choices: &mut Choices<'_>) -> Option<Message> {
        let fee = Amount::from_sat(u64::from(choices.short()) * 4);
        let end = &self.ends[at];
        let State::ShuttingDown(state) = end.state.as_ref()? else { return None };
        let channel = &state.channel;
        let remote_script = state.remote_script.clone()?;
        let [ours, theirs] = [channel.role, channel.role.other()].map(|role| {
            let payer = if role == Role::Opener { fee } else { Amount::ZERO };
            channel.agreed.balance(role).floor().checked_sub(payer).unwrap_or(Amount::ZERO)
        });
        let leave_out = choices.byte() % 8;
        let outputs = [
            Some((state.local_script.clone(), ours)).filter(|_| leave_out != 0),
            Some((remote_script, theirs)).filter(|_| leave_out != 1),
        ];
        let funding = channel.funding_output();
        let transaction = transactions::closing_transaction(&funding, ClosingKind::Legacy, outputs);
        let other = &self.ends[1 - at].side.wallet;
        Some(Message::ClosingSigned(ClosingSigned {
            channel_id: channel.channel_id(),
            fee_satoshis: fee,
            signature: other.sign_funding_spend(&channel.keys_id, &funding, &transaction),
            fee_range: None,
        }))
    }

    /// Something that was broadcast, or could have been; or nothing that anybody knows.
    fn spend(&self, at: usize, choices: &mut Choices<'_>) -> Option<Transaction> {
        let outpoint = self.ends[at].channel()?.outpoint;
        let kind = usize::from(choices.byte());
        let known: Vec<&Transaction> = (self.transactions.iter())
            .filter(|transaction| spends(transaction, outpoint))
            .collect();
        let mut transaction = (*known.get(kind % (known.len() + 1))?).clone();
        if kind >= 0xe0 {
            // A later commitment, as far as anybody can tell.
            transaction.lock_time =
                bitcoin::absolute::LockTime::from_consensus(choices.byte().into());
        }
        Some(transaction)
    }

    /// A watched output, spent by one of the transactions or by a stranger's.
    fn claim(&self, at: usize, choices: &mut Choices<'_>) -> Option<(OutPoint, Txid)> {
        let end = &self.ends[at];
        let watched = end.state.as_ref()?.watches(&end.side.wallet).outpoints;
        let outpoint = *watched.get(usize::from(choices.byte()) % watched.len().max(1))?;
        let by = self.transactions.iter().find(|transaction| spends(transaction, outpoint));
        let stranger = Txid::from_byte_array([choices.byte(); 32]);
        let by = by.filter(|_| !choices.byte().is_multiple_of(4)).map(Transaction::compute_txid);
        Some((outpoint, by.unwrap_or(stranger)))
    }

    fn funding_event(&self, at: usize, choices: &mut Choices<'_>) -> funding::Event {
        let height = self.height(at, choices);
        let output = self.ends[at].channel().map(|channel| channel.funding_output().txout());
        match choices.byte() % 8 {
            0 => funding::Event::Seen(choices.flag()),
            1 => funding::Event::Broadcasted(Err("no".to_owned())),
            2 => funding::Event::Broadcasted(Ok(())),
            3 => funding::Event::Conflicted {
                by: Txid::from_byte_array([choices.byte(); 32]),
                height,
            },
            4 => funding::Event::Rewound { fork: height },
            5 => {
                let output: Option<TxOut> = None;
                funding::Event::Confirmed {
                    block: BlockHash::all_zeros(),
                    height,
                    tx_index: 1,
                    output,
                }
            }
            _ => funding::Event::Confirmed {
                block: BlockHash::all_zeros(),
                height,
                tx_index: 5,
                output,
            },
        }
    }

    /// About the tip, or anywhere.
    fn height(&self, at: usize, choices: &mut Choices<'_>) -> Height {
        let tip = self.ends[at].side.tip.0;
        Height(match choices.byte() {
            near @ ..=0xf7 => tip.saturating_sub(u32::from(near) / 4),
            0xf8..=0xfb => tip.saturating_add(u32::from(choices.byte())),
            _ => u32::try_from(choices.long() >> 32).unwrap_or(0),
        })
    }

    fn lose(&mut self) {
        for at in 0..2 {
            self.inboxes[at].clear();
            self.ends[at].side.link = Link::default();
            self.step(at, Event::Disconnected);
        }
    }

    fn reconnect(&mut self, choices: &mut Choices<'_>) {
        self.lose();
        self.simple_close ^= choices.byte().is_multiple_of(8);
        for at in 0..2 {
            self.ends[at].side.link = Link::new(LinkKind::Up, self.simple_close, true);
            if self.ends[at].state.is_some() {
                self.step(at, Event::Connected);
            } else if let Some(channel) = &self.ends[at].open {
                let theirs = channel.reestablish(&self.ends[at].side.wallet);
                self.inboxes[1 - at].push_back(Message::ChannelReestablish(theirs));
            }
        }
    }

    /// The process dies, and the disk is all that is left.
    fn restart(&mut self, at: usize) {
        self.lose();
        let end = &mut self.ends[at];
        end.state = end.state.take().map(|state| State::resume(&state.record()).unwrap());
    }

    fn by_cause(&mut self, at: usize, choices: &mut Choices<'_>) {
        let cause = match choices.byte() % 5 {
            0 => CloseCause::PeerError("an error".to_owned()),
            1 => CloseCause::PeerAskedToClose,
            2 => CloseCause::BadReestablish("is not ours"),
            3 => CloseCause::PeerAhead,
            _ => CloseCause::OrphanFunded,
        };
        self.begin_by(at, cause);
    }

    fn begin_by(&mut self, at: usize, cause: CloseCause) {
        let end = &mut self.ends[at];
        let Some(channel) = end.open.take() else { return };
        let transition = end.side.with(|cx| Closing::by_cause(channel, cause, cx));
        self.take(at, None, transition);
    }

    fn step(&mut self, at: usize, event: Event) {
        let end = &mut self.ends[at];
        if let Event::Requested(request) | Event::Forced(request) = &event {
            end.allowed.cap = end.allowed.cap.max(request.cap);
        }
        if let Some(state) = end.state.take() {
            let before = state.clone();
            let transition = end.side.with(|cx| state.step(event.clone(), cx));
            return self.take(at, Some((&before, &event)), transition);
        }
        match event {
            Event::Requested(request) => {
                let Some(channel) = end.open.take() else { return };
                let (state, effects) =
                    end.side.with(|cx| ShuttingDown::begin(channel, request, cx));
                self.take(at, None, Transition::to(state, "asked for", effects));
            }
            Event::Forced(request) => {
                let Some(channel) = end.open.take() else { return };
                let forced = end.side.with(|cx| Closing::force(channel, request, "forced", cx));
                self.take(at, None, forced);
            }
            Event::Message(Message::Shutdown(shutdown)) => {
                self.begin_by(at, CloseCause::RemoteShutdown(shutdown));
            }
            Event::Spent { transaction, height } => {
                let Some(channel) = end.open.take() else { return };
                let script = ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::all_zeros());
                let closing =
                    Closing::new(channel, any_request(&mut Choices::new(&[])), Plan::Watch, script);
                let transition = end.side.with(|cx| closing.on_spent(transaction, height, cx));
                self.take(at, None, transition);
            }
            Event::Connected
            | Event::Disconnected
            | Event::Message(_)
            | Event::Funding(_)
            | Event::ClaimSpent { .. }
            | Event::Rewound { .. }
            | Event::Block
            | Event::Deadline => {}
        }
    }

    fn take(&mut self, at: usize, from: Option<(&State, &Event)>, transition: Transition) {
        let end = &mut self.ends[at];
        if let Some(request) = transition.next.as_ref().and_then(request_of) {
            end.allowed.cap = end.allowed.cap.max(request.cap);
        }
        check_transition(from, &transition, &mut end.allowed);
        for effect in transition.effects {
            match effect {
                Effect::Send(message) if end.side.link.is_up() => {
                    self.inboxes[1 - at].push_back(*message);
                }
                Effect::Broadcast(package) => {
                    for transaction in package {
                        if !self.transactions.contains(&transaction) && self.transactions.len() < 50
                        {
                            self.transactions.push(transaction);
                        }
                    }
                }
                Effect::Send(_)
                | Effect::Own(_)
                | Effect::Disown(_)
                | Effect::Reconnect(_)
                | Effect::Note(_) => {}
            }
        }
        end.state = transition.next;
    }
}

impl End {
    fn seed(&self) -> u8 {
        if self.open.as_ref().is_some_and(|open| open.role == Role::Opener) { 1 } else { 2 }
    }

    fn channel(&self) -> Option<&FundedChannel> {
        self.state.as_ref().map(State::channel).or(self.open.as_ref())
    }
}

fn request_of(state: &State) -> Option<&CloseRequest> {
    match state {
        State::ShuttingDown(state) => Some(&state.request),
        State::Closing(_) | State::Closed(_) => state.closing().map(|closing| &closing.request),
    }
}

/// Open channels of each kind, as both see them.
fn channels() -> &'static [[FundedChannel; 2]] {
    static CHANNELS: OnceLock<Vec<[FundedChannel; 2]>> = OnceLock::new();
    CHANNELS.get_or_init(|| {
        let kinds = [
            (ChannelType::anchors_zero_fee_htlc_tx(), 30_000),
            (ChannelType::static_remotekey(), 30_000),
            // Dust on one side, and nearly all of it given away.
            (ChannelType::anchors_zero_fee_htlc_tx(), 200),
            (ChannelType::anchors_zero_fee_htlc_tx(), 970_000),
        ];
        let kinds = kinds.map(|(channel_type, push)| {
            let push = Amount::from_sat(push);
            let pair = Pair::normal_of(&funding::OpenWish { channel_type, push, ..wish() });
            [pair.opener, pair.accepter]
                .map(|mut side| side.state.take().unwrap().into_closable().unwrap())
        });
        kinds.into()
    })
}

fn any_request(choices: &mut Choices<'_>) -> CloseRequest {
    let script = choices.flag().then(|| {
        ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([choices.byte(); 20]))
    });
    let feerate = FeeratePerKw(u32::from(choices.short()));
    let cap = FeeratePerKw(feerate.0.saturating_add(u32::from(choices.short())));
    CloseRequest { who: Who::Local, reason: "asked for".to_owned(), script, feerate, cap }
}
