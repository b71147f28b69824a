//! One node's view of a channel that ends, and two of them that talk.

use bitcoin::{Amount, Transaction};
use closing::{CloseRequest, Effect, Event, ShuttingDown, State, Transition, Who};
use funding::{CloseCause, FundedChannel, Link, LinkKind, Role};
use secp256k1::ecdsa::Signature;
use transactions::{FeeratePerKw, Height};
use wire::{ClosingSigned, Message, Shutdown};

use crate::pair::Pair;
use crate::side::Side;

pub struct End {
    pub side: Side,
    channel: FundedChannel,
    pub state: Option<State>,
    pub effects: Vec<Effect>,
    pub cause: String,
}

/// An open channel, as both see it; the opener first. Its funding transaction is in block 101, the tip
/// is 103.
pub fn ends() -> (End, End) {
    ends_of(Pair::normal())
}

pub fn ends_of(pair: Pair) -> (End, End) {
    (End::new(pair.opener), End::new(pair.accepter))
}

impl End {
    fn new(mut side: Side) -> Self {
        let channel = side.state.take().expect("a state").into_closable().expect("a channel");
        // What node does with every message: the connection is not that of the opening any more.
        side.link = Link { kind: LinkKind::Fresh, ..Link::default() };
        Self { side, channel, state: None, effects: Vec::new(), cause: String::new() }
    }

    pub fn with_simple_close(mut self) -> Self {
        self.side.link.simple_close = true;
        self
    }

    /// With more for the accepter, and so many fractions of a satoshi.
    pub fn with_push(mut self, millisatoshi: u64) -> Self {
        self.channel.agreed.open.push_msat += millisatoshi;
        self
    }

    pub fn channel(&self) -> &FundedChannel {
        self.state.as_ref().map_or(&self.channel, State::channel)
    }

    pub fn role(&self) -> Role {
        self.channel.role
    }

    /// Our operator wants it closed.
    pub fn close(&mut self, request: CloseRequest) {
        let channel = self.channel.clone();
        let (state, effects) = self.side.with(|cx| ShuttingDown::begin(channel, request, cx));
        self.state = Some(state.into());
        self.effects = effects;
    }

    /// Something that ends the channel.
    pub fn end_by(&mut self, cause: CloseCause) {
        let channel = self.channel.clone();
        let transition = self.side.with(|cx| closing::Closing::by_cause(channel, cause, cx));
        self.take(transition);
    }

    pub fn step(&mut self, event: Event) {
        let state = self.state.take().expect("a state");
        let transition = self.side.with(|cx| state.step(event, cx));
        self.take(transition);
    }

    fn take(&mut self, transition: Transition) {
        self.state = transition.next;
        self.effects = transition.effects;
        self.cause = transition.cause;
    }

    pub fn receive(&mut self, message: Message) {
        if let Message::ChannelReestablish(theirs) = &message {
            self.side.link.theirs = Some(theirs.clone());
        }
        match (&self.state, message) {
            (None, Message::Shutdown(shutdown)) => {
                self.end_by(CloseCause::RemoteShutdown(shutdown));
            }
            (_, message) => self.step(Event::Message(message)),
        }
    }

    /// A new connection on which both have said where they stand.
    pub fn reconnect(&mut self) {
        let simple_close = self.side.link.simple_close;
        self.side.link = Link::default();
        self.step(Event::Disconnected);
        self.side.link = Link { kind: LinkKind::Up, simple_close, ..Link::default() };
        self.step(Event::Connected);
    }

    pub fn receive_reestablish(&mut self) {
        let role = self.role();
        let other = Side::new(if role == Role::Opener { 2 } else { 1 });
        let channel = FundedChannel { role: role.other(), ..self.channel.clone() };
        let theirs = channel.reestablish(&other.wallet);
        self.receive(Message::ChannelReestablish(theirs));
    }

    pub fn name(&self) -> &'static str {
        self.state.as_ref().map_or("nothing", State::name)
    }

    /// A block at this height, with a transaction in it that spends the funding output.
    pub fn mine(&mut self, transaction: &Transaction, height: u32) {
        self.side.tip = Height(height);
        self.step(Event::Spent { transaction: transaction.clone(), height: Height(height) });
        self.step(Event::Block);
    }

    /// Blocks up to this height. What they broadcast.
    pub fn grow(&mut self, tip: u32) -> Vec<Transaction> {
        let mut broadcast = Vec::new();
        while self.side.tip.0 < tip {
            self.side.tip.0 += 1;
            self.step(Event::Block);
            broadcast.extend(self.broadcast());
            if self.state.is_none() {
                break;
            }
        }
        broadcast
    }

    pub fn sent(&self) -> Vec<Message> {
        let sent = self.effects.iter().filter_map(|effect| {
            if let Effect::Send(message) = effect { Some((**message).clone()) } else { None }
        });
        sent.collect()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.sent().iter().map(Message::name).collect()
    }

    pub fn broadcast(&self) -> Vec<Transaction> {
        let broadcast = self.effects.iter().filter_map(|effect| {
            if let Effect::Broadcast(package) = effect { Some(package.clone()) } else { None }
        });
        broadcast.flatten().collect()
    }

    pub fn reconnects(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Reconnect(_)))
    }

    pub fn notes(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Note(_)))
    }

    /// The only message of the last step: `closing_signed`.
    pub fn offer(&self) -> ClosingSigned {
        let mut sent = self.sent();
        match (sent.pop(), sent.is_empty()) {
            (Some(Message::ClosingSigned(offer)), true) => offer,
            other => panic!("{other:?}"),
        }
    }

    /// What this end would sign for: a `closing_signed` with any fee.
    pub fn signed(&self, scripts: &Scripts, fee: u64) -> ClosingSigned {
        let channel = self.channel();
        let transaction = scripts.transaction(channel, fee);
        ClosingSigned {
            channel_id: channel.channel_id(),
            fee_satoshis: Amount::from_sat(fee),
            signature: self.sign(&transaction),
            fee_range: None,
        }
    }

    pub fn sign(&self, transaction: &Transaction) -> Signature {
        use transactions::Signer as _;
        let (keys_id, funding) = (&self.channel.keys_id, self.channel.funding_output());
        self.side.wallet.sign_funding_spend(keys_id, &funding, transaction)
    }
}

/// Where the money of both goes.
pub struct Scripts {
    pub opener: bitcoin::ScriptBuf,
    pub accepter: bitcoin::ScriptBuf,
}

impl Scripts {
    /// The legacy closing transaction that leaves nothing out, built without the code under test.
    pub fn transaction(&self, channel: &FundedChannel, fee: u64) -> Transaction {
        let opener = channel.agreed.balance(Role::Opener).floor() - Amount::from_sat(fee);
        let accepter = channel.agreed.balance(Role::Accepter).floor();
        transactions::closing_transaction(
            &channel.funding_output(),
            transactions::ClosingKind::Legacy,
            [Some((self.opener.clone(), opener)), Some((self.accepter.clone(), accepter))],
        )
    }
}

/// Both have said `shutdown`; the opener asked for it. What the opener says next is in its effects.
pub fn both_shut_down(mut opener: End, mut accepter: End) -> (End, End, Scripts) {
    opener.close(request());
    let ours = shutdown(&opener);
    accepter.receive(Message::Shutdown(ours.clone()));
    let theirs = shutdown(&accepter);
    opener.receive(Message::Shutdown(theirs.clone()));
    let scripts = Scripts { opener: ours.scriptpubkey, accepter: theirs.scriptpubkey };
    (opener, accepter, scripts)
}

/// The `shutdown` of the last step.
pub fn shutdown(end: &End) -> Shutdown {
    match end.sent().into_iter().next() {
        Some(Message::Shutdown(shutdown)) => shutdown,
        other => panic!("{other:?}"),
    }
}

pub fn request() -> CloseRequest {
    CloseRequest {
        who: Who::Local,
        reason: "asked for".to_owned(),
        script: None,
        feerate: FeeratePerKw(1_000),
        cap: FeeratePerKw(4_000),
    }
}
