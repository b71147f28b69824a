//! The seed: 32 bytes that everything else follows from.

use bdk_wallet::bip39::{Language, Mnemonic};
use bitcoin::bip32::Xpriv;
use bitcoin::{Network, NetworkKind};
use std::fmt;
use zeroize::Zeroizing;

/// The entropy behind the 24 words of BIP 39. Erased when dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// From 32 bytes that nobody else knows.
    pub fn from_entropy(entropy: [u8; 32]) -> Self {
        Self(Zeroizing::new(entropy))
    }

    /// From the 24 English words, in any spacing and case.
    ///
    /// # Errors
    /// When a word is unknown, the checksum does not fit, or there are not 24 words.
    pub fn from_words(words: &str) -> Result<Self, SeedError> {
        let words = Zeroizing::new(words.to_lowercase());
        let mnemonic =
            Mnemonic::parse_in(Language::English, words.as_str()).map_err(SeedError::from)?;
        let (entropy, length) = mnemonic.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let entropy: &[u8] = entropy.get(..length).unwrap_or_default();
        entropy.try_into().map(Self::from_entropy).map_err(|_| SeedError::NotTwentyFourWords)
    }

    /// The 24 words, with one space between them.
    pub fn words(&self) -> Zeroizing<String> {
        Zeroizing::new(self.mnemonic().to_string())
    }

    /// The bytes that were given.
    pub(crate) fn entropy(&self) -> &[u8; 32] {
        &self.0
    }

    /// The master key of BIP 32, with an empty BIP 39 passphrase.
    pub(crate) fn master(&self, network: Network) -> Xpriv {
        let bytes = Zeroizing::new(self.mnemonic().to_seed_normalized(""));
        // Fails when the left half of the hash is no secp256k1 scalar: one seed in 2^127.
        #[allow(clippy::expect_used)]
        let master = Xpriv::new_master(NetworkKind::from(network), bytes.as_slice())
            .expect("a seed with a master key");
        master
    }

    fn mnemonic(&self) -> Mnemonic {
        // Fails for other lengths than BIP 39 has; 32 bytes are the 24 words.
        #[allow(clippy::expect_used)]
        let mnemonic = Mnemonic::from_entropy_in(Language::English, self.0.as_slice())
            .expect("32 bytes have words");
        mnemonic
    }
}

/// Why words are no seed. Names no word: the text may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedError {
    /// BIP 39 knows 12 to 24 words; a seed of ours has 24.
    NotTwentyFourWords,
    /// The word with this number, counted from 1, is not in the English list.
    UnknownWord(usize),
    /// All words are known, but they do not belong together: one is wrong or two are swapped.
    Checksum,
}

impl From<bdk_wallet::bip39::Error> for SeedError {
    fn from(error: bdk_wallet::bip39::Error) -> Self {
        use bdk_wallet::bip39::Error;
        match error {
            Error::UnknownWord(index) => Self::UnknownWord(index.saturating_add(1)),
            Error::InvalidChecksum | Error::AmbiguousLanguages(_) => Self::Checksum,
            Error::BadEntropyBitCount(_) | Error::BadWordCount(_) => Self::NotTwentyFourWords,
        }
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTwentyFourWords => write!(f, "a seed has 24 words"),
            Self::UnknownWord(number) => write!(f, "word {number} is not in the list of BIP 39"),
            Self::Checksum => write!(f, "the words do not belong together: check each of them"),
        }
    }
}

impl std::error::Error for SeedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_entropy_are_the_same_thing() {
        let seed = Seed::from_entropy([0; 32]);
        let words = format!("{}art", "abandon ".repeat(23));
        assert_eq!(seed.words().as_str(), words);
        assert!(Seed::from_words(&words.to_uppercase()).unwrap() == seed);
        let seed = Seed::from_entropy([0x5a; 32]);
        assert!(Seed::from_words(&seed.words()).unwrap() == seed);
    }

    #[test]
    fn wrong_words_are_told_apart() {
        let twelve = format!("{}about", "abandon ".repeat(11));
        assert_eq!(Seed::from_words(&twelve).err(), Some(SeedError::NotTwentyFourWords));
        let seven = "abandon ".repeat(7);
        assert_eq!(Seed::from_words(&seven).err(), Some(SeedError::NotTwentyFourWords));
        let unsummed = "abandon ".repeat(24);
        assert_eq!(Seed::from_words(&unsummed).err(), Some(SeedError::Checksum));
        let unknown = format!("{}navvy {}", "abandon ".repeat(3), "abandon ".repeat(20));
        assert_eq!(Seed::from_words(&unknown).err(), Some(SeedError::UnknownWord(4)));
    }
}
