//! Per-commitment secrets: generation (BOLT 3, Per-commitment Secret Requirements). Their compact
//! storage is [`crate::RevealedSecrets`].

use bitcoin::hashes::{Hash as _, sha256};
use secp256k1::{PublicKey, SECP256K1, SecretKey};

/// The number of a commitment transaction, from 0 up; 48 bits.
///
/// BOLT 3 numbers the secrets the other way round: commitment 0 uses the secret of index 2^48 - 1,
/// the next one that of 2^48 - 2. Index 0 would be the seed itself, so [`CommitmentNumber::LAST`]
/// uses index 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitmentNumber(pub u64);

impl CommitmentNumber {
    /// The first commitment of a channel.
    pub const FIRST: Self = Self(0);
    /// The last number that has a secret.
    pub const LAST: Self = Self(MAX_INDEX - 1);

    /// The next number; `None` after the last one.
    pub fn next(self) -> Option<Self> {
        (self < Self::LAST).then(|| Self(self.0.saturating_add(1)))
    }

    /// The number before; `None` for the first one.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// BOLT 3's index of this number's secret, 1 to 2^48 - 1. Numbers past the last one share its
    /// index: nothing that is asked for ever reveals the seed.
    // [BOLT 3 per_commitment_secret G2] The seed, index 0, is never an answer.
    // [BOLT 3 per_commitment_secret G3] The first secret has index 2^48 - 1.
    // [BOLT 3 per_commitment_secret G4] Each later one has an index lower by one.
    pub(crate) fn secret_index(self) -> u64 {
        MAX_INDEX.saturating_sub(self.0.min(Self::LAST.0))
    }
}

/// The secret of commitment `number` from `seed`. Numbers past [`CommitmentNumber::LAST`] have the
/// last one's secret.
pub fn per_commitment_secret(seed: &[u8; 32], number: CommitmentNumber) -> [u8; 32] {
    derive_secret(*seed, INDEX_BITS, number.secret_index())
}

/// The point of a per-commitment secret; `None` for the few numbers that are no secret key, which
/// nobody meets by chance.
// [BOLT 3 revocationpubkey G2] The point is the secret times G.
pub fn per_commitment_point(secret: &[u8; 32]) -> Option<PublicKey> {
    SecretKey::from_slice(secret).ok().map(|secret| secret.public_key(SECP256K1))
}

/// The secret of `index` from the secret `base` of an index that has the same upper bits and zeros
/// in its lowest `bits` bits. With all 48 bits, `base` is the seed.
// [BOLT 3 secret_storage G2] From any secret whose index is a prefix.
// [BOLT 3 per_commitment_secret G5] From the highest bit set to the lowest: flip it, then hash.
pub(crate) fn derive_secret(base: [u8; 32], bits: u32, index: u64) -> [u8; 32] {
    (0..bits).rev().filter(|bit| index >> bit & 1 == 1).fold(base, |mut secret, bit| {
        let (byte, mask) = (bit.div_euclid(8), 1_u8 << bit.rem_euclid(8));
        if let Some(byte) = usize::try_from(byte).ok().and_then(|byte| secret.get_mut(byte)) {
            *byte ^= mask;
        }
        sha256::Hash::hash(&secret).to_byte_array()
    })
}

pub(crate) const INDEX_BITS: u32 = 48;
pub(crate) const MAX_INDEX: u64 = (1 << INDEX_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_reveals_the_seed() {
        let seed = [7; 32];
        for number in [CommitmentNumber::LAST.0, MAX_INDEX, MAX_INDEX + 1, u64::MAX] {
            let secret = per_commitment_secret(&seed, CommitmentNumber(number));
            assert_ne!(secret, seed);
            assert_eq!(secret, per_commitment_secret(&seed, CommitmentNumber::LAST));
        }
    }

    #[test]
    fn numbers_end() {
        assert_eq!(CommitmentNumber::FIRST.next(), Some(CommitmentNumber(1)));
        assert_eq!(CommitmentNumber::LAST.next(), None);
        assert_eq!(CommitmentNumber(u64::MAX).next(), None);
        assert_eq!(CommitmentNumber::FIRST.previous(), None);
    }

    #[test]
    fn zero_is_no_secret() {
        assert_eq!(per_commitment_point(&[0; 32]), None);
        assert_eq!(per_commitment_point(&[255; 32]), None);
    }
}
