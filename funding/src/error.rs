//! What can go wrong, who is at fault, and what the peer is told.

use bitcoin::Amount;
use std::fmt;
use wire::{ChannelId, Message};

/// Why an open cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FundingError {
    /// The peer broke rules of BOLT 2: every one that we found.
    PeerMisbehaved(Vec<Violation>),
    /// Legal, but not with us.
    Rejected(Refusal),
    /// A message that the state does not wait for.
    Unexpected {
        /// The state.
        state: &'static str,
        /// The message.
        got: &'static str,
    },
    /// Our own fault.
    Internal(&'static str),
}

/// A rule of BOLT 2 that a peer broke. The text is what the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Another chain.
    UnknownChain,
    /// 2^24 sat or more without `option_support_large_channel`.
    FundingTooLarge,
    /// `push_msat` above the funding amount.
    PushMsatExceedsFunding,
    /// `to_self_delay` above our limit.
    ToSelfDelayTooLarge,
    /// More than 483.
    MaxAcceptedHtlcsTooLarge,
    /// Below 253 sat per 1,000 weight units.
    FeerateTooSmall,
    /// Far above every estimate.
    FeerateTooLarge,
    /// `dust_limit_satoshis` above `channel_reserve_satoshis`.
    DustLimitAboveReserve,
    /// Below 354 sat.
    DustLimitTooSmall,
    /// The opener cannot pay the commitment's fee and anchors.
    OpenerCannotPayFee,
    /// Both balances of commitment #0 at or below the reserve.
    BothBalancesBelowReserve,
    /// `channel_type` is absent, though both sides know it.
    ChannelTypeMissing,
    /// A type that we do not serve, or that was not negotiated.
    ChannelTypeUnsupported,
    /// `accept_channel` names another type than `open_channel`.
    ChannelTypeChanged,
    /// `minimum_depth` above our limit.
    MinimumDepthTooLarge,
    /// The accepter's reserve is below our dust limit.
    ReserveBelowOurDustLimit,
    /// Our reserve is below the accepter's dust limit.
    DustLimitAboveOurReserve,
    /// `upfront_shutdown_script` is no standard form.
    UpfrontShutdownScriptNotStandard,
    /// The signature does not sign our commitment.
    BadSignature,
    /// The signature has a high S.
    HighSignature,
    /// The keys cancel out.
    BadKeys,
    /// `funding_created` names the outpoint of another channel.
    OutpointInUse,
    /// The funding output in the chain is not the one that was agreed.
    WrongFundingOutput,
}

/// Legal, but not with us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Below our smallest channel.
    FundingTooSmall {
        /// Our smallest.
        limit: Amount,
    },
    /// More than a fifth of the channel.
    ReserveTooLarge {
        /// Our limit.
        limit: Amount,
    },
    /// Above 1,062 sat.
    DustLimitTooLarge {
        /// Our limit.
        limit: Amount,
    },
    /// We do not open channels with these terms: the decision of the operator or of the daemon's state.
    Declined(String),
    /// Too many opens that are not done.
    TooManyPending,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownChain => "unknown chain_hash",
            Self::FundingTooLarge => "funding_satoshis is 2^24 or more",
            Self::PushMsatExceedsFunding => "push_msat exceeds funding_satoshis",
            Self::ToSelfDelayTooLarge => "to_self_delay is too large",
            Self::MaxAcceptedHtlcsTooLarge => "max_accepted_htlcs exceeds 483",
            Self::FeerateTooSmall => "feerate_per_kw is below 253",
            Self::FeerateTooLarge => "feerate_per_kw is unreasonably large",
            Self::DustLimitAboveReserve => "dust_limit_satoshis exceeds channel_reserve_satoshis",
            Self::DustLimitTooSmall => "dust_limit_satoshis is below 354",
            Self::OpenerCannotPayFee => "the opener cannot pay the commitment fee",
            Self::BothBalancesBelowReserve => "no balance exceeds channel_reserve_satoshis",
            Self::ChannelTypeMissing => "channel_type is missing",
            Self::ChannelTypeUnsupported => "channel_type is not supported",
            Self::ChannelTypeChanged => "channel_type differs from the one proposed",
            Self::MinimumDepthTooLarge => "minimum_depth is too large",
            Self::ReserveBelowOurDustLimit => "channel_reserve_satoshis is below our dust limit",
            Self::DustLimitAboveOurReserve => "dust_limit_satoshis exceeds our channel reserve",
            Self::UpfrontShutdownScriptNotStandard => "upfront_shutdown_script is not standard",
            Self::BadSignature => "the signature does not sign the commitment transaction",
            Self::HighSignature => "the signature has a high S",
            Self::BadKeys => "the keys cancel out",
            Self::OutpointInUse => "the funding outpoint belongs to another channel",
            Self::WrongFundingOutput => "the funding output is not the one agreed",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FundingTooSmall { limit } => {
                write!(f, "funding_satoshis is too small, the smallest channel is {limit}")
            }
            Self::ReserveTooLarge { limit } => {
                write!(f, "channel_reserve_satoshis is too large, the largest is {limit}")
            }
            Self::DustLimitTooLarge { limit } => {
                write!(f, "dust_limit_satoshis is too large, the largest is {limit}")
            }
            Self::Declined(text) => f.write_str(text),
            Self::TooManyPending => f.write_str("too many pending channels"),
        }
    }
}

impl fmt::Display for FundingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerMisbehaved(violations) => {
                for (index, violation) in violations.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{violation}")?;
                }
                Ok(())
            }
            Self::Rejected(refusal) => refusal.fmt(f),
            Self::Unexpected { state, got } => write!(f, "unexpected {got} in {state}"),
            Self::Internal(text) => f.write_str(text),
        }
    }
}

impl From<Violation> for FundingError {
    fn from(violation: Violation) -> Self {
        Self::PeerMisbehaved(vec![violation])
    }
}

impl FundingError {
    /// What the peer is told before `funding_signed`: always an `error`, for nothing durable is lost by it.
    pub fn reply(&self, temporary_channel_id: ChannelId) -> Message {
        // [BOLT 1 error S1] as opener under the temporary id
        // [BOLT 1 error S2] as accepter, too
        // [BOLT 1 error S5] for a broken rule the open cannot go on
        error_message(temporary_channel_id, &self.to_string())
    }

    /// Whose fault it is.
    pub const fn origin(&self) -> Origin {
        match self {
            Self::PeerMisbehaved(_) | Self::Unexpected { .. } => Origin::Peer,
            Self::Rejected(_) | Self::Internal(_) => Origin::Local,
        }
    }
}

/// An `error` with a text of ours.
pub fn error_message(channel_id: ChannelId, text: &str) -> Message {
    Message::Error(wire::Error { channel_id, data: text.as_bytes().to_vec() })
}

/// A `warning` with a text of ours.
pub fn warning_message(channel_id: ChannelId, text: &str) -> Message {
    Message::Warning(wire::Warning { channel_id, data: text.as_bytes().to_vec() })
}

/// The text of a peer's `error` or `warning`, fit for a log: printable ASCII, and not too long.
pub fn peer_text(data: &[u8]) -> String {
    data.iter()
        .take(400)
        .map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '?' })
        .collect()
}

/// Who ended an open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// We, or our operator.
    Local,
    /// The peer.
    Peer,
    /// The chain or its backend.
    Chain,
    /// Nobody: time was up or the connection was lost.
    Timeout,
}

/// Why an open of ours ended without a channel. Its coins are free again, unless a tombstone says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who ended it.
    pub origin: Origin,
    /// In which state.
    pub stage: &'static str,
    /// What happened, for a person; a peer's own words are marked as such.
    pub text: String,
    /// Whether trying again may help.
    pub retry: bool,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Peer => "peer",
            Self::Chain => "chain",
            Self::Timeout => "timeout",
        })
    }
}
