//! Whatever a channel hears while it is established: an opener and an accepter who talk, a wire that loses,
//! repeats and changes what they say, and every other event in any order.

use std::collections::VecDeque;

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, Transaction, TxOut, Txid};
use funding::{
    CancelCause, Effect, Event, FundedChannel, Link, LinkKind, Next, OpenWish, Resumed, Role,
    State, Transition, Verdict, WaitForDecision,
};
use transactions::{FeeratePerKw, Height, Signer as _};
use wire::{ChannelType, Message};

use crate::choices::{Choices, check_can_be_said};
use crate::keys_and_coins::KeysAndCoins;
use crate::side::{KEYS_ID, Side, wish};

/// Panics when a step breaks a promise.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let Some(mut play) = Play::begin(&mut choices) else { return };
    // Longer plays show nothing that shorter ones do not.
    for _ in 0..200 {
        let Some(kind) = choices.next() else { return };
        play.act(kind, &mut choices);
    }
}

/// Both sides, the opener first, and what is on its way to each.
struct Play {
    sides: [Side; 2],
    inboxes: [VecDeque<Message>; 2],
}

impl Play {
    fn begin(choices: &mut Choices<'_>) -> Option<Self> {
        let mut sides = [Side::new(1), Side::new(2)];
        let open = sides[0].open(&any_wish(choices)).ok()?;
        let changed = choices.change(&Message::OpenChannel(Box::new(open)))?;
        let Message::OpenChannel(open) = changed else { return None };
        let open = *open;
        let node_id = KeysAndCoins::new(9).node_id();
        let begun = sides[1].with(|cx| WaitForDecision::begin(open, node_id, KEYS_ID, cx));
        sides[1].state = begun.ok().map(|(state, _)| state.into());
        Some(Self { sides, inboxes: [VecDeque::new(), VecDeque::new()] })
    }

    /// The highest bit says which side, the others what happens to it.
    fn act(&mut self, kind: u8, choices: &mut Choices<'_>) {
        let at = usize::from(kind >> 7);
        let event = match kind & 0x7f {
            0..=20 => return self.deliver(at, false, choices),
            21..=35 => return self.deliver(at, true, choices),
            36 => Event::Message(match choices.message() {
                Some(message) => message,
                None => return,
            }),
            37 => {
                self.inboxes[at].pop_front();
                return;
            }
            38 => {
                self.inboxes[at].rotate_left(usize::from(self.inboxes[at].len() > 1));
                return;
            }
            39..=41 => Event::Decided(text_or_nothing(choices)),
            42..=45 => Event::Tested(match choices.byte() % 4 {
                0 => Verdict::Refused("refused".to_owned()),
                1 => Verdict::Unknown,
                2 => Verdict::Unavailable("away".to_owned()),
                _ => Verdict::Accepted,
            }),
            46..=48 => Event::Alive,
            49..=51 => Event::Broadcasted(text_or_nothing(choices)),
            52 | 53 => Event::Seen(choices.flag()),
            54..=60 => self.confirmed(at, choices),
            61 | 62 => Event::Conflicted { by: txid(choices), height: self.height(at, choices) },
            63 | 64 => Event::Rewound { fork: self.height(at, choices) },
            65..=72 => {
                let tip = &mut self.sides[at].tip;
                tip.0 = tip.0.saturating_add([1, 2, 6, 144, 2_016, 2_160][usize::from(kind) % 6]);
                Event::Block
            }
            73 | 74 => Event::Deadline,
            75 => Event::Cancel(match choices.byte() % 3 {
                0 => CancelCause::Operator,
                1 => CancelCause::TimeIsUp,
                _ => CancelCause::Stopping,
            }),
            76 => Event::Reclaim(self.child(at, choices)),
            77 => Event::CancelBroadcasted(text_or_nothing(choices)),
            78 => Event::Bump(self.child(at, choices)),
            79..=84 => return self.reconnect(choices),
            85..=87 => return self.lose(),
            88 => {
                self.sides[at].synced ^= true;
                return;
            }
            89..=91 => return self.restart(at),
            92 => Event::Connected,
            93 => Event::Disconnected,
            _ => return,
        };
        self.step(at, event);
    }

    fn deliver(&mut self, at: usize, changed: bool, choices: &mut Choices<'_>) {
        let Some(mut message) = self.inboxes[at].pop_front() else { return };
        if changed {
            // The one that was sent comes as well, behind.
            self.inboxes[at].push_front(message.clone());
            let Some(other) = choices.change(&message) else { return };
            message = other;
        }
        if let Message::ChannelReestablish(theirs) = &message {
            self.sides[at].link.theirs = Some(theirs.clone());
        }
        self.step(at, Event::Message(message));
    }

    fn confirmed(&mut self, at: usize, choices: &mut Choices<'_>) -> Event {
        let height = self.height(at, choices);
        let kind = choices.byte();
        let channel = self.sides[at].state.as_ref().and_then(State::channel);
        let agreed = channel.map(|channel| channel.funding_output().txout());
        let output = match kind % 8 {
            0 => None,
            1 => agreed.map(|output| TxOut { value: output.value / 2, ..output }),
            _ => agreed,
        };
        Event::Confirmed { block: BlockHash::all_zeros(), height, tx_index: kind.into(), output }
    }

    /// About the tip, or anywhere.
    fn height(&self, at: usize, choices: &mut Choices<'_>) -> Height {
        let tip = self.sides[at].tip.0;
        Height(match choices.byte() {
            near @ ..=0xf7 => tip.saturating_sub(u32::from(near) / 4),
            0xf8..=0xfb => tip.saturating_add(u32::from(choices.byte())),
            _ => u32::try_from(choices.long() >> 32).unwrap_or(0),
        })
    }

    /// A transaction that spends what the open spends, or its change.
    fn child(&self, at: usize, choices: &mut Choices<'_>) -> Transaction {
        let channel = self.sides[at].state.as_ref().and_then(State::channel);
        let parent = channel.and_then(|channel| channel.funding_transaction.clone());
        let mut child = parent.unwrap_or_else(|| Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: Vec::new(),
            output: Vec::new(),
        });
        child.output.truncate(1);
        child.lock_time = bitcoin::absolute::LockTime::from_consensus(choices.byte().into());
        child
    }

    fn lose(&mut self) {
        for at in 0..2 {
            self.inboxes[at].clear();
            self.sides[at].link = Link::default();
            self.step(at, Event::Disconnected);
        }
    }

    fn reconnect(&mut self, choices: &mut Choices<'_>) {
        self.lose();
        let kind = if choices.byte().is_multiple_of(8) { LinkKind::Fresh } else { LinkKind::Up };
        for at in 0..2 {
            self.sides[at].link = Link::new(kind, false, true);
            self.step(at, Event::Connected);
        }
    }

    /// The process dies, and the disk is all that is left.
    fn restart(&mut self, at: usize) {
        self.inboxes = [VecDeque::new(), VecDeque::new()];
        let side = &mut self.sides[at];
        side.link = Link::default();
        let record = side.state.take().and_then(|state| state.record());
        side.state = record.and_then(|record| match State::resume(&record).unwrap() {
            Resumed::Same(state) | Resumed::Changed(state, _) => Some(state),
            Resumed::Ended(..) => None,
        });
        self.sides[1 - at].link = Link::default();
        self.step(1 - at, Event::Disconnected);
    }

    fn step(&mut self, at: usize, event: Event) {
        let side = &mut self.sides[at];
        let Some(state) = side.state.take() else { return };
        let before = state.clone();
        let transition = side.with(|cx| state.step(event.clone(), cx));
        check_transition(&before, &event, &transition, side);
        for effect in transition.effects {
            if let Effect::Send(message) = effect
                && side.link.is_up()
            {
                self.inboxes[1 - at].push_back(message);
            }
        }
        if let Next::State(state) = transition.next {
            side.state = Some(state);
        }
    }
}

fn check_transition(before: &State, event: &Event, transition: &Transition, side: &Side) {
    for effect in &transition.effects {
        if let Effect::Send(message) = effect {
            check_can_be_said(message);
        }
    }
    match &transition.next {
        Next::State(after) => {
            let context = || format!("{} {} -> {}", before.name(), event.name(), after.name());
            if transition.cause.is_empty() {
                assert_eq!(before.record(), after.record(), "{}: nothing changed", context());
            }
            check_record(after);
            check_coins(before, after);
            let is_new = !before.channel().is_some_and(|channel| channel.channel_ready_sent);
            check_effects(after, is_new, &transition.effects, side, &context());
            if let Some(channel) = after.channel() {
                check_channel(before.channel(), channel);
            }
        }
        Next::Ended(failure) => {
            assert!(!failure.text.is_empty());
            assert!(
                before.channel().is_none()
                    || matches!(before, State::Tombstone(_) | State::WaitForChannelReady(_))
            );
            assert_no_broadcast(&transition.effects);
        }
        Next::Close { channel, .. } => {
            check_channel(before.channel(), channel);
            assert_no_broadcast(&transition.effects);
        }
    }
}

/// `is_new`: whether `channel_ready` was not said before.
fn check_effects(after: &State, is_new: bool, effects: &[Effect], side: &Side, context: &str) {
    for effect in effects {
        match effect {
            Effect::Broadcast(transactions) => {
                let channel = after.channel().expect(context);
                for transaction in transactions {
                    check_broadcast(after, channel, transaction, context);
                }
            }
            Effect::Send(Message::FundingCreated(_)) => {
                assert!(matches!(after, State::WaitForFundingSigned(_)), "{context}");
            }
            Effect::Send(Message::FundingSigned(_)) => {
                assert!(matches!(after, State::WaitForChannelReady(_)), "{context}");
            }
            Effect::Send(Message::ChannelReady(_)) => {
                let channel = after.channel().expect(context);
                assert!(channel.channel_ready_sent, "{context}");
                assert!(!matches!(after, State::Tombstone(_)), "{context}");
                // What was said once is said again, whatever a reorganisation took back meanwhile.
                if is_new {
                    let depth = channel.depth(side.tip).0;
                    assert!(channel.position.is_confirmed(), "{context}");
                    assert!(depth >= channel.agreed.minimum_depth(), "{context} at depth {depth}");
                }
            }
            Effect::Send(_)
            | Effect::TestAccept(_)
            | Effect::Ping
            | Effect::Decide
            | Effect::Own(_)
            | Effect::Disown(_)
            | Effect::Note(_) => {}
        }
    }
}

/// Only what a restart would find on disk and broadcast again; the funding transaction only with an exit.
fn check_broadcast(
    after: &State,
    channel: &FundedChannel,
    transaction: &Transaction,
    context: &str,
) {
    if transaction.compute_txid() == channel.outpoint.txid {
        assert!(channel.role == Role::Opener, "{context}");
        assert!(channel.cancel.is_none(), "{context}: it is cancelled");
        assert!(!matches!(after, State::Tombstone(_)), "{context}: the peer did not sign");
        assert_eq!(channel.funding_transaction.as_ref(), Some(transaction), "{context}");
        assert!(channel.remote_signature.is_some(), "{context}: there is no way out");
        return;
    }
    let cancel = channel.cancel.as_ref().map(|cancel| &cancel.transaction);
    let known = [cancel, channel.child.as_ref()];
    assert!(known.contains(&Some(transaction)), "{context}: a restart would not know it");
}

fn assert_no_broadcast(effects: &[Effect]) {
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Broadcast(_))));
}

/// What is written is read as what it was, or as what a lost connection makes of it.
fn check_record(state: &State) {
    let Some(record) = state.record() else { return };
    match State::resume(&record).unwrap() {
        Resumed::Same(again) => assert_eq!(&again, state),
        Resumed::Changed(tombstone, cause) => {
            assert!(matches!(state, State::WaitForFundingSigned(_)) && !cause.is_empty());
            assert_eq!(tombstone.keys_id(), state.keys_id());
            let record = tombstone.record().unwrap();
            assert_eq!(State::resume(&record), Ok(Resumed::Same(tombstone)));
        }
        Resumed::Ended(attempt, failure) => {
            assert_eq!(Some(&*attempt), state.attempt());
            assert!(failure.retry);
        }
    }
}

/// No step takes a coin but the one that funds.
fn check_coins(before: &State, after: &State) {
    if matches!(before, State::WaitForAcceptChannel(_)) {
        return;
    }
    let held = before.attempt().map_or_else(
        || before.channel().map(FundedChannel::coins).unwrap_or_default(),
        |attempt| attempt.coins.clone(),
    );
    for coin in after.coins() {
        assert!(held.contains(&coin), "{} took a coin", after.name());
        assert!(
            after.watches().outpoints.contains(&coin),
            "{} loses a coin of sight",
            after.name()
        );
    }
}

/// The money of a channel is shared out, to the satoshi, and its exit is signed for.
fn check_channel(before: Option<&FundedChannel>, channel: &FundedChannel) {
    let exit = |channel: &FundedChannel| {
        (channel.agreed.clone(), channel.outpoint, channel.remote_signature)
    };
    if before.is_some_and(|before| exit(before) == exit(channel)) {
        return;
    }
    let funding = channel.funding_output();
    let capacity = channel.agreed.capacity();
    let balance = |role| channel.agreed.balance(role).0;
    assert_eq!(
        balance(Role::Opener) + balance(Role::Accepter),
        capacity.to_sat() * 1_000,
        "the balances are the channel"
    );
    let local = channel.local_commitment().expect("our commitment can be built");
    let remote = channel.remote_commitment().expect("the peer's commitment can be built");
    for commitment in [&local, &remote] {
        let paid: Amount = commitment.transaction.output.iter().map(|output| output.value).sum();
        assert!(paid <= capacity);
        assert_eq!(commitment.fee(&funding), capacity.checked_sub(paid));
    }
    if let Some(signature) = &channel.remote_signature {
        let key = channel.agreed.keys(channel.role.other()).funding_pubkey;
        assert!(local.verify(&funding, &key, signature), "the exit is not signed for");
    }
}

fn any_wish(choices: &mut Choices<'_>) -> OpenWish {
    let mut wish = wish();
    let kind = choices.byte();
    if kind & 1 == 1 {
        wish.channel_type = ChannelType::static_remotekey();
    }
    wish.announce = kind & 2 == 2;
    if kind & 4 == 4 {
        wish.funding = Amount::from_sat(choices.long() % 20_000_000);
        wish.push = Amount::from_sat(choices.long() % 20_000_000);
        wish.feerate = FeeratePerKw(choices.short().into());
    }
    wish
}

fn text_or_nothing(choices: &mut Choices<'_>) -> Result<(), String> {
    if choices.byte().is_multiple_of(4) { Err("no".to_owned()) } else { Ok(()) }
}

fn txid(choices: &mut Choices<'_>) -> Txid {
    Txid::from_byte_array([choices.byte(); 32])
}
