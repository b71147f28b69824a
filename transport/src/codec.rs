//! Packets: an encrypted length of 18 bytes, then the encrypted message and its tag.
//!
//! One codec per direction, each with a cipher of its own, both working in place.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    MAX_MESSAGE_LENGTH, OpenError, SealError,
    cipher::{Cipher, TAG_LENGTH},
};

/// Turns messages into packets.
pub struct Sealer {
    /// `None` once it failed.
    cipher: Option<Cipher>,
}

impl Sealer {
    pub(crate) fn new(cipher: Cipher) -> Self {
        Sealer { cipher: Some(cipher) }
    }

    pub(crate) fn poison(&mut self) {
        self.cipher = None;
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.cipher.is_none()
    }
}

impl<M: AsRef<[u8]>> Encoder<M> for Sealer {
    type Error = SealError;

    /// Appends one packet. A message that is too long takes no nonce and leaves no byte.
    fn encode(&mut self, message: M, output: &mut BytesMut) -> Result<(), SealError> {
        let message = message.as_ref();
        // [BOLT 8 messages G1] no message is longer than 65535 bytes
        let length = u16::try_from(message.len()).map_err(|_| SealError::TooLong(message.len()))?;
        let mut cipher = self.cipher.take().ok_or(SealError::Poisoned)?;
        let start = output.len();
        output.reserve(message.len().saturating_add(PACKET_OVERHEAD));
        // [BOLT 8 messages G2] the length is two bytes, big-endian
        // [BOLT 8 sending S1] it goes first, sealed by itself
        output.put_u16(length);
        output.put_bytes(0, TAG_LENGTH);
        // [BOLT 8 sending S4] the message follows, sealed in the same way
        output.put_slice(message);
        output.put_bytes(0, TAG_LENGTH);
        let packet = output.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut);
        let sealed = packet.and_then(|(header, body): (&mut [u8; HEADER_LENGTH], _)| {
            cipher.seal(header).ok()?;
            cipher.seal(body).ok()
        });
        if sealed.is_none() {
            output.truncate(start);
            return Err(SealError::Poisoned);
        }
        self.cipher = Some(cipher);
        Ok(())
    }
}

/// Turns packets into messages. After its first error it has forgotten its key, and gives errors
/// only: tokio-util asks a decoder again after a failure.
pub struct Opener {
    /// `None` once it failed.
    cipher: Option<Cipher>,
    /// Bytes of the message whose length was opened already.
    length: Option<usize>,
    /// How long somebody has listened for that message.
    waited: Duration,
}

impl Opener {
    pub(crate) fn new(cipher: Cipher) -> Self {
        Opener { cipher: Some(cipher), length: None, waited: Duration::ZERO }
    }

    /// How long the rest of a packet was listened for whose length has arrived; `None` between
    /// packets.
    pub(crate) fn waited(&mut self) -> Option<&mut Duration> {
        self.length.is_some().then_some(&mut self.waited)
    }

    pub(crate) fn poison(&mut self) {
        self.cipher = None;
        self.length = None;
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.cipher.is_none()
    }

    fn open(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, OpenError> {
        let cipher = self.cipher.as_mut().ok_or(OpenError::Poisoned)?;
        let length = match self.length {
            Some(length) => length,
            None => {
                // [BOLT 8 receiving R1] a packet starts with exactly 18 bytes
                let Some(header) = input.first_chunk_mut::<HEADER_LENGTH>() else {
                    make_room(input, HEADER_LENGTH);
                    return Ok(None);
                };
                // [BOLT 8 receiving R2] they are the sealed length, and are opened once
                cipher.open(header).map_err(|_| OpenError::BadLengthTag)?;
                let [high, low, ..] = *header;
                input.advance(HEADER_LENGTH);
                *self.length.insert(usize::from(u16::from_be_bytes([high, low])))
            }
        };
        // [BOLT 8 receiving R4] the message follows, with a tag that its length does not count
        let sealed_length = length.saturating_add(TAG_LENGTH);
        let Some(packet) = input.get_mut(..sealed_length) else {
            make_room(input, sealed_length);
            return Ok(None);
        };
        cipher.open(packet).map_err(|_| OpenError::BadMessageTag)?;
        self.length = None;
        self.waited = Duration::ZERO;
        let mut message = input.split_to(sealed_length);
        message.truncate(length);
        Ok(Some(message.freeze()))
    }
}

impl Decoder for Opener {
    type Item = Bytes;
    type Error = OpenError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, OpenError> {
        let opened = self.open(input);
        if opened.is_err() {
            self.poison();
            input.clear();
        }
        opened
    }

    /// The stream has ended, which is fine between packets only. tokio-util's own version looks
    /// at the buffer alone, which is also empty between a length and its message.
    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, OpenError> {
        let opened = self.decode(input)?;
        if opened.is_none() && (self.length.is_some() || !input.is_empty()) {
            self.poison();
            input.clear();
            return Err(OpenError::Truncated);
        }
        Ok(opened)
    }
}

/// Makes room for `needed` bytes in all, and for a good read beyond. What has come so far moves
/// to a buffer of the size that is needed, instead of growing in the old one: the old one belongs
/// to the messages that were cut from it and goes with them.
///
/// Between packets a buffer that the last read filled is followed by a large one, for there is
/// more to read; otherwise a small one waits, so that an idle connection holds [`IDLE_BUFFER`]
/// bytes, and none ever more than one packet.
fn make_room(input: &mut BytesMut, needed: usize) {
    let missing = needed.saturating_sub(input.len());
    let room = input.capacity().saturating_sub(input.len());
    let is_between_packets = needed == HEADER_LENGTH;
    let size = if is_between_packets && room > 0 { IDLE_BUFFER } else { READ_BUFFER };
    let is_wasteful = is_between_packets && (room < size / 2 || input.capacity() > size);
    if room < missing || is_wasteful {
        let mut fresh = BytesMut::with_capacity(needed.max(size));
        fresh.extend_from_slice(input);
        *input = fresh;
    }
}

/// Bytes that are asked from the system in one read, when there are many.
pub(crate) const READ_BUFFER: usize = 16 * 1024;

/// Bytes that an idle connection reads into: more than a ping, and than most messages.
pub(crate) const IDLE_BUFFER: usize = 1024;

/// Bytes of a sealed length.
const HEADER_LENGTH: usize = 2 + TAG_LENGTH;

/// What a packet has beyond its message, in bytes.
pub(crate) const PACKET_OVERHEAD: usize = HEADER_LENGTH + TAG_LENGTH;

const _: () = assert!(MAX_MESSAGE_LENGTH == u16::MAX as usize);
