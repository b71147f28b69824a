//! One connection: init first, pings answered, limits kept, the rest for the node.

use std::time::Duration;

use tracing::{debug, info};
use wire::{ChannelId, Features, Init, Message, Ping, Pong, Warning};

use crate::init::check_init;
use crate::keepalive::{Due, Keepalive};
use crate::message_class::MessageClass;
use crate::token_bucket::TokenBucket;
use crate::{CloseReason, Monotonic, PeerText, Settings};

/// The BOLT 1 side of one connection, made when the handshake is done.
///
/// After each call: send what there is to [`Output::send`], pass on [`Output::deliver`], and if
/// there is a [`Output::close`], flush and close. Spurious calls are harmless, and a closed
/// connection answers nothing any more.
#[derive(Clone, Debug)]
pub struct Connection {
    settings: Settings,
    phase: Phase,
    /// When the last message came.
    heard: Monotonic,
    /// `None`: the peer is no stranger.
    messages: Option<TokenBucket>,
    pongs: TokenBucket,
    /// Texts of the peer that may still be logged.
    texts_left: u8,
}

/// What one call to a [`Connection`] asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Output {
    /// Messages for the peer, in this order.
    pub send: Vec<Message>,
    /// What the node must know, in this order.
    pub deliver: Vec<Delivery>,
    /// The connection is over: send what there is to send, then close it.
    pub close: Option<CloseReason>,
    /// The peer answered the ping that was on its way.
    pub answered: bool,
}

/// What a connection passes on.
#[expect(clippy::large_enum_variant, reason = "handed on at once, never kept in numbers")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The peer's `init` came and suits us. Always the first, and there is only one.
    Connected {
        /// What the peer offers and requires.
        features: Features,
    },
    /// A message of BOLT 2, an `error`, a `warning` or `announcement_signatures`. Messages that
    /// belong to features which we do not offer come as [`Message::Raw`].
    Message(Message),
    /// The peer answered a ping that was sent because of [`Connection::wants_ping`].
    Alive,
}

#[derive(Clone, Debug)]
enum Phase {
    WaitForInit {
        deadline: Monotonic,
        /// The node wants a ping as soon as one may be sent.
        ask: bool,
    },
    Open(Keepalive),
    Closed,
}

impl Connection {
    /// The connection, and the `init` that must be the first message on it.
    pub fn new(settings: Settings, now: Monotonic) -> (Self, Init) {
        let limits = &settings.limits;
        // [BOLT 1 init S1] The caller has nothing else to send before it.
        // [BOLT 1 init S4] [BOLT 1 init S5] On the wire: no globalfeatures, and as few bytes of
        // features as they need.
        let init = settings.init.clone();
        let connection = Self {
            phase: Phase::WaitForInit { deadline: now.plus(limits.init_deadline), ask: false },
            heard: now,
            messages: Some(TokenBucket::new(limits.messages_per_second, limits.message_burst, now)),
            pongs: TokenBucket::new(limits.pong_bytes_per_second, limits.pong_burst, now),
            texts_left: TEXTS_LOGGED,
            settings,
        };
        (connection, init)
    }

    /// One message was read and decrypted: its type and its payload.
    pub fn received(&mut self, now: Monotonic, message: &[u8]) -> Output {
        let mut output = Output::default();
        self.forgive_lateness(now);
        self.heard = now;
        if let Err(reason) = self.on_message(now, message, &mut output) {
            self.close(reason, &mut output);
        }
        self.run_deadlines(now, &mut output);
        output
    }

    /// The node wants to know whether the peer lives: a ping goes out as soon as it may, and
    /// [`Delivery::Alive`] follows its pong. Questions that come before the answer share it.
    pub fn wants_ping(&mut self, now: Monotonic) -> Output {
        let mut output = Output::default();
        match &mut self.phase {
            Phase::WaitForInit { ask, .. } => *ask = true,
            Phase::Open(keepalive) => output.send.extend(keepalive.ask(now).map(Message::Ping)),
            Phase::Closed => {}
        }
        output
    }

    /// The peer is no stranger: it has a channel with us, or the operator named it. Its messages
    /// are no longer counted.
    pub fn acquainted(&mut self) {
        self.messages = None;
    }

    /// Nothing was read from the socket for so long: not the peer's fault, so all deadlines move.
    pub fn did_not_listen(&mut self, time: Duration) {
        self.heard = self.heard.plus(time);
        match &mut self.phase {
            Phase::WaitForInit { deadline, .. } => *deadline = deadline.plus(time),
            Phase::Open(keepalive) => keepalive.postpone(time),
            Phase::Closed => {}
        }
    }

    /// When to call [`Connection::tick`]; `None` once the connection is closed.
    pub fn deadline(&self) -> Option<Monotonic> {
        let idle = self.heard.plus(self.settings.limits.idle_deadline);
        match &self.phase {
            Phase::WaitForInit { deadline, .. } => Some(*deadline),
            Phase::Open(keepalive) => Some(keepalive.deadline().min(idle)),
            Phase::Closed => None,
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Monotonic) -> Output {
        let mut output = Output::default();
        self.forgive_lateness(now);
        self.run_deadlines(now, &mut output);
        output
    }

    fn on_message(
        &mut self,
        now: Monotonic,
        message: &[u8],
        output: &mut Output,
    ) -> Result<(), CloseReason> {
        if matches!(self.phase, Phase::Closed) {
            return Ok(());
        }
        let type_number = match message {
            [high, low, ..] => u16::from_be_bytes([*high, *low]),
            _ => return Err(CloseReason::TooShort),
        };
        if matches!(self.phase, Phase::WaitForInit { .. }) && type_number != Init::TYPE {
            return Err(first_message_not_init(type_number, message));
        }
        match MessageClass::of(type_number) {
            MessageClass::Dropped => Ok(()),
            MessageClass::Ignored => self.count(now),
            MessageClass::UnknownEven => Err(CloseReason::UnknownEvenType { type_number }),
            MessageClass::Known => {
                if type_number != Ping::TYPE {
                    self.count(now)?;
                }
                // [BOLT 1 messages R4] What is too short, or longer than its extension allows,
                // closes the connection.
                let message = Message::decode(message)
                    .map_err(|error| CloseReason::Malformed { type_number, error })?;
                self.on_decoded(now, message, output)
            }
        }
    }

    fn on_decoded(
        &mut self,
        now: Monotonic,
        message: Message,
        output: &mut Output,
    ) -> Result<(), CloseReason> {
        match message {
            Message::Init(init) => return self.on_init(now, init, output),
            Message::Ping(ping) => return self.on_ping(now, &ping, output),
            Message::Pong(pong) => self.on_pong(now, pong.byteslen, output),
            Message::Warning(warning) => {
                // [BOLT 1 error R3] Logged, so that it can be diagnosed later.
                self.log_text("warning", warning.channel_id, &warning.data);
                output.deliver.push(Delivery::Message(Message::Warning(warning)));
            }
            Message::Error(error) => {
                self.log_text("error", error.channel_id, &error.data);
                output.deliver.push(Delivery::Message(Message::Error(error)));
            }
            Message::OpenChannel(_)
            | Message::AcceptChannel(_)
            | Message::FundingCreated(_)
            | Message::FundingSigned(_)
            | Message::ChannelReady(_)
            | Message::Shutdown(_)
            | Message::ClosingSigned(_)
            | Message::ClosingComplete(_)
            | Message::ClosingSig(_)
            | Message::ChannelReestablish(_)
            | Message::AnnouncementSignatures(_)
            | Message::Raw(_) => output.deliver.push(Delivery::Message(message)),
        }
        Ok(())
    }

    fn on_init(
        &mut self,
        now: Monotonic,
        theirs: Init,
        output: &mut Output,
    ) -> Result<(), CloseReason> {
        let Phase::WaitForInit { ask, .. } = self.phase else {
            return Err(CloseReason::SecondInit);
        };
        // [BOLT 1 init R1] Until here nothing but our own init was sent.
        // [BOLT 1 init R2] The two maps of the peer are one by now.
        let mut keepalive = Keepalive::new(&self.settings.limits, now);
        let ping = ask.then(|| keepalive.ask(now)).flatten();
        self.phase = Phase::Open(keepalive);
        check_init(&self.settings.init, &theirs)?;
        output.deliver.push(Delivery::Connected { features: theirs.features });
        output.send.extend(ping.map(Message::Ping));
        Ok(())
    }

    fn on_ping(
        &mut self,
        now: Monotonic,
        ping: &Ping,
        output: &mut Output,
    ) -> Result<(), CloseReason> {
        // [BOLT 1 ping R2] CLN pads its traffic with pings that want no answer; any number is
        // fine.
        if ping.num_pong_bytes >= NO_PONG {
            return Ok(());
        }
        self.count(now)?;
        let size = u32::from(ping.num_pong_bytes).saturating_add(PONG_OVERHEAD);
        if !self.pongs.take(now, size) {
            return Err(CloseReason::PingFlood);
        }
        // [BOLT 1 ping R1] Answered here and now, without asking the node.
        // [BOLT 1 pong S1] [BOLT 1 pong S2] Only the number of bytes is ours; they are zeros.
        output.send.push(Message::Pong(Pong { byteslen: ping.num_pong_bytes }));
        Ok(())
    }

    fn on_pong(&mut self, now: Monotonic, byteslen: u16, output: &mut Output) {
        let Phase::Open(keepalive) = &mut self.phase else { return };
        let answer = keepalive.pong(now, byteslen);
        output.answered |= answer.answered;
        if answer.alive {
            output.deliver.push(Delivery::Alive);
        }
        output.send.extend(answer.ping.map(Message::Ping));
    }

    fn count(&mut self, now: Monotonic) -> Result<(), CloseReason> {
        match &mut self.messages {
            None => Ok(()),
            Some(bucket) => bucket.take(now, 1).then_some(()).ok_or(CloseReason::MessageFlood),
        }
    }

    /// The first few texts of a peer, so that it cannot fill the log.
    fn log_text(&mut self, kind: &str, channel_id: ChannelId, data: &[u8]) {
        if let Some(left) = self.texts_left.checked_sub(1) {
            self.texts_left = left;
            info!(kind, %channel_id, text = %PeerText(data), "the peer says");
        }
    }

    /// A wake-up so late means that the process was stopped, and what the peer sent meanwhile
    /// may still lie in the socket: all deadlines move, and the first one comes soon.
    fn forgive_lateness(&mut self, now: Monotonic) {
        let Some(deadline) = self.deadline() else { return };
        let late = now.since(deadline);
        if late > FORGIVEN {
            self.did_not_listen(late.saturating_add(TIME_TO_READ));
        }
    }

    fn run_deadlines(&mut self, now: Monotonic, output: &mut Output) {
        let idle = now >= self.heard.plus(self.settings.limits.idle_deadline);
        let reason = match &mut self.phase {
            Phase::WaitForInit { deadline, .. } if now >= *deadline => CloseReason::InitTimeout,
            Phase::Open(_) if idle => CloseReason::Idle,
            Phase::Open(keepalive) => match keepalive.due(now) {
                Due::Nothing => return,
                Due::Ping(ping) => return output.send.push(Message::Ping(ping)),
                // [BOLT 1 ping S4] Nobody is told that a channel failed.
                Due::PongTimeout => CloseReason::PongTimeout,
            },
            Phase::WaitForInit { .. } | Phase::Closed => return,
        };
        self.close(reason, output);
    }

    fn close(&mut self, reason: CloseReason, output: &mut Output) {
        debug!(%reason, "closing the connection");
        // [BOLT 1 init R1] A peer that sent no init is told nothing.
        let may_send = matches!(self.phase, Phase::Open(_));
        if let Some(text) = reason.text_to_peer().filter(|_| may_send) {
            let data = text.as_bytes().to_vec();
            // [BOLT 1 error S9] About no channel in particular.
            output.send.push(Message::Warning(Warning { channel_id: ChannelId::ALL, data }));
        }
        self.phase = Phase::Closed;
        output.close = Some(reason);
    }
}

/// A peer that does not want us may say why, instead of `init`.
fn first_message_not_init(type_number: u16, message: &[u8]) -> CloseReason {
    let text = match Message::decode(message) {
        Ok(Message::Error(error)) => error.data,
        Ok(Message::Warning(warning)) => warning.data,
        _ => return CloseReason::FirstMessageNotInit { type_number },
    };
    CloseReason::RefusedByPeer { text: PeerText(&text).to_string() }
}

/// From here on `num_pong_bytes` asks for no pong.
const NO_PONG: u16 = 65_532;
/// What a pong costs us besides its bytes: type, length, the seals of BOLT 8, and our time.
const PONG_OVERHEAD: u32 = 64;
const TEXTS_LOGGED: u8 = 16;
const FORGIVEN: Duration = Duration::from_secs(10);
const TIME_TO_READ: Duration = Duration::from_secs(5);
