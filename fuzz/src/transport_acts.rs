//! What must hold for any bytes in place of an act of the handshake.

use std::sync::OnceLock;

use secp256k1::{PublicKey, SecretKey};
use transport::{
    ACT_ONE_LENGTH, ACT_THREE_LENGTH, ACT_TWO_LENGTH, Act, Fault, HandshakeError, Initiator,
    NodeKey, Responder,
};

/// The first byte says which act, and whether the rest replaces it or is added to it, bit by bit.
/// The second way is how a fuzzer comes close: it will never guess a tag.
pub fn check(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let acts = acts();
    let replace = kind & 4 == 0;
    let (act, expected, outcome) = match kind % 4 {
        0 => {
            let act_one = candidate(&acts.one, rest, replace);
            let expected = expected(Act::One, &acts.one, &act_one);
            let outcome = Responder::act_one(&key(0x21), secret(0x22), &act_one);
            (Act::One, expected, outcome.map(|_| ()))
        }
        1 => {
            let act_two = candidate(&acts.two, rest, replace);
            let expected = expected(Act::Two, &acts.two, &act_two);
            let outcome = start().0.act_two(&act_two);
            (Act::Two, expected, outcome.map(|_| ()))
        }
        _ => {
            let act_three = candidate(&acts.three, rest, replace);
            let expected = expected(Act::Three, &acts.three, &act_three);
            let responder = Responder::act_one(&key(0x21), secret(0x22), &acts.one);
            let outcome = responder.and_then(|(responder, _)| responder.act_three(&act_three));
            (Act::Three, expected, outcome.map(|_| ()))
        }
    };
    assert_eq!(outcome, expected.map_err(|fault| HandshakeError { act, fault }));
}

/// The one valid act passes, and any other has the fault of its first difference.
fn expected(act: Act, valid: &[u8], bytes: &[u8]) -> Result<(), Fault> {
    if bytes[0] != 0 {
        return Err(Fault::BadVersion(bytes[0]));
    }
    if bytes == valid {
        return Ok(());
    }
    Err(match act {
        Act::Three if bytes[..50] != valid[..50] => Fault::BadCiphertext,
        Act::One | Act::Two if PublicKey::from_slice(&bytes[1..34]).is_err() => Fault::BadPubkey,
        Act::One | Act::Two | Act::Three => Fault::BadTag,
    })
}

fn candidate<const N: usize>(valid: &[u8; N], rest: &[u8], replace: bool) -> [u8; N] {
    let mut bytes = if replace { [0; N] } else { *valid };
    bytes.iter_mut().zip(rest).for_each(|(byte, mask)| *byte ^= mask);
    bytes
}

struct Acts {
    one: [u8; ACT_ONE_LENGTH],
    two: [u8; ACT_TWO_LENGTH],
    three: [u8; ACT_THREE_LENGTH],
}

fn acts() -> &'static Acts {
    static ACTS: OnceLock<Acts> = OnceLock::new();
    ACTS.get_or_init(|| {
        let (initiator, one) = start();
        let (_, two) = Responder::act_one(&key(0x21), secret(0x22), &one).ok().unwrap();
        let (three, ..) = initiator.act_two(&two).ok().unwrap();
        Acts { one, two, three }
    })
}

fn start() -> (Initiator, [u8; ACT_ONE_LENGTH]) {
    Initiator::start(&key(0x11), secret(0x12), &key(0x21).public_key()).ok().unwrap()
}

fn key(byte: u8) -> NodeKey {
    NodeKey::new(secret(byte))
}

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; 32]).unwrap()
}
