//! What the type of a message says about how to treat it.

use wire::MessageType;

/// How a message is treated, before its payload is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageClass {
    /// Decoded: for the connection itself or for the node.
    Known,
    /// Gossip and onion messages: read off the wire and forgotten.
    Dropped,
    /// It may be ignored, and it is: odd, and unknown or of a feature that we do not offer.
    Ignored,
    /// Nobody knows it, and it must not be ignored.
    UnknownEven,
}

impl MessageClass {
    pub(crate) fn of(type_number: u16) -> Self {
        match type_number {
            // BOLT 7: announcements, updates, queries and their answers; BOLT 4: onion messages
            256..=258 | 261..=265 | 513 => Self::Dropped,
            // peer_storage and peer_storage_retrieval
            7 | 9 => Self::Ignored,
            known if MessageType::find(known).is_some() => Self::Known,
            // [BOLT 1 messages R1] Odd and unknown: ignored.
            odd if odd % 2 == 1 => Self::Ignored,
            // [BOLT 1 messages R2] Even and unknown: the connection closes.
            _ => Self::UnknownEven,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_one_class() {
        let count = |class| (0..=u16::MAX).filter(|&n| MessageClass::of(n) == class).count();
        assert_eq!(count(MessageClass::Known), 5 + 1 + 9 + 15 + 8 + 1);
        assert_eq!(count(MessageClass::Dropped), 3 + 5 + 1);
        for unknown in [0, 4, 20, 30, 42, 78, 82, 126, 138, 260, 266, 512, 514, 32_768] {
            assert_eq!(MessageClass::of(unknown), MessageClass::UnknownEven, "{unknown}");
        }
        for unknown in [3, 5, 7, 9, 37, 75, 79, 129, 137, 267, 511, 32_769, 65_535] {
            assert_eq!(MessageClass::of(unknown), MessageClass::Ignored, "{unknown}");
        }
    }
}
