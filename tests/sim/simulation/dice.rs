//! Chance from a seed: xoshiro256**, seeded by splitmix64. Nothing else in the simulator is random.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Dice([u64; 4]);

impl Dice {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        Self([(); 4].map(|()| split(&mut mixed)))
    }

    /// Another stream, that follows from this one.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of a bound far below 2^64 is of no account here.
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times in 1,000.
    pub fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// An index of a list with so many elements; 0 if there are none.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of them.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        let index = self.index(list.len());
        list.get(index).cloned()
    }

    /// Milliseconds until the next of events that come on average so far apart.
    pub fn until_next(&mut self, mean: u64) -> u64 {
        // A sum of two is more even than a draw from an exponential and needs no floats.
        1 + self.below(mean) + self.below(mean)
    }
}

impl node::Entropy for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

fn split(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
