//! Per-commitment secrets: generation and compact storage (BOLT 3, appendix D).

/// The number of a commitment transaction, from 0 up; 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitmentNumber(pub u64);

/// The secret of commitment `number` from `seed`.
pub fn per_commitment_secret(seed: &[u8; 32], number: CommitmentNumber) -> [u8; 32] { let _ = (seed, number); todo!() }

/// The peer's revealed secrets in at most 49 entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevealedSecrets { /* private */ }
