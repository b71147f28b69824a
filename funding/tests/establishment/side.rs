//! One node's view of one channel: a state, and what a step of it may use.

use std::collections::BTreeSet;

use bitcoin::constants::ChainHash;
use bitcoin::{Amount, OutPoint};
use funding::{
    Context, Effect, Event, Fees, Link, LinkKind, Monotonic, Next, Now, OpenError, OpenWish,
    Policy, RequestId, State, Transition, WaitForAcceptChannel, WaitForDecision,
};
use transactions::{FeeratePerKw, Height, KeysId, Signer as _, Timestamp};
use wire::{ChannelId, ChannelType, Message, OpenChannel};

use crate::keys_and_coins::KeysAndCoins;

pub struct Side {
    pub wallet: KeysAndCoins,
    pub policy: Policy,
    pub fees: Fees,
    pub tip: Height,
    pub synced: bool,
    pub taken: Vec<OutPoint>,
    pub link: Link,
    pub state: Option<State>,
    /// The last transition but for its state, and where it led if not to a state.
    pub effects: Vec<Effect>,
    pub next: Option<Next>,
}

impl Side {
    pub fn new(seed: u8) -> Self {
        Self {
            wallet: KeysAndCoins::new(seed),
            policy: Policy::new(ChainHash::REGTEST),
            fees: Fees::default(),
            tip: Height(100),
            synced: true,
            taken: Vec::new(),
            link: up(),
            state: None,
            effects: Vec::new(),
            next: None,
        }
    }

    pub fn with<T>(&mut self, run: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let taken = self.taken.clone();
        run(&mut Context {
            wallet: &mut self.wallet,
            policy: &self.policy,
            fees: self.fees,
            tip: self.tip,
            synced: self.synced,
            now: Now { monotonic: Monotonic(0), timestamp: Timestamp(0) },
            leased: &BTreeSet::new(),
            outpoints: &|outpoint| taken.contains(outpoint),
            link: &mut self.link,
        })
    }

    /// Begins an open of ours.
    pub fn open(&mut self, wish: &OpenWish) -> Result<OpenChannel, OpenError> {
        let (state, effects) =
            self.with(|cx| WaitForAcceptChannel::begin(wish, KEYS_ID, TEMPORARY, cx))?;
        self.state = Some(state.into());
        self.effects = effects;
        match self.sent().as_slice() {
            [Message::OpenChannel(open)] => Ok((**open).clone()),
            other => panic!("{other:?}"),
        }
    }

    /// Takes a peer's open.
    pub fn receive_open(&mut self, open: OpenChannel) {
        let node_id = KeysAndCoins::new(9).node_id();
        let begun = self.with(|cx| WaitForDecision::begin(open, node_id, KEYS_ID, cx));
        let (state, effects) = begun.expect("it breaks no rule");
        self.state = Some(state.into());
        self.effects = effects;
    }

    /// One event.
    pub fn step(&mut self, event: Event) {
        let state = self.state.take().expect("a state");
        let Transition { next, effects, .. } = self.with(|cx| state.step(event, cx));
        self.effects = effects;
        self.next = None;
        match next {
            Next::State(state) => self.state = Some(state),
            over @ (Next::Ended(_) | Next::Close { .. }) => self.next = Some(over),
        }
    }

    pub fn receive(&mut self, message: Message) {
        if let Message::ChannelReestablish(theirs) = &message {
            self.link.theirs = Some(theirs.clone());
        }
        self.step(Event::Message(message));
    }

    pub fn disconnect(&mut self) {
        self.link = Link::default();
        self.step(Event::Disconnected);
    }

    pub fn connect(&mut self) {
        self.link = up();
        self.step(Event::Connected);
    }

    pub fn state(&self) -> &State {
        self.state.as_ref().expect("a state")
    }

    /// What the last step sends.
    pub fn sent(&self) -> Vec<Message> {
        let sent = self.effects.iter().filter_map(|effect| {
            if let Effect::Send(message) = effect { Some(message.clone()) } else { None }
        });
        sent.collect()
    }

    pub fn broadcasts(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Broadcast(_)))
    }

    /// The errors that the last step sends, which sends nothing else.
    pub fn errors(&self) -> Vec<(ChannelId, String)> {
        let errors = self.sent().into_iter().map(|message| {
            let Message::Error(error) = message else { panic!("{message:?}") };
            (error.channel_id, String::from_utf8(error.data).expect("ASCII"))
        });
        errors.collect()
    }

    /// The names of what the last step sends.
    pub fn names(&self) -> Vec<&'static str> {
        self.sent().iter().map(Message::name).collect()
    }
}

fn up() -> Link {
    Link { kind: LinkKind::Up, ..Link::default() }
}

/// A channel of a million, with a gift.
pub fn wish() -> OpenWish {
    OpenWish {
        request: RequestId("r".to_owned()),
        node_id: KeysAndCoins::new(8).node_id(),
        funding: Amount::from_sat(1_000_000),
        push: Amount::from_sat(30_000),
        announce: false,
        channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
        feerate: FeeratePerKw(700),
        max_fee: Amount::from_sat(5_000),
        coins: Vec::new(),
        prefer: Vec::new(),
        reserve: Amount::ZERO,
    }
}

pub const KEYS_ID: KeysId = KeysId([7; 16]);
pub const TEMPORARY: ChannelId = ChannelId([6; 32]);
