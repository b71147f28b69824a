//! Chance is an argument.

/// Where random bytes come from: the operating system in the daemon, a seed in the simulator.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// Random bytes.
pub(crate) fn random<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A number below `bound`, or 0; not for secrets.
pub(crate) fn below(entropy: &mut dyn Entropy, bound: u64) -> u64 {
    u64::from_be_bytes(random(entropy)).checked_rem(bound).unwrap_or(0)
}
