//! Why a connection was closed.

use std::fmt;

use wire::{DecodeError, feature};

/// Why we close. Each is logged; most are told to the peer as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No `init` in time.
    InitTimeout,
    /// The first message was another one.
    FirstMessageNotInit {
        /// Its type.
        type_number: u16,
    },
    /// The first message was an `error` or a `warning`.
    RefusedByPeer {
        /// The peer's own words, fit to print.
        text: String,
    },
    /// A second `init`.
    SecondInit,
    /// The peer requires a feature that we do not have.
    RequiredFeature {
        /// The even bit.
        bit: u16,
    },
    /// The peer offers a feature without another that it needs.
    MissingDependency {
        /// The even bit of the feature.
        feature: u16,
        /// The even bit of what it needs.
        needs: u16,
    },
    /// The peer named its chains, and ours is not among them.
    NoCommonNetwork,
    /// No pong, or none of the right length, in time.
    PongTimeout,
    /// The peer was silent for too long.
    Idle,
    /// A message without a whole type number.
    TooShort,
    /// A message of an unknown type that must not be ignored.
    UnknownEvenType {
        /// The type.
        type_number: u16,
    },
    /// A message of a known type that cannot be read.
    Malformed {
        /// The type.
        type_number: u16,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// More messages than a stranger may send.
    MessageFlood,
    /// More pong bytes asked for than anyone may.
    PingFlood,
}

impl CloseReason {
    /// What the peer is told: short, fixed and true. `None` when it would not read it, or when
    /// nothing may be sent yet.
    pub fn text_to_peer(&self) -> Option<&'static str> {
        match self {
            Self::InitTimeout
            | Self::FirstMessageNotInit { .. }
            | Self::RefusedByPeer { .. }
            | Self::PongTimeout
            | Self::Idle => None,
            Self::SecondInit => Some("init was already received on this connection"),
            Self::RequiredFeature { .. } => Some("a feature that you require is not supported"),
            Self::MissingDependency { .. } => Some("a feature lacks another that it depends on"),
            Self::NoCommonNetwork => Some("no common network"),
            Self::TooShort => Some("a message is shorter than its type"),
            Self::UnknownEvenType { .. } => Some("a message has an unknown even type"),
            Self::Malformed { .. } => Some("a message could not be decoded"),
            Self::MessageFlood => Some("too many messages"),
            Self::PingFlood => Some("too many pings"),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InitTimeout => f.write_str("the peer sent no init in time"),
            Self::FirstMessageNotInit { type_number } => {
                write!(f, "the peer's first message was of type {type_number}, not init")
            }
            Self::RefusedByPeer { text } => write!(f, "the peer refused the connection: {text}"),
            Self::SecondInit => f.write_str("the peer sent init twice"),
            Self::RequiredFeature { bit } => {
                write!(f, "the peer requires feature {bit} ({}), which we lack", name(*bit))
            }
            Self::MissingDependency { feature, needs } => {
                write!(f, "the peer offers {} without {}", name(*feature), name(*needs))
            }
            Self::NoCommonNetwork => f.write_str("the peer serves no chain of ours"),
            Self::PongTimeout => f.write_str("the peer did not answer a ping in time"),
            Self::Idle => f.write_str("the peer was silent for too long"),
            Self::TooShort => f.write_str("the peer sent a message shorter than its type"),
            Self::UnknownEvenType { type_number } => {
                write!(f, "the peer sent a message of unknown even type {type_number}")
            }
            Self::Malformed { type_number, error } => {
                write!(f, "a message of type {type_number} cannot be read: {error}")
            }
            Self::MessageFlood => f.write_str("the peer sent too many messages"),
            Self::PingFlood => f.write_str("the peer asked for too many pongs"),
        }
    }
}

impl std::error::Error for CloseReason {}

fn name(bit: u16) -> &'static str {
    feature::name(bit).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_to_peers_are_short_and_printable() {
        let told = [
            CloseReason::SecondInit,
            CloseReason::RequiredFeature { bit: 28 },
            CloseReason::MissingDependency { feature: 16, needs: 14 },
            CloseReason::NoCommonNetwork,
            CloseReason::TooShort,
            CloseReason::UnknownEvenType { type_number: 4 },
            CloseReason::MessageFlood,
            CloseReason::PingFlood,
        ];
        for reason in told {
            let text = reason.text_to_peer().unwrap();
            assert!(text.len() < 60 && text.bytes().all(|byte| (32..=126).contains(&byte)));
            assert!(!text.ends_with("internal error"));
        }
    }

    #[test]
    fn the_operator_reads_names() {
        let shown = [
            (CloseReason::RequiredFeature { bit: 28 }, "feature 28 (option_dual_fund)"),
            (CloseReason::RequiredFeature { bit: 998 }, "feature 998 (unknown)"),
            (
                CloseReason::MissingDependency { feature: 50, needs: 46 },
                "option_zeroconf without option_scid_alias",
            ),
        ];
        for (reason, part) in shown {
            assert!(reason.to_string().contains(part), "{reason}");
        }
    }
}
