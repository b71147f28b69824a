//! What must hold for any bytes after a number of good packets, in reads of any size.

use bytes::BytesMut;
use secp256k1::SecretKey;
use tokio_util::codec::{Decoder, Encoder};
use transport::{Initiator, NodeKey, OpenError, Opener, Responder, Sealer};

/// The first byte is the size of the reads, the second the number of good packets, each of which
/// takes two bytes for its length. The rest comes as it is.
pub fn check(bytes: &[u8]) {
    let [piece, count, rest @ ..] = bytes else { return };
    let Some((lengths, rest)) = rest.split_at_checked(usize::from(count % 8) * 2) else { return };
    let (mut sealer, opener) = direction();
    let mut wire = BytesMut::new();
    let mut messages = Vec::new();
    for length in lengths.chunks_exact(2) {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        // One great message is enough: they take long to encrypt.
        let length = if wire.len() > 1000 { length % 512 } else { length };
        let message = vec![0x5a; length];
        sealer.encode(&message, &mut wire).unwrap();
        messages.push(message);
    }
    wire.extend_from_slice(rest);

    let (read, error) = decode(opener, &wire, usize::from(*piece) * 16 + 1);
    assert_eq!(read, messages);
    match error {
        None => assert!(rest.is_empty()),
        Some(OpenError::Truncated) => assert!((1..18).contains(&rest.len())),
        Some(OpenError::BadLengthTag) => assert!(rest.len() >= 18),
        Some(error) => panic!("{error}"),
    }
}

/// As tokio-util does: reads into what room there is, of which there must be some; then the end.
fn decode(mut opener: Opener, mut wire: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<OpenError>) {
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    let mut messages = Vec::new();
    let error = loop {
        let end = wire.is_empty();
        let decoded = if end { opener.decode_eof(&mut buffer) } else { opener.decode(&mut buffer) };
        match decoded {
            Ok(Some(message)) => messages.push(message.to_vec()),
            Ok(None) if end => break None,
            Ok(None) => {
                let room = buffer.capacity() - buffer.len();
                assert!(room > 0 && buffer.capacity() <= 65_535 + 16);
                let (read, left) = wire.split_at(piece.min(room).min(wire.len()));
                buffer.extend_from_slice(read);
                wire = left;
            }
            Err(error) => break Some(error),
        }
    };
    if error.is_some() {
        for more in [&[][..], wire, &[0; 34]] {
            buffer.extend_from_slice(more);
            assert!(matches!(opener.decode(&mut buffer), Err(OpenError::Poisoned)));
            assert!(buffer.is_empty());
        }
        assert!(matches!(opener.decode_eof(&mut buffer), Err(OpenError::Poisoned)));
    }
    (messages, error)
}

/// A sealer and its opener: one direction of a session.
fn direction() -> (Sealer, Opener) {
    let secret = |byte| SecretKey::from_slice(&[byte; 32]).unwrap();
    let key = NodeKey::new(secret(0x21));
    let (initiator, act_one) =
        Initiator::start(&NodeKey::new(secret(0x11)), secret(0x12), &key.public_key())
            .ok()
            .unwrap();
    let (responder, act_two) = Responder::act_one(&key, secret(0x22), &act_one).ok().unwrap();
    let (act_three, sealer, _) = initiator.act_two(&act_two).ok().unwrap();
    let (_, _, opener) = responder.act_three(&act_three).ok().unwrap();
    (sealer, opener)
}
