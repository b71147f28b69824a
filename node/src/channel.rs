//! A channel as the node holds it: its state, its link, its history, and what is on disk of it. Here, too, is the
//! way from `funding` to `closing`: by a command, by force, by a spend of the funding output, or because a state of
//! `funding` says so.

use crate::reply::HistoryEntry;
use bitcoin::{BlockHash, OutPoint, Transaction, TxOut, Txid};
use closing::{CloseRequest, Closing, Plan, ShuttingDown};
use funding::record::{read_option, read_text, read_version, write_option};
use funding::{
    CancelCause, Context, Failure, Link, Monotonic, Next, RecordError, RequestId, Resumed, Verdict,
};
use secp256k1::PublicKey;
use std::collections::VecDeque;
use transactions::{Height, Signer, Timestamp};
use wire::codec::{Reader, Writer};
use wire::{ChannelId, Message};

/// The first axis: what the two sides have told each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// Being established, or open.
    Funding(funding::State),
    /// Ending.
    Closing(closing::State),
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The peer.
    pub node_id: PublicKey,
    /// What was told.
    pub state: ChannelState,
    /// This connection.
    pub link: Link,
    /// The request that it serves.
    pub request: Option<RequestId>,
    /// The last transitions, oldest first.
    pub history: VecDeque<HistoryEntry>,
    /// When it was begun, or read again last, as a number that grows; after a start, its height.
    pub touched: u64,
}

/// What a channel can hear; each state takes what concerns it.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "events are made and used one by one")]
#[expect(missing_docs, reason = "see funding::Event and closing::Event")]
pub enum ChannelEvent {
    Connected,
    Disconnected,
    Message(Message),
    Decided(Result<(), String>),
    Tested(Verdict),
    Alive,
    Broadcasted(Result<(), String>),
    Seen(bool),
    Confirmed { block: BlockHash, height: Height, tx_index: u32, output: Option<TxOut> },
    Conflicted { by: Txid, height: Height },
    Spent { transaction: Transaction, height: Height },
    ClaimSpent { outpoint: OutPoint, txid: Txid, height: Height },
    Rewound { fork: Height },
    Block,
    Deadline,
    Cancel(CancelCause),
    Reclaim(Transaction),
    CancelBroadcasted(Result<(), String>),
    Bump(Transaction),
    Close(CloseRequest),
    Force(CloseRequest),
}

/// What a channel can want.
#[derive(Clone, Debug)]
pub enum ChannelEffect {
    Send(Box<Message>),
    Broadcast(Vec<Transaction>),
    TestAccept(Transaction),
    Ping,
    Decide,
    Own(Transaction),
    Disown(Txid),
    Reconnect(&'static str),
    Note(String),
}

/// Where an event led.
#[derive(Debug)]
pub struct Outcome {
    /// The next state; `None`: nothing has to be remembered.
    pub next: Option<ChannelState>,
    /// What follows.
    pub effects: Vec<ChannelEffect>,
    /// Why; empty if nothing durable changed.
    pub cause: String,
    /// Why it ended, if it did without becoming a channel.
    pub failure: Option<Failure>,
}

impl ChannelState {
    /// One event, one outcome.
    pub fn step(self, event: ChannelEvent, cx: &mut Context<'_>) -> Outcome {
        match self {
            Self::Funding(state) => step_funding(state, event, cx),
            Self::Closing(state) => match closing_event(event) {
                Some(event) => Outcome::of_closing(state.step(event, cx)),
                None => Outcome::stay(Self::Closing(state)),
            },
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Funding(state) => state.name(),
            Self::Closing(state) => state.name(),
        }
    }

    /// The channel, from `funding_signed` on.
    pub fn channel(&self) -> Option<&funding::FundedChannel> {
        match self {
            Self::Funding(state) => state.channel(),
            Self::Closing(state) => Some(state.channel()),
        }
    }

    /// The funding output of an open of ours that is no channel yet.
    pub fn attempted_outpoint(&self) -> Option<OutPoint> {
        match self {
            Self::Funding(state) => state.attempted_outpoint(),
            Self::Closing(_) => None,
        }
    }

    /// Whether somebody's money is in it: until then a peer's open is a promise that cost nothing.
    pub fn is_funded(&self) -> bool {
        self.channel().is_some_and(|channel| channel.position.is_confirmed())
    }

    /// The ids under which the peer may speak of it.
    pub fn channel_ids(&self) -> Vec<ChannelId> {
        match self {
            Self::Funding(state) => state.channel_ids(),
            Self::Closing(state) => vec![state.channel().channel_id()],
        }
    }

    /// What of the chain concerns it.
    pub fn watches(&self, signer: &dyn Signer) -> funding::Watches {
        match self {
            Self::Funding(state) => state.watches(),
            Self::Closing(state) => state.watches(signer),
        }
    }

    /// When `Deadline` is due.
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Funding(state) => state.deadline(),
            Self::Closing(state) => state.deadline(),
        }
    }

    /// The coins that nothing else may spend.
    pub fn coins(&self) -> Vec<OutPoint> {
        match self {
            Self::Funding(state) => state.coins(),
            Self::Closing(state) => state.coins(),
        }
    }

    /// What survives a crash.
    pub fn record(&self) -> Option<Vec<u8>> {
        match self {
            Self::Funding(state) => state.record(),
            Self::Closing(state) => Some(state.record()),
        }
    }

    /// Whether the connection to the peer is worth dialling for.
    pub fn wants_peer(&self) -> bool {
        match self {
            Self::Funding(_) => true,
            Self::Closing(closing::State::ShuttingDown(_) | closing::State::Closing(_)) => true,
            Self::Closing(closing::State::Closed(_)) => false,
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other event is for `funding`")]
fn step_funding(state: funding::State, event: ChannelEvent, cx: &mut Context<'_>) -> Outcome {
    match event {
        ChannelEvent::Spent { transaction, height } => match state.into_closable() {
            Ok(channel) => {
                let request = CloseRequest {
                    who: closing::Who::Remote,
                    reason: "the funding output was spent".to_owned(),
                    script: None,
                    feerate: cx.fees.normal,
                    cap: closing::default_cap(cx.fees.normal),
                };
                let script = cx.wallet.fresh_script();
                // [BOLT 5 nomenclature G5] a spend ends the channel, whatever it is
                let closing = Closing::new(channel, request, Plan::Watch, script);
                Outcome::of_closing(closing.on_spent(transaction, height, cx))
            }
            Err(state) => Outcome::stay(ChannelState::Funding(state)),
        },
        ChannelEvent::Close(request) => match state.into_closable() {
            Ok(channel) => {
                let cause = request.reason.clone();
                let (state, effects) = ShuttingDown::begin(channel, request, cx);
                Outcome::of_closing(closing::Transition::to(state, cause, effects))
            }
            Err(state) => Outcome::stay(ChannelState::Funding(state)),
        },
        ChannelEvent::Force(request) => match state.into_closable() {
            Ok(channel) => {
                Outcome::of_closing(Closing::force(channel, request, "closed by force", cx))
            }
            Err(state) => Outcome::stay(ChannelState::Funding(state)),
        },
        event => match funding_event(event) {
            Some(event) => of_funding(state.step(event, cx), cx),
            None => Outcome::stay(ChannelState::Funding(state)),
        },
    }
}

fn of_funding(transition: funding::Transition, cx: &mut Context<'_>) -> Outcome {
    let effects: Vec<ChannelEffect> = transition.effects.into_iter().map(Into::into).collect();
    match transition.next {
        Next::State(state) => Outcome {
            next: Some(ChannelState::Funding(state)),
            effects,
            cause: transition.cause,
            failure: None,
        },
        Next::Ended(failure) => {
            Outcome { next: None, effects, cause: transition.cause, failure: Some(failure) }
        }
        Next::Close { channel, why } => {
            let mut outcome = Outcome::of_closing(Closing::by_cause(*channel, why, cx));
            let mut all = effects;
            all.append(&mut outcome.effects);
            Outcome { effects: all, cause: transition.cause, ..outcome }
        }
    }
}

impl Outcome {
    fn of_closing(transition: closing::Transition) -> Self {
        Self {
            next: transition.next.map(ChannelState::Closing),
            effects: transition.effects.into_iter().map(Into::into).collect(),
            cause: transition.cause,
            failure: None,
        }
    }

    fn stay(state: ChannelState) -> Self {
        Self { next: Some(state), effects: Vec::new(), cause: String::new(), failure: None }
    }
}

fn funding_event(event: ChannelEvent) -> Option<funding::Event> {
    use ChannelEvent as E;
    use funding::Event as F;
    Some(match event {
        E::Connected => F::Connected,
        E::Disconnected => F::Disconnected,
        E::Message(message) => F::Message(message),
        E::Decided(decision) => F::Decided(decision),
        E::Tested(verdict) => F::Tested(verdict),
        E::Alive => F::Alive,
        E::Broadcasted(result) => F::Broadcasted(result),
        E::Seen(is_there) => F::Seen(is_there),
        E::Confirmed { block, height, tx_index, output } => {
            F::Confirmed { block, height, tx_index, output }
        }
        E::Conflicted { by, height } => F::Conflicted { by, height },
        E::Rewound { fork } => F::Rewound { fork },
        E::Block => F::Block,
        E::Deadline => F::Deadline,
        E::Cancel(cause) => F::Cancel(cause),
        E::Reclaim(transaction) => F::Reclaim(transaction),
        E::CancelBroadcasted(result) => F::CancelBroadcasted(result),
        E::Bump(child) => F::Bump(child),
        E::Spent { .. } | E::ClaimSpent { .. } | E::Close(_) | E::Force(_) => return None,
    })
}

fn closing_event(event: ChannelEvent) -> Option<closing::Event> {
    use ChannelEvent as E;
    use closing::Event as C;
    Some(match event {
        E::Connected => C::Connected,
        E::Disconnected => C::Disconnected,
        E::Message(message) => C::Message(message),
        E::Spent { transaction, height } => C::Spent { transaction, height },
        E::ClaimSpent { outpoint, txid, height } => C::ClaimSpent { outpoint, txid, height },
        E::Rewound { fork } => C::Rewound { fork },
        E::Block => C::Block,
        E::Deadline => C::Deadline,
        E::Close(request) => C::Requested(request),
        E::Force(request) => C::Forced(request),
        event @ (E::Broadcasted(_)
        | E::CancelBroadcasted(_)
        | E::Seen(_)
        | E::Reclaim(_)
        | E::Confirmed { .. }
        | E::Conflicted { .. }) => C::Funding(funding_event(event)?),
        E::Decided(_) | E::Tested(_) | E::Alive | E::Cancel(_) | E::Bump(_) => return None,
    })
}

impl From<funding::Effect> for ChannelEffect {
    fn from(effect: funding::Effect) -> Self {
        match effect {
            funding::Effect::Send(message) => Self::Send(Box::new(message)),
            funding::Effect::Broadcast(transactions) => Self::Broadcast(transactions),
            funding::Effect::TestAccept(transaction) => Self::TestAccept(transaction),
            funding::Effect::Ping => Self::Ping,
            funding::Effect::Decide => Self::Decide,
            funding::Effect::Own(transaction) => Self::Own(transaction),
            funding::Effect::Disown(txid) => Self::Disown(txid),
            funding::Effect::Note(text) => Self::Note(text),
        }
    }
}

impl From<closing::Effect> for ChannelEffect {
    fn from(effect: closing::Effect) -> Self {
        match effect {
            closing::Effect::Send(message) => Self::Send(message),
            closing::Effect::Broadcast(transactions) => Self::Broadcast(transactions),
            closing::Effect::Own(transaction) => Self::Own(transaction),
            closing::Effect::Disown(txid) => Self::Disown(txid),
            closing::Effect::Reconnect(why) => Self::Reconnect(why),
            closing::Effect::Note(text) => Self::Note(text),
        }
    }
}

/// What a row of the channels table makes of itself after a restart.
#[derive(Debug)]
pub enum ResumedChannel {
    /// The same; the cause is there if it became another state, which has to be written.
    Channel(Box<Channel>, Option<String>),
    /// An attempt that ended with the process.
    Ended(Option<RequestId>, Failure),
}

impl Channel {
    /// A new one.
    pub fn new(node_id: PublicKey, state: ChannelState, link: Link) -> Self {
        Self { node_id, state, link, request: None, history: VecDeque::new(), touched: 0 }
    }

    /// Whether a new block can move it: an open channel at rest is passed over.
    pub fn minds_blocks(&self) -> bool {
        match &self.state {
            ChannelState::Funding(funding::State::Normal(s)) => {
                !s.channel.position.is_confirmed()
                    || funding::announcement::minds_blocks(&s.channel, &self.link)
            }
            ChannelState::Funding(_) | ChannelState::Closing(_) => true,
        }
    }

    /// Its row; `None` if nothing of it survives a crash.
    pub fn row(&self) -> Option<Vec<u8>> {
        let body = self.state.record()?;
        let mut out = vec![ROW_VERSION];
        out.push(match &self.state {
            ChannelState::Funding(_) => 0,
            ChannelState::Closing(_) => 1,
        });
        Writer::new(&mut out).point(&self.node_id);
        write_option(&mut out, self.request.as_ref(), |out, request| write_text(out, &request.0));
        let count = u64::try_from(self.history.len()).unwrap_or(u64::MAX);
        Writer::new(&mut out).bigsize(count);
        for entry in &self.history {
            write_entry(&mut out, entry);
        }
        Writer::new(&mut out).bigsize_bytes(&body);
        Some(out)
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`RecordError`]: the daemon must not start with it.
    pub fn resume(row: &[u8]) -> Result<ResumedChannel, RecordError> {
        let mut r = Reader::new("channel row", row);
        read_version(&mut r, ROW_VERSION)?;
        let kind = r.u8("kind")?;
        let node_id = r.point("node_id")?;
        let request = read_option(&mut r, |r| Ok(RequestId(read_text(r)?)))?;
        let mut history = VecDeque::new();
        for _ in 0..r.bigsize("history")? {
            history.push_back(read_entry(&mut r)?);
        }
        let body = r.bigsize_bytes("body")?;
        r.finish("channel row")?;
        let channel = |state: ChannelState| {
            let (request, link) = (request.clone(), Link::default());
            let touched = state.channel().map_or(0, |channel| u64::from(channel.start_height.0));
            Box::new(Self { node_id, state, link, request, history, touched })
        };
        match kind {
            0 => Ok(match funding::State::resume(body)? {
                Resumed::Same(state) => {
                    ResumedChannel::Channel(channel(ChannelState::Funding(state)), None)
                }
                Resumed::Changed(state, cause) => {
                    ResumedChannel::Channel(channel(ChannelState::Funding(state)), Some(cause))
                }
                Resumed::Ended(_, failure) => ResumedChannel::Ended(request, failure),
            }),
            1 => {
                let state = closing::State::resume(body)?;
                Ok(ResumedChannel::Channel(channel(ChannelState::Closing(state)), None))
            }
            other => Err(RecordError::Damaged(format!("unknown kind of channel {other}"))),
        }
    }

    /// Adds a transition to the history, of which the last 64 are kept.
    pub fn remember(&mut self, entry: HistoryEntry) {
        self.history.push_back(entry);
        while self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }
}

/// Appends a transition.
pub fn write_entry(out: &mut Vec<u8>, entry: &HistoryEntry) {
    Writer::new(out).u64(entry.at.0);
    write_text(out, &entry.from);
    write_text(out, &entry.to);
    write_text(out, &entry.cause);
}

/// Reads a transition.
///
/// # Errors
/// [`RecordError`].
pub fn read_entry(r: &mut Reader<'_>) -> Result<HistoryEntry, RecordError> {
    Ok(HistoryEntry {
        at: Timestamp(r.u64("at")?),
        from: read_text(r)?,
        to: read_text(r)?,
        cause: read_text(r)?,
    })
}

pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    Writer::new(out).bigsize_bytes(text.as_bytes());
}

const ROW_VERSION: u8 = 1;
const HISTORY: usize = 64;
