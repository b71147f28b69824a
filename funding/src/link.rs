//! The little that a channel knows of the present connection.

use wire::{AnnouncementSignatures, ChannelReestablish};

/// The connection as the channel sees it: the third axis. It lives in memory only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Up or down.
    pub kind: LinkKind,
    /// The peer's `channel_reestablish` on this connection.
    pub theirs: Option<ChannelReestablish>,
    /// Whether `channel_ready` left on this connection.
    pub sent_channel_ready: bool,
    /// Whether `shutdown` left on this connection.
    pub sent_shutdown: bool,
    /// Whether both sides offered `option_simple_close` on this connection.
    pub simple_close: bool,
    /// Whether both sides offered `option_shutdown_anysegwit` on this connection.
    pub any_segwit: bool,
    /// Whether the peer's last `closing_signed` was answered on this connection.
    pub echoed_close: bool,
    /// Whether the peer was warned of its updates on this connection.
    pub warned: bool,
    /// Whether the peer was asked to close on this connection.
    pub asked_to_close: bool,
    /// The peer's `announcement_signatures`, until the channel is deep enough for an answer.
    pub announcement: Option<AnnouncementSignatures>,
    /// Whether `announcement_signatures` left on this connection.
    pub sent_announcement_signatures: bool,
    /// Notes that the peer's messages have led to on this connection.
    pub notes: u8,
}

/// Whether there is a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// None.
    #[default]
    Down,
    /// The connection that carried `funding_signed`: no `channel_reestablish` is exchanged on it.
    Fresh,
    /// A later one: `channel_reestablish` was our first message.
    Up,
}

impl Link {
    /// Whether a message can be sent.
    pub fn is_up(&self) -> bool {
        self.kind != LinkKind::Down
    }

    /// Whether both sides have said where they stand.
    pub fn is_reestablished(&self) -> bool {
        match self.kind {
            LinkKind::Down => false,
            LinkKind::Fresh => true,
            LinkKind::Up => self.theirs.is_some(),
        }
    }

    /// A note about what the peer says, unless it has led to many: it must not fill a disk with them.
    pub fn note(&mut self, text: String) -> Option<String> {
        self.notes = self.notes.saturating_add(1);
        (self.notes <= MAX_NOTES).then_some(text)
    }

    /// A link over a connection with these features in common.
    pub fn new(kind: LinkKind, simple_close: bool, any_segwit: bool) -> Self {
        Self { kind, simple_close, any_segwit, ..Self::default() }
    }
}

/// Notes of one connection about one channel; the messages behind them are the peer's to send.
const MAX_NOTES: u8 = 8;
