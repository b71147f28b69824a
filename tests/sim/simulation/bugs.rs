//! Faults that are planted to see that they are found. They live in the simulator's shell, which stands for
//! all that is between a node and the world: the nodes themselves are those of the product.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// Effects leave before their commit.
    EffectsBeforeCommit,
    /// Chance begins anew with each start, and so keys come twice.
    KeysReused,
    /// What was to be broadcast before a restart is not broadcast after it.
    NoRebroadcast,
    /// `channel_ready` leaves once and never again.
    ChannelReadyOnce,
    /// A lost connection is not noticed while `funding_signed` is waited for.
    DisconnectIgnored,
    /// The wallet's rows are written one commit late.
    TipsApart,
    /// What was in a block once is never broadcast again.
    SweepLost,
    /// Commitment #0 is broadcast although the peer has proved a later one.
    StaleCommitment,
    /// What was broadcast once is never broadcast again, not even by the process that did it.
    BroadcastOnce,
}

impl Bug {
    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EffectsBeforeCommit => "effects-before-commit",
            Self::KeysReused => "keys-reused",
            Self::NoRebroadcast => "no-rebroadcast",
            Self::ChannelReadyOnce => "channel-ready-once",
            Self::DisconnectIgnored => "disconnect-ignored",
            Self::TipsApart => "tips-apart",
            Self::SweepLost => "sweep-lost",
            Self::StaleCommitment => "stale-commitment",
            Self::BroadcastOnce => "broadcast-once",
        }
    }
}
