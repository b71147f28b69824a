//! Feature bits and what they depend on (BOLT 9).

use std::fmt;

/// The even bits of the features of BOLT 9. The odd bit, one above, says "optional".
pub mod feature {
    /// Assumed of every node; still set, because LND drops a connection without it.
    pub const OPTION_DATA_LOSS_PROTECT: u16 = 0;
    /// A script for the mutual close can be fixed when the channel opens.
    pub const OPTION_UPFRONT_SHUTDOWN_SCRIPT: u16 = 4;
    /// The peer has gossip worth asking for.
    pub const GOSSIP_QUERIES: u16 = 6;
    /// Onion payloads of any length. Assumed.
    pub const VAR_ONION_OPTIN: u16 = 8;
    /// Gossip queries with more detail.
    pub const GOSSIP_QUERIES_EX: u16 = 10;
    /// The remote balance goes to a key that never changes. Assumed.
    pub const OPTION_STATIC_REMOTEKEY: u16 = 12;
    /// Invoices carry a secret for the payer. Assumed.
    pub const PAYMENT_SECRET: u16 = 14;
    /// A payment may come in parts.
    pub const BASIC_MPP: u16 = 16;
    /// Channels of 2^24 satoshis and more.
    pub const OPTION_SUPPORT_LARGE_CHANNEL: u16 = 18;
    /// Anchor outputs, and HTLC transactions without a fee of their own.
    pub const OPTION_ANCHORS: u16 = 22;
    /// Blinded paths.
    pub const OPTION_ROUTE_BLINDING: u16 = 24;
    /// Any segwit version in `shutdown`.
    pub const OPTION_SHUTDOWN_ANYSEGWIT: u16 = 26;
    /// Channel establishment v2.
    pub const OPTION_DUAL_FUND: u16 = 28;
    /// `stfu`.
    pub const OPTION_QUIESCE: u16 = 34;
    /// Who delayed or failed a payment can be told.
    pub const OPTION_ATTRIBUTION_DATA: u16 = 36;
    /// Onion messages are forwarded.
    pub const OPTION_ONION_MESSAGES: u16 = 38;
    /// The peer keeps a backup for us.
    pub const OPTION_PROVIDE_STORAGE: u16 = 42;
    /// `channel_type` in `open_channel`. Assumed; still set, because LND sends none without it.
    pub const OPTION_CHANNEL_TYPE: u16 = 44;
    /// Channels have an alias for routing.
    pub const OPTION_SCID_ALIAS: u16 = 46;
    /// Invoices carry data of the payee's own.
    pub const OPTION_PAYMENT_METADATA: u16 = 48;
    /// Channels that are used before they confirm.
    pub const OPTION_ZEROCONF: u16 = 50;
    /// `closing_complete` and `closing_sig`.
    pub const OPTION_SIMPLE_CLOSE: u16 = 60;
    /// A channel's funding transaction can be replaced.
    pub const OPTION_SPLICE: u16 = 62;

    /// Every feature above, by its even bit, with its name in BOLT 9.
    pub const NAMES: [(u16, &str); 23] = [
        (OPTION_DATA_LOSS_PROTECT, "option_data_loss_protect"),
        (OPTION_UPFRONT_SHUTDOWN_SCRIPT, "option_upfront_shutdown_script"),
        (GOSSIP_QUERIES, "gossip_queries"),
        (VAR_ONION_OPTIN, "var_onion_optin"),
        (GOSSIP_QUERIES_EX, "gossip_queries_ex"),
        (OPTION_STATIC_REMOTEKEY, "option_static_remotekey"),
        (PAYMENT_SECRET, "payment_secret"),
        (BASIC_MPP, "basic_mpp"),
        (OPTION_SUPPORT_LARGE_CHANNEL, "option_support_large_channel"),
        (OPTION_ANCHORS, "option_anchors"),
        (OPTION_ROUTE_BLINDING, "option_route_blinding"),
        (OPTION_SHUTDOWN_ANYSEGWIT, "option_shutdown_anysegwit"),
        (OPTION_DUAL_FUND, "option_dual_fund"),
        (OPTION_QUIESCE, "option_quiesce"),
        (OPTION_ATTRIBUTION_DATA, "option_attribution_data"),
        (OPTION_ONION_MESSAGES, "option_onion_messages"),
        (OPTION_PROVIDE_STORAGE, "option_provide_storage"),
        (OPTION_CHANNEL_TYPE, "option_channel_type"),
        (OPTION_SCID_ALIAS, "option_scid_alias"),
        (OPTION_PAYMENT_METADATA, "option_payment_metadata"),
        (OPTION_ZEROCONF, "option_zeroconf"),
        (OPTION_SIMPLE_CLOSE, "option_simple_close"),
        (OPTION_SPLICE, "option_splice"),
    ];

    /// The name in BOLT 9 of the feature that `bit`, even or odd, belongs to.
    pub fn name(bit: u16) -> Option<&'static str> {
        NAMES.iter().find(|(even, _)| *even == bit & !1).map(|(_, name)| *name)
    }
}

/// Feature bits (BOLT 9), stored by bit number: `bits[n / 8] >> (n % 8) & 1`, without trailing
/// zero bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Features(Vec<u8>);

impl Features {
    /// No feature.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// With these bits set and no other.
    pub fn from_bits(bits: &[u16]) -> Self {
        let mut features = Self::empty();
        for bit in bits {
            features.set(*bit);
        }
        features
    }

    /// Sets one bit.
    pub fn set(&mut self, bit: u16) {
        let (byte, mask) = position(bit);
        if self.0.len() <= byte {
            self.0.resize(byte.saturating_add(1), 0);
        }
        if let Some(byte) = self.0.get_mut(byte) {
            *byte |= mask;
        }
    }

    /// Whether exactly this bit is set.
    pub fn has(&self, bit: u16) -> bool {
        let (byte, mask) = position(bit);
        self.0.get(byte).is_some_and(|byte| byte & mask != 0)
    }

    /// Whether the feature is offered: either bit of the pair that `bit` belongs to is set.
    pub fn supports(&self, bit: u16) -> bool {
        self.has(bit & !1) || self.has(bit | 1)
    }

    /// Whether the feature that `bit` belongs to is compulsory.
    pub fn requires(&self, bit: u16) -> bool {
        // [BOLT 9 features R1] with both bits of a pair set, the even one counts
        self.has(bit & !1)
    }

    /// The bits that are set, ascending.
    pub fn bits(&self) -> impl Iterator<Item = u16> + '_ {
        let numbers = (0..=u16::MAX).take(self.0.len().saturating_mul(8));
        numbers.filter(|bit| self.has(*bit))
    }

    /// Whether no bit is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest even bit that is set and belongs to no feature of `known` (even or odd bits).
    pub fn unknown_even(&self, known: &[u16]) -> Option<u16> {
        self.bits()
            .filter(|bit| bit.is_multiple_of(2))
            .find(|bit| !known.iter().any(|known| known & !1 == *bit))
    }

    /// The first feature that is offered without one that it depends on: both as even bits.
    pub fn missing_dependency(&self) -> Option<(u16, u16)> {
        DEPENDENCIES
            .into_iter()
            .find(|(feature, needs)| self.supports(*feature) && !self.supports(*needs))
    }

    /// The bits of both.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
        self
    }

    /// The bytes on the wire: bit 0 in the last one, and as few as the highest bit needs.
    pub fn to_be_bytes(&self) -> Vec<u8> {
        self.0.iter().rev().copied().collect()
    }

    /// From the bytes on the wire. Leading zero bytes and odd bits above 65,535 are ignored.
    ///
    /// `None` if an even bit above 65,535 is set: it is unknown, and no [`u16`] can name it.
    pub fn from_be_bytes(bytes: &[u8]) -> Option<Self> {
        let (beyond, nameable) = split_nameable(bytes);
        beyond.iter().all(|byte| byte & EVEN_BITS == 0).then(|| Self::from_nameable(nameable))
    }

    /// As [`Features::from_be_bytes`], but `None` with any bit above 65,535: for a set of bits that
    /// is only meaningful as a whole.
    pub(crate) fn from_be_bytes_exact(bytes: &[u8]) -> Option<Self> {
        let (beyond, nameable) = split_nameable(bytes);
        beyond.iter().all(|byte| *byte == 0).then(|| Self::from_nameable(nameable))
    }

    fn from_nameable(bytes: &[u8]) -> Self {
        let mut bits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        bits.reverse();
        Self(bits)
    }
}

/// The bit numbers, as in `{1, 9, 13}`.
impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.bits()).finish()
    }
}

/// Which feature needs which (BOLT 9, the table's column of dependencies).
// [BOLT 9 features S6] whoever sets the first of a pair sets the second
const DEPENDENCIES: [(u16, u16); 3] = [
    (feature::BASIC_MPP, feature::PAYMENT_SECRET),
    (feature::OPTION_ZEROCONF, feature::OPTION_SCID_ALIAS),
    (feature::OPTION_SIMPLE_CLOSE, feature::OPTION_SHUTDOWN_ANYSEGWIT),
];

/// The even bits of a byte.
const EVEN_BITS: u8 = 0b0101_0101;

/// Bytes that hold the bits 0 to 65,535.
const NAMEABLE_BYTES: usize = 8192;

fn split_nameable(bytes: &[u8]) -> (&[u8], &[u8]) {
    let beyond = bytes.len().saturating_sub(NAMEABLE_BYTES);
    bytes.split_at_checked(beyond).unwrap_or((&[], bytes))
}

/// The byte that holds a bit, and its mask in that byte.
fn position(bit: u16) -> (usize, u8) {
    (usize::from(bit >> 3), 1 << (bit & 7))
}
