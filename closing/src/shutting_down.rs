//! Both sides, from the first `shutdown` to an agreed closing transaction.
//!
//! Enters when  one side wants to close, and both are there to agree.
//! On disk      the channel, the request with its fee and cap, both scripts, our present offer.
//! Waits for    both `shutdown`, then the peer's signature (BOLT 2).
//! Leaves to    `Closing`: with the agreed transaction; by force; or because the funding output was spent.
//! On a crash   resumed: after both `channel_reestablish` our `shutdown` goes out again, same script.

use crate::closing::Closing;
use crate::offers::{Agreed, Balances};
use crate::plan::Plan;
use crate::{CloseRequest, Effect, Event, State, Transition, Who};
use bitcoin::{Amount, ScriptBuf};
use funding::{Context, FundedChannel, Monotonic, Now, Role, Standing, peer_text, warning_message};
use secp256k1::ecdsa::Signature;
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Timestamp, is_standard_shutdown_script};
use wire::{ClosingComplete, ClosingSigned, FeeRange, Message, Shutdown};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShuttingDown {
    /// The channel.
    pub channel: FundedChannel,
    /// The wish.
    pub request: CloseRequest,
    /// Where our money goes.
    pub local_script: ScriptBuf,
    /// Where the peer's money goes, once it has said so.
    pub remote_script: Option<ScriptBuf>,
    /// As opener: the feerate that we offer now. It begins at the wish and ends at the cap.
    pub offer: FeeratePerKw,
    /// How often the negotiation was begun anew because the peer would not agree.
    pub tries: u8,
    /// How many errors the peer sent while closing: the second one costs the channel.
    pub errors: u8,
    /// Since when the peer has been waited for, once that has lasted for 10 minutes of uptime.
    pub waits_since: Option<Timestamp>,
    /// What holds in this process only.
    pub patience: Patience,
    /// What holds on this connection only.
    pub here: Here,
}

/// How long the peer is waited for before the operator is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// When the peer was last heard of, or the wait began.
    pub since: Timestamp,
    /// When it ends.
    pub until: Option<Monotonic>,
}

impl Patience {
    fn begin(now: Now) -> Self {
        Self { since: now.timestamp, until: Some(now.monotonic.after_seconds(PATIENCE)) }
    }
}

/// What a closing channel knows of its present connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The peer's `shutdown` came.
    pub received_shutdown: bool,
    /// Fees that we have signed for.
    pub offered: BTreeSet<Amount>,
    /// How many `closing_signed` we have sent.
    pub rounds: u32,
    /// Our `closing_complete` that waits for its `closing_sig`.
    pub complete: Option<ClosingComplete>,
    /// The peer was warned that its script has no known form.
    pub refused_script: bool,
    /// When the peer's silence has lasted too long.
    pub deadline: Option<Monotonic>,
}

impl ShuttingDown {
    /// Begins a close: ours, or the peer's with its `shutdown`.
    pub fn begin(
        channel: FundedChannel,
        request: CloseRequest,
        cx: &mut Context<'_>,
    ) -> (Self, Vec<Effect>) {
        let local_script = request.script.clone().unwrap_or_else(|| cx.wallet.fresh_script());
        let offer = FeeratePerKw(request.feerate.0.max(MIN_OFFER).min(request.cap.0));
        let mut state = Self {
            channel,
            request,
            local_script,
            remote_script: None,
            offer,
            tries: 0,
            errors: 0,
            waits_since: None,
            patience: Patience::begin(cx.now),
            here: Here::default(),
        };
        let effects = state.proceed(cx);
        (state, effects)
    }

    /// A new connection: `channel_reestablish` first; everything else waits for theirs.
    pub fn on_connected(mut self, cx: &Context<'_>) -> Transition {
        self.here = Here::default();
        let reestablish = self.channel.reestablish(cx.wallet);
        let effects = vec![Effect::send(Message::ChannelReestablish(reestablish))];
        Transition::to(self, "", effects)
    }

    /// The connection is gone and with it all that was said on it.
    pub fn on_disconnected(mut self) -> Transition {
        self.here = Here::default();
        Transition::stay(self)
    }

    /// The peer's `channel_reestablish`: then `channel_ready`, if it may have been lost, and `shutdown`.
    pub fn on_reestablish(mut self, cx: &mut Context<'_>) -> Transition {
        let Some(theirs) = cx.link.theirs.clone() else { return Transition::stay(self) };
        match funding::compare(&self.channel, &theirs, cx.wallet) {
            Standing::Close(cause) => self.fails(cause, cx),
            Standing::InSync => {
                let mut effects = Vec::new();
                self.patience = Patience::begin(cx.now);
                let is_back = self.waits_since.take().is_some();
                if self.channel.channel_ready_sent && !cx.link.sent_channel_ready {
                    cx.link.sent_channel_ready = true;
                    effects.push(Effect::send(self.channel.channel_ready(cx.wallet)));
                }
                effects.extend(self.proceed(cx));
                let cause = if is_back { "the peer is back" } else { "" };
                Transition::to(self, cause, effects)
            }
        }
    }

    /// The peer's `shutdown`.
    pub fn on_shutdown(mut self, shutdown: Shutdown, cx: &mut Context<'_>) -> Transition {
        let (any_segwit, simple) = (cx.link.any_segwit, cx.link.simple_close);
        // [BOLT 2 shutdown R2] a script of no known form
        if !is_standard_shutdown_script(&shutdown.scriptpubkey, any_segwit || simple, simple) {
            // The same script would come again on every connection.
            let mut effects = Vec::new();
            if !std::mem::replace(&mut self.here.refused_script, true) {
                let text = "scriptpubkey of shutdown is not standard";
                effects.push(Effect::send(warning_message(self.channel.channel_id(), text)));
                let text = "the peer wants its money at a script of no known form: close by force";
                effects.push(Effect::Note(text.to_owned()));
            }
            return Transition::to(self, "", effects);
        }
        let changed = self.remote_script.as_ref() != Some(&shutdown.scriptpubkey);
        self.remote_script = Some(shutdown.scriptpubkey);
        self.here.received_shutdown = true;
        let effects = self.proceed(cx);
        let cause = if changed { "the peer sent shutdown" } else { "" };
        Transition::to(self, cause, effects)
    }

    /// The peer's `closing_signed`.
    pub fn on_closing_signed(mut self, m: &ClosingSigned, cx: &mut Context<'_>) -> Transition {
        let Some(balances) = self.negotiable(cx) else {
            let text = "closing_signed before both shutdown";
            let warning = Effect::send(warning_message(self.channel.channel_id(), text));
            return Transition::to(self, "", vec![warning]);
        };
        let agreed = balances.agree_legacy(&self.channel, m.fee_satoshis, &m.signature, cx.wallet);
        // [BOLT 2 closing_signed R1] neither variant is signed
        let Some(agreed) = agreed else {
            let text = "closing_signed does not sign a closing transaction";
            let warning = Effect::send(warning_message(self.channel.channel_id(), text));
            return Transition::to(self, "", vec![warning, Effect::Reconnect(text)]);
        };
        if self.is_welcome(m.fee_satoshis, &agreed, cx) {
            // [BOLT 2 closing_signed R14] a fee that we agree with
            let range = balances.fee_range(&self.channel, m.fee_satoshis, cx.fees.floor);
            return self.conclude(m.fee_satoshis, agreed, range);
        }
        self.here.deadline = None;
        if self.channel.role == Role::Opener {
            if self.here.rounds >= MAX_ROUNDS {
                // [BOLT 2 closing_signed R8] no better fee came
                return self.begin_anew("the peer insists on a fee above the limit");
            }
            // [BOLT 2 closing_signed R13] no creeping towards each other: a listed exception
            // [BOLT 2 closing_signed R15] our offer is repeated: a listed exception
            let is_first = self.here.rounds <= 1;
            let mut effects = self.offer_legacy(&balances, cx);
            let most = self.here.offered.last().copied().unwrap_or(Amount::ZERO);
            if is_first && m.fee_range.is_some_and(|range| range.min_fee_satoshis > most) {
                // [BOLT 2 closing_signed R7] no fee suits both
                let text = "fee_range begins above what we offer";
                effects.push(Effect::send(warning_message(self.channel.channel_id(), text)));
            }
            return Transition::to(self, "", effects);
        }
        // Below the relay floor the transaction would be worth nothing: ask for the floor.
        let effects = self.counter_legacy(&balances, cx);
        Transition::to(self, "", effects)
    }

    /// The peer's `error`: it costs one reconnect, the second one costs the channel.
    pub fn on_error(mut self, data: &[u8], cx: &mut Context<'_>) -> Transition {
        let text = peer_text(data);
        self.errors = self.errors.saturating_add(1);
        if self.errors < MAX_ERRORS || funding::is_transient(&text) {
            let cause = format!("the peer sent an error: {text:?}");
            return Transition::to(self, cause, vec![Effect::Reconnect("an error while closing")]);
        }
        let cause = funding::CloseCause::PeerError(text);
        self.fails(cause, cx)
    }

    /// The peer may have an offer of ours already, and broadcast it: its script is still that of a mutual close.
    fn fails(self, cause: funding::CloseCause, cx: &mut Context<'_>) -> Transition {
        let scripts = (self.local_script, self.remote_script);
        with_scripts(Closing::by_cause(self.channel, cause, cx), scripts)
    }

    /// The peer's `warning`: the opener offers more, on a new connection.
    pub fn on_warning(self) -> Transition {
        if self.channel.role == Role::Opener && !self.here.offered.is_empty() {
            return self.begin_anew("the peer sent a warning");
        }
        Transition::stay(self)
    }

    /// The peer is silent: for long enough to try again, or to tell the operator.
    pub fn on_deadline(mut self, cx: &Context<'_>) -> Transition {
        if self.patience.until.is_some_and(|until| until <= cx.now.monotonic) {
            self.patience.until = None;
            self.waits_since = Some(self.patience.since);
            let text = self.note();
            return Transition::to(self, text.clone(), vec![Effect::Note(text)]);
        }
        self.here.deadline = None;
        // [BOLT 2 closing_signed S3] another try, then the operator: a listed exception
        // [BOLT 2 closing_complete S18] no closing_sig
        self.begin_anew("the peer does not answer")
    }

    /// Other fees for the same wish. The script stays: it has been said already.
    pub fn on_requested(mut self, request: CloseRequest, cx: &mut Context<'_>) -> Transition {
        let before = (self.request.clone(), self.offer, self.tries);
        let script = self.request.script.take();
        self.request = CloseRequest { script, ..request };
        self.offer = FeeratePerKw(self.request.feerate.0.max(MIN_OFFER).min(self.request.cap.0));
        self.tries = 0;
        let effects = if self.here.offered.is_empty() && self.here.complete.is_none() {
            self.proceed(cx)
        } else {
            vec![Effect::Reconnect("the close was asked for again")]
        };
        let is_same = before == (self.request.clone(), self.offer, self.tries);
        let cause = if is_same { "" } else { "the close was asked for again" };
        Transition::to(self, cause, effects)
    }

    /// By force after all. A transaction that was signed for before may still win: its scripts stay known.
    pub fn on_forced(self, request: CloseRequest, cx: &mut Context<'_>) -> Transition {
        let scripts = (self.local_script, self.remote_script);
        with_scripts(Closing::force(self.channel, request, "closed by force", cx), scripts)
    }

    /// News of the funding transaction.
    pub fn on_funding(mut self, event: &funding::Event, cx: &Context<'_>) -> Transition {
        let cause = self.channel.on_chain(event, cx.now.timestamp).unwrap_or_default();
        Transition::to(self, cause, Vec::new())
    }

    /// What the operator should know of the wait; empty before it has lasted.
    pub fn note(&self) -> String {
        self.waits_since.map_or_else(String::new, |since| {
            format!("waiting for the peer since {}: close --force is offered", since.utc())
        })
    }

    /// When [`Event::Deadline`] is due.
    pub fn deadline(&self) -> Option<Monotonic> {
        self.here.deadline.into_iter().chain(self.patience.until).min()
    }

    /// A new tip: the opener's funding transaction goes out again until it is in a block. After a restart the
    /// wait for the peer begins with the first one.
    pub fn on_block(mut self, cx: &Context<'_>) -> Transition {
        if self.patience.until.is_none() && self.waits_since.is_none() {
            self.patience = Patience::begin(cx.now);
        }
        let effects = rebroadcast(&self.channel).into_iter().collect();
        Transition::to(self, "", effects)
    }

    /// Says what is due: `shutdown`, then the first offer.
    fn proceed(&mut self, cx: &mut Context<'_>) -> Vec<Effect> {
        if !cx.link.is_reestablished() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        // [BOLT 2 shutdown S4] once on a connection
        // [BOLT 2 shutdown R3] theirs is answered at any time
        // [BOLT 2 shutdown R4] with ours, unless that went already
        // [BOLT 2 channel_reestablish G22] again on each connection
        if !cx.link.sent_shutdown {
            cx.link.sent_shutdown = true;
            // [BOLT 2 shutdown S10] a script of the wallet, or of the operator
            effects.push(Effect::send(Shutdown {
                channel_id: self.channel.channel_id(),
                scriptpubkey: self.local_script.clone(),
            }));
        }
        let Some(balances) = self.negotiable(cx) else { return effects };
        if cx.link.simple_close {
            // [BOLT 2 closing_complete G1] both shutdown are here
            effects.extend(self.offer_simple(&balances, cx));
        } else if self.channel.role == Role::Opener && self.here.offered.is_empty() {
            // [BOLT 2 closing_signed G1] both shutdown are here
            effects.extend(self.offer_legacy(&balances, cx));
        }
        effects
    }

    /// The balances, once both `shutdown` have been said on this connection.
    pub(crate) fn negotiable(&self, cx: &Context<'_>) -> Option<Balances> {
        let remote_script = self.remote_script.clone()?;
        (cx.link.sent_shutdown && self.here.received_shutdown)
            .then(|| Balances::new(&self.channel, self.local_script.clone(), remote_script))
    }

    /// As opener: our offer.
    fn offer_legacy(&mut self, balances: &Balances, cx: &Context<'_>) -> Vec<Effect> {
        // [BOLT 2 closing_signed S1] what was asked for, by default the estimate
        self.closing_signed(balances.fee_at(&self.channel, self.offer), balances, cx)
    }

    /// As accepter: the least that relays, and anything above that the opener can pay.
    fn counter_legacy(&mut self, balances: &Balances, cx: &Context<'_>) -> Vec<Effect> {
        if self.here.rounds >= MAX_ROUNDS {
            return vec![Effect::Reconnect("the opener insists on a fee that does not relay")];
        }
        let floor = balances.fee_at(&self.channel, cx.fees.floor);
        self.closing_signed(floor, balances, cx)
    }

    fn closing_signed(
        &mut self,
        fee: Amount,
        balances: &Balances,
        cx: &Context<'_>,
    ) -> Vec<Effect> {
        // [BOLT 2 closing_signed S6] over the transaction without our dust
        let Some(signature) = balances.sign_legacy(&self.channel, fee, cx.wallet) else {
            let text = "no closing transaction is possible: close by force";
            return vec![Effect::Note(text.to_owned())];
        };
        self.here.offered.insert(fee);
        self.here.rounds = self.here.rounds.saturating_add(1);
        self.here.deadline = Some(cx.now.monotonic.after_seconds(SILENCE));
        let range = balances.fee_range(&self.channel, fee, cx.fees.floor);
        vec![closing_signed(&self.channel, fee, signature, range)]
    }

    /// Whether the peer's fee for this transaction may be signed: ours already, or within what the payer of it
    /// allows.
    fn is_welcome(&self, fee: Amount, agreed: &Agreed, cx: &Context<'_>) -> bool {
        if self.here.offered.contains(&fee) {
            return true;
        }
        // As the network counts it: an output may be missing, and a signature shorter than it might be.
        let relays = fee >= cx.fees.floor.fee_ceil(agreed.transaction.weight().to_wu());
        match self.channel.role {
            // [BOLT 2 closing_signed R9] up to the cap: a listed exception
            // [BOLT 2 closing_signed R10] what is in both ranges is below it
            Role::Opener => relays && fee <= self.request.cap_fee(agreed.weight(&self.channel)),
            // The opener's business, as long as it relays.
            // [BOLT 2 closing_signed R11] also another fee than ours: a listed exception
            // [BOLT 2 closing_signed R12] theirs, or the least that relays
            Role::Accepter => relays,
        }
    }

    /// The peer's signature is good and its fee welcome: sign it too, unless we have, and broadcast.
    fn conclude(self, fee: Amount, agreed: Agreed, range: FeeRange) -> Transition {
        let mut effects = Vec::new();
        if !self.here.offered.contains(&fee) {
            // [BOLT 2 closing_signed R5] theirs, if it was not ours
            effects.push(closing_signed(&self.channel, fee, agreed.local_signature, range));
        }
        // [BOLT 2 closing_signed R2] theirs is what we said
        // [BOLT 2 closing_signed R4] or may be
        effects.push(Effect::Broadcast(vec![agreed.transaction.clone()]));
        let plan = Plan::Mutual { transaction: agreed.transaction };
        let cause = format!("the closing transaction is agreed, for {fee}");
        let closing = Closing::new(self.channel, self.request, plan, self.local_script)
            .with_remote_script(self.remote_script);
        Transition::to(closing, cause, effects)
    }

    /// A new connection, and as opener twice the offer, up to the cap.
    pub(crate) fn begin_anew(mut self, why: &'static str) -> Transition {
        if self.tries >= MAX_TRIES {
            let text = format!(
                "{why}: the close stands still; ask again with a higher limit, or by force"
            );
            return Transition::to(self, "", vec![Effect::Note(text)]);
        }
        self.tries = self.tries.saturating_add(1);
        self.offer = FeeratePerKw(self.offer.0.saturating_mul(2).min(self.request.cap.0));
        let cause = format!("{why}: try {} offers {} sat/kw", self.tries, self.offer.0);
        Transition::to(self, cause, vec![Effect::Reconnect(why)])
    }
}

/// A close that begins anew, with the scripts that the negotiation before it had.
fn with_scripts(mut closes: Transition, scripts: (ScriptBuf, Option<ScriptBuf>)) -> Transition {
    if let Some(State::Closing(closing)) = &mut closes.next {
        (closing.local_script, closing.remote_script) = scripts;
    }
    closes
}

/// A `closing_signed` of ours.
pub(crate) fn closing_signed(
    channel: &FundedChannel,
    fee: Amount,
    signature: Signature,
    range: FeeRange,
) -> Effect {
    Effect::send(ClosingSigned {
        channel_id: channel.channel_id(),
        fee_satoshis: fee,
        signature,
        fee_range: Some(range),
    })
}

/// The opener's funding transaction, until it is in a block.
pub(crate) fn rebroadcast(channel: &FundedChannel) -> Option<Effect> {
    match funding::rebroadcast(channel) {
        Some(funding::Effect::Broadcast(transactions)) => Some(Effect::Broadcast(transactions)),
        Some(_) | None => None,
    }
}

/// A request in the peer's name, as its `shutdown` makes it.
pub(crate) fn remote_request(cx: &Context<'_>) -> CloseRequest {
    CloseRequest {
        who: Who::Remote,
        reason: "the peer sent shutdown".to_owned(),
        script: None,
        feerate: cx.fees.normal,
        cap: default_cap(cx.fees.normal),
    }
}

/// What a close may cost if nobody said: three times the estimate, but at least 25 sat/vB, which is what an
/// LND without estimates asks for.
pub fn default_cap(feerate: FeeratePerKw) -> FeeratePerKw {
    FeeratePerKw(feerate.0.saturating_mul(3).max(6_250))
}

impl ShuttingDown {
    /// What the chain and the wire have in store, by event: see `state.rs` for the table.
    pub(crate) fn on_spent(self, event: Event, cx: &mut Context<'_>) -> Transition {
        let Event::Spent { transaction, height } = event else { return Transition::stay(self) };
        let script = self.local_script.clone();
        Closing::new(self.channel, self.request, Plan::Watch, script)
            .with_remote_script(self.remote_script)
            .on_spent(transaction, height, cx)
    }
}

/// In sat per 1,000 weight units: below it some peers do not relay what we offer.
const MIN_OFFER: u32 = 500;
/// How often an offer is repeated on one connection.
const MAX_ROUNDS: u32 = 100;
/// Seconds of silence after an offer.
const SILENCE: u64 = 10;
/// Seconds of uptime that the peer is waited for before the operator is told.
const PATIENCE: u64 = 600;
/// Errors that a channel survives while closing, plus one.
const MAX_ERRORS: u8 = 2;
/// How often the negotiation begins anew by itself.
const MAX_TRIES: u8 = 8;
