//! Who began.

/// A side of a channel, by what it did in the beginning (BOLT 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sent `open_channel`; pays for the funding output, the commitment fee and the anchors.
    Opener,
    /// Sent `accept_channel`.
    Accepter,
}

impl Role {
    /// The other side.
    pub const fn other(self) -> Self {
        match self {
            Self::Opener => Self::Accepter,
            Self::Accepter => Self::Opener,
        }
    }
}
