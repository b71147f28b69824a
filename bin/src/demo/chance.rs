//! Chance that can be had again: SHA-256 of a seed and a counter.

use bitcoin::hashes::{Hash, sha256};

/// Random bytes that follow from a seed and a name.
pub struct Chance {
    seed: [u8; 32],
    counter: u64,
}

impl Chance {
    /// The chance of `name` under `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut text = seed.to_be_bytes().to_vec();
        text.extend_from_slice(name.as_bytes());
        Self { seed: sha256::Hash::hash(&text).to_byte_array(), counter: 0 }
    }

    /// 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut text = self.seed.to_vec();
        text.extend_from_slice(&self.counter.to_be_bytes());
        self.counter = self.counter.wrapping_add(1);
        sha256::Hash::hash(&text).to_byte_array()
    }
}

impl node::Entropy for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let random = self.bytes();
            for (byte, random) in chunk.iter_mut().zip(random) {
                *byte = random;
            }
        }
    }
}
