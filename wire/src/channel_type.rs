//! `channel_type` (BOLT 2, `open_channel`): the features that shape a channel's transactions.

use std::fmt;

use crate::codec::Reader;
use crate::{DecodeError, DecodeReason, Features, feature};

/// A channel type (BOLT 2): an exact set of feature bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelType(pub Features);

impl ChannelType {
    /// `option_static_remotekey` alone: {12}.
    pub fn static_remotekey() -> Self {
        Self(Features::from_bits(&[feature::OPTION_STATIC_REMOTEKEY]))
    }

    /// `option_anchors` and what it stands on: {12, 22}.
    pub fn anchors_zero_fee_htlc_tx() -> Self {
        Self(Features::from_bits(&[feature::OPTION_STATIC_REMOTEKEY, feature::OPTION_ANCHORS]))
    }

    /// Whether the commitment transactions have anchor outputs.
    pub fn has_anchors(&self) -> bool {
        self.0.has(feature::OPTION_ANCHORS)
    }

    /// Reads the whole value of a TLV.
    pub(crate) fn read(value: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = value.offset();
        Features::from_be_bytes_exact(value.rest())
            .map(Self)
            .ok_or_else(|| value.error_at(start, "channel_type", DecodeReason::FeatureBitTooLarge))
    }
}

/// The names of the features joined by `+`, as in `option_static_remotekey+option_anchors`; a bit
/// that is odd or has no name is a number, and a type without bits is `none`.
impl fmt::Display for ChannelType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let mut separator = "";
        for bit in self.0.bits() {
            f.write_str(separator)?;
            match feature::name(bit).filter(|_| bit.is_multiple_of(2)) {
                Some(name) => f.write_str(name)?,
                None => write!(f, "{bit}")?,
            }
            separator = "+";
        }
        Ok(())
    }
}
