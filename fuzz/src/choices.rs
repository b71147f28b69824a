//! What a fuzzer's bytes decide, one after the other. When they are used up there is nothing more to do.

use wire::Message;

/// Bytes that are read as decisions.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; `None` at the end.
    pub fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// A yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Eight bytes.
    pub fn long(&mut self) -> u64 {
        (0..8).fold(0, |sum, _| sum << 8 | u64::from(self.byte()))
    }

    /// At most so many bytes as they come.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The message with some of its bytes changed, if it is still one.
    pub fn change(&mut self, message: &Message) -> Option<Message> {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        for _ in 0..self.byte() % 4 {
            let at = usize::from(self.short()) % bytes.len();
            bytes[at] ^= self.byte();
        }
        Message::decode(&bytes).ok()
    }

    /// A message out of nothing but bytes, if they are one.
    pub fn message(&mut self) -> Option<Message> {
        let length = usize::from(self.short()) % 600;
        Message::decode(self.bytes(length)).ok()
    }
}

/// Panics unless the message fits into a packet and is understood.
pub fn check_can_be_said(message: &Message) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    assert!(bytes.len() <= 65_535);
    assert_eq!(Message::decode(&bytes).as_ref(), Ok(message));
}
