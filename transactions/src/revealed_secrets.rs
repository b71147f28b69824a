//! The compact storage of a peer's per-commitment secrets (BOLT 3, appendix D).

use std::fmt;

use crate::{
    CommitmentNumber,
    per_commitment::{MAX_INDEX, derive_secret},
};

/// The peer's revealed secrets, all of them, in at most 48 entries.
///
/// Secrets come in the order of their numbers, without gaps, and nothing else is accepted. So the
/// count of secrets says which entries there are and which index each one has: entry `b` is the
/// latest secret whose index ends in `b` zero bits. Only the count and the secrets are kept, in
/// memory and on disk.
// [BOLT 3 per_commitment_secret R2] Kept in the compact form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RevealedSecrets {
    count: u64,
    entries: Vec<[u8; 32]>,
}

/// Why a secret was not stored. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertSecretError {
    /// It is not this number's turn.
    OutOfOrder {
        /// Whose turn it is; `None` if all numbers are used up.
        expected: Option<CommitmentNumber>,
    },
    /// The earlier secrets do not follow from it: it is not of the same seed.
    WrongSecret,
}

/// The bytes are not those of [`RevealedSecrets::encode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeSecretsError;

impl RevealedSecrets {
    /// Stores the secret of `number`, which has to be [`RevealedSecrets::next_number`].
    // [BOLT 3 secret_storage G3] Every earlier secret has to follow from the later one.
    pub fn insert(
        &mut self,
        number: CommitmentNumber,
        secret: [u8; 32],
    ) -> Result<(), InsertSecretError> {
        let expected = self.next_number();
        if expected != Some(number) {
            return Err(InsertSecretError::OutOfOrder { expected });
        }
        let zeros = number.secret_index().trailing_zeros();
        for (entry, index) in self.entries_with_index().take(position(zeros)) {
            if derive_secret(secret, zeros, index) != *entry {
                return Err(InsertSecretError::WrongSecret);
            }
        }
        match self.entries.get_mut(position(zeros)) {
            Some(entry) => *entry = secret,
            None => self.entries.push(secret),
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// The secret of `number`; `None` if it has not been revealed.
    // [BOLT 3 secret_storage G4] The first entry whose index is a prefix of the wanted one yields
    // it.
    pub fn get(&self, number: CommitmentNumber) -> Option<[u8; 32]> {
        if number.0 >= self.count {
            return None;
        }
        let wanted = number.secret_index();
        (0..).zip(self.entries_with_index()).find_map(|(bits, (entry, index))| {
            (wanted >> bits == index >> bits).then(|| derive_secret(*entry, bits, wanted))
        })
    }

    /// How many secrets have been revealed: those of the numbers below.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The number whose secret comes next; `None` if all are used up.
    pub fn next_number(&self) -> Option<CommitmentNumber> {
        Some(CommitmentNumber(self.count)).filter(|number| *number <= CommitmentNumber::LAST)
    }

    /// For the disk: the count in 8 bytes, big-endian, then the entries of 32 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.count.to_be_bytes().to_vec();
        bytes.extend(self.entries.iter().flatten());
        bytes
    }

    /// From the disk. Any bytes are safe; damage inside a secret is not seen here, only by
    /// [`RevealedSecrets::insert`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeSecretsError> {
        let (count, rest) = bytes.split_first_chunk::<8>().ok_or(DecodeSecretsError)?;
        let count = u64::from_be_bytes(*count);
        let (entries, remainder) = rest.as_chunks::<32>();
        let complete = entries.len() == expected_entries(count);
        if count > MAX_INDEX || !remainder.is_empty() || !complete {
            return Err(DecodeSecretsError);
        }
        Ok(Self { count, entries: entries.to_vec() })
    }

    // [BOLT 3 secret_storage G1] An entry for each number of zero bits at the end of an index.
    /// Entry `b` holds the latest of the numbers that end in exactly `b` one bits (whose indexes
    /// end in `b` zero bits): 2^b - 1 + m 2^(b+1), with the greatest m that stays below the count.
    fn entries_with_index(&self) -> impl Iterator<Item = (&[u8; 32], u64)> {
        self.entries.iter().zip(0_u32..).map(|(entry, bits)| {
            let first = (1_u64 << bits).saturating_sub(1);
            let repetitions = self.count.saturating_sub(1).saturating_sub(first) >> bits >> 1;
            let number = first.saturating_add(repetitions << bits << 1);
            (entry, MAX_INDEX.saturating_sub(number))
        })
    }
}

/// Revealed or not: how many is all that is printed.
impl fmt::Debug for RevealedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealedSecrets").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The number 2^b - 1 is the first with an entry `b`, so the entries are as many as the bits of the
/// count.
fn expected_entries(count: u64) -> usize {
    position(u64::BITS.saturating_sub(count.leading_zeros()))
}

fn position(bits: u32) -> usize {
    usize::try_from(bits).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::per_commitment_secret;

    const SEED: [u8; 32] = [0x5e; 32];

    fn secret(number: u64) -> [u8; 32] {
        per_commitment_secret(&SEED, CommitmentNumber(number))
    }

    fn revealed(count: u64) -> RevealedSecrets {
        let mut secrets = RevealedSecrets::default();
        for number in 0..count {
            secrets.insert(CommitmentNumber(number), secret(number)).unwrap();
        }
        secrets
    }

    #[test]
    fn every_revealed_secret_comes_back() {
        for count in [0, 1, 2, 3, 4, 7, 8, 100, 257] {
            let secrets = revealed(count);
            for number in 0..count {
                assert_eq!(secrets.get(CommitmentNumber(number)), Some(secret(number)));
            }
            assert_eq!(secrets.get(CommitmentNumber(count)), None);
            assert_eq!(secrets.get(CommitmentNumber(u64::MAX)), None);
            assert_eq!(secrets.count(), count);
            assert_eq!(RevealedSecrets::decode(&secrets.encode()), Ok(secrets));
        }
    }

    #[test]
    fn order_is_kept_and_nothing_comes_twice() {
        let mut secrets = revealed(5);
        let expected = Some(CommitmentNumber(5));
        for number in [0, 4, 6, u64::MAX] {
            assert_eq!(
                secrets.insert(CommitmentNumber(number), secret(number)),
                Err(InsertSecretError::OutOfOrder { expected })
            );
        }
        assert_eq!(secrets, revealed(5));
    }

    #[test]
    fn a_secret_of_another_seed_is_refused() {
        // Secrets whose index is odd prove nothing; the next one does.
        let mut secrets = revealed(6);
        secrets.insert(CommitmentNumber(6), [1; 32]).unwrap();
        assert_eq!(
            secrets.insert(CommitmentNumber(7), secret(7)),
            Err(InsertSecretError::WrongSecret)
        );
    }

    #[test]
    fn only_whole_records_are_read() {
        let bytes = revealed(9).encode();
        assert_eq!(bytes.len(), 8 + 4 * 32);
        for length in 0..bytes.len() {
            assert_eq!(RevealedSecrets::decode(&bytes[..length]), Err(DecodeSecretsError));
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(RevealedSecrets::decode(&longer), Err(DecodeSecretsError));
        let mut too_many = (MAX_INDEX + 1).to_be_bytes().to_vec();
        too_many.extend([0; 49 * 32]);
        assert_eq!(RevealedSecrets::decode(&too_many), Err(DecodeSecretsError));
    }

    #[test]
    fn numbers_run_out() {
        let mut full = MAX_INDEX.to_be_bytes().to_vec();
        full.extend([0; 48 * 32]);
        let mut full = RevealedSecrets::decode(&full).unwrap();
        assert_eq!(full.next_number(), None);
        assert_eq!(
            full.insert(CommitmentNumber(MAX_INDEX), [0; 32]),
            Err(InsertSecretError::OutOfOrder { expected: None })
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", revealed(3)), "RevealedSecrets { count: 3, .. }");
    }
}
