//! What a state may look at, and the little that it knows of the present connection.

use crate::Policy;
use bitcoin::OutPoint;
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Funds, Height, Signer, Timestamp};
use wire::{AnnouncementSignatures, ChannelReestablish};

/// Keys and coins together.
pub trait Wallet: Signer + Funds {}
impl<T: Signer + Funds> Wallet for T {}

/// Milliseconds since the process began: for deadlines, none of which outlives the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// This moment and so many seconds.
    pub const fn after_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }
}

/// The two times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub monotonic: Monotonic,
    /// For records.
    pub timestamp: Timestamp,
}

/// What the fee estimator says, in sat per 1,000 weight units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// To be confirmed within 2 blocks.
    pub fast: FeeratePerKw,
    /// Within 6 blocks.
    pub normal: FeeratePerKw,
    /// Below this the backend does not relay.
    pub floor: FeeratePerKw,
}

impl Default for Fees {
    fn default() -> Self {
        Self { fast: FeeratePerKw(1_000), normal: FeeratePerKw(1_000), floor: FeeratePerKw(253) }
    }
}

/// What a step may use.
pub struct Context<'a> {
    /// Keys and coins.
    pub wallet: &'a mut dyn Wallet,
    /// Our terms and limits.
    pub policy: &'a Policy,
    /// Feerates.
    pub fees: Fees,
    /// The height of the chain as we have followed it.
    pub tip: Height,
    /// Whether that is all there is; while it is not, nothing is forgotten for its age.
    pub synced: bool,
    /// The time.
    pub now: Now,
    /// Coins that belong to opens, this one's included.
    pub leased: &'a BTreeSet<OutPoint>,
    /// Funding outpoints of all channels, this one's excluded.
    pub outpoints: &'a dyn Fn(&OutPoint) -> bool,
    /// The connection to the channel's peer.
    pub link: &'a mut Link,
}

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

    /// A link over a connection with these features in common.
    pub fn new(kind: LinkKind, simple_close: bool, any_segwit: bool) -> Self {
        Self { kind, simple_close, any_segwit, ..Self::default() }
    }
}
