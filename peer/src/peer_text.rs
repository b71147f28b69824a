//! A peer's words in our logs.

use std::fmt::{self, Write};

/// The `data` of an `error` or a `warning`, made fit to print: what is not printable ASCII shows
/// as a question mark, and a long text is cut.
#[derive(Clone, Copy, Debug)]
pub struct PeerText<'a>(pub &'a [u8]);

impl fmt::Display for PeerText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // [BOLT 1 error R6] Bytes outside 32..=126 are never printed as they are.
        for &byte in self.0.iter().take(LONGEST) {
            f.write_char(if (32..=126).contains(&byte) { char::from(byte) } else { '?' })?;
        }
        if self.0.len() > LONGEST { f.write_str("...") } else { Ok(()) }
    }
}

const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_only_printable_ascii() {
        assert_eq!(PeerText(b"no \x1b[2J\n\xffcoins~").to_string(), "no ?[2J??coins~");
        assert_eq!(PeerText(b"").to_string(), "");
    }

    #[test]
    fn cuts_a_long_text() {
        let text = PeerText(&[b'a'; 65_000]).to_string();
        assert_eq!(text.len(), LONGEST + 3);
        assert!(text.ends_with("..."));
    }
}
