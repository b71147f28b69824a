//! The three acts, without a stream: bytes in, bytes out.

use std::sync::{Arc, OnceLock};

use secp256k1::{PublicKey, SecretKey};
use snow::{
    Builder, HandshakeState,
    params::{
        BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifierList,
        HandshakePattern, HashChoice, NoiseParams,
    },
};
use zeroize::Zeroizing;

use crate::{
    Act, Fault, HandshakeError, NodeKey, Opener, Sealer,
    cipher::Cipher,
    noise::{Resolver, Split, Tap},
};

/// The side that dials: act one is sent, act two awaited.
pub struct Initiator(Session);

impl Initiator {
    /// Writes act one, to a peer whose node id is `remote`.
    ///
    /// `ephemeral` must come from the system's entropy source and must never be used again.
    ///
    /// # Errors
    /// [`Fault::Internal`] only.
    pub fn start(
        key: &NodeKey,
        ephemeral: SecretKey,
        remote: &PublicKey,
    ) -> Result<(Self, [u8; ACT_ONE_LENGTH]), HandshakeError> {
        let mut session =
            Session::start(key, ephemeral, Some(remote)).map_err(internal(Act::One))?;
        // [BOLT 8 act_one S1] 50 bytes: version, ephemeral key, tag
        let act_one = session.write(Act::One)?;
        Ok((Initiator(session), act_one))
    }

    /// Reads act two and writes act three. With it the session begins.
    ///
    /// # Errors
    /// The fault of act two that ends the connection, or [`Fault::Internal`].
    pub fn act_two(
        self,
        act_two: &[u8; ACT_TWO_LENGTH],
    ) -> Result<([u8; ACT_THREE_LENGTH], Sealer, Opener), HandshakeError> {
        let Initiator(mut session) = self;
        // [BOLT 8 act_two R2] a wrong version ends the handshake
        // [BOLT 8 act_two R3] so does a wrong tag, and not a byte is sent
        session.read(Act::Two, act_two)?;
        // [BOLT 8 act_three S1] 66 bytes: version, encrypted node id with its tag, tag
        let act_three = session.write(Act::Three)?;
        let split = session.split()?;
        // [BOLT 8 act_three S2] the first key is the initiator's to send with
        let sealer = Sealer::new(Cipher::new(&split.initiator_key, &split.chaining_key));
        let opener = Opener::new(Cipher::new(&split.responder_key, &split.chaining_key));
        Ok((act_three, sealer, opener))
    }
}

/// The side that is dialled: act two is sent, act three awaited.
pub struct Responder(Session);

impl Responder {
    /// Reads act one and writes act two.
    ///
    /// `ephemeral` must come from the system's entropy source and must never be used again.
    ///
    /// # Errors
    /// The fault of act one that ends the connection, or [`Fault::Internal`].
    pub fn act_one(
        key: &NodeKey,
        ephemeral: SecretKey,
        act_one: &[u8; ACT_ONE_LENGTH],
    ) -> Result<(Self, [u8; ACT_TWO_LENGTH]), HandshakeError> {
        let mut session = Session::start(key, ephemeral, None).map_err(internal(Act::One))?;
        // [BOLT 8 act_one R2] a wrong version ends the handshake
        // [BOLT 8 act_one R3] so does a wrong tag, and not a byte is sent
        session.read(Act::One, act_one)?;
        // [BOLT 8 act_two S1] 50 bytes: version, ephemeral key, tag
        let act_two = session.write(Act::Two)?;
        Ok((Responder(session), act_two))
    }

    /// Reads act three, and learns who dialled. With it the session begins.
    ///
    /// # Errors
    /// The fault of act three that ends the connection, or [`Fault::Internal`].
    pub fn act_three(
        self,
        act_three: &[u8; ACT_THREE_LENGTH],
    ) -> Result<(PublicKey, Sealer, Opener), HandshakeError> {
        let Responder(mut session) = self;
        // [BOLT 8 act_three R2] a wrong version ends the handshake
        // [BOLT 8 act_three R3] so does a wrong tag of the node id, and not a byte is sent
        // [BOLT 8 act_three R4] so does a wrong last tag, and not a byte is sent
        session.read(Act::Three, act_three)?;
        let remote = session.state.get_remote_static().map(PublicKey::from_slice);
        let Some(Ok(remote)) = remote else {
            return Err(HandshakeError::new(Act::Three, Fault::Internal));
        };
        let split = session.split()?;
        // [BOLT 8 act_three R5] the first key is the responder's to receive with
        let sealer = Sealer::new(Cipher::new(&split.responder_key, &split.chaining_key));
        let opener = Opener::new(Cipher::new(&split.initiator_key, &split.chaining_key));
        Ok((remote, sealer, opener))
    }
}

/// snow's state, boxed so that its secrets are not strewn over the stack by moves.
struct Session {
    state: Box<HandshakeState>,
    tap: Tap,
}

impl Session {
    fn start(
        key: &NodeKey,
        ephemeral: SecretKey,
        remote: Option<&PublicKey>,
    ) -> Result<Self, snow::Error> {
        let tap = Arc::new(OnceLock::new());
        // [BOLT 8 handshake_state G1] the ephemeral key is fresh: an argument, used for this alone
        let ephemeral = Zeroizing::new(ephemeral.secret_bytes());
        let resolver = Resolver::new(key.duplicate(), ephemeral, Arc::clone(&tap));
        let builder = Builder::with_resolver(params(), Box::new(resolver))
            // [BOLT 8 initialization G1] the prologue is mixed in
            .prologue(PROLOGUE)?
            // The resolver's keys are in place; this only says that there is a static one.
            .local_private_key(&[])?;
        // [BOLT 8 initialization G2] both sides mix in the responder's node id
        let state = match remote {
            Some(remote) => builder.remote_public_key(&remote.serialize())?.build_initiator()?,
            None => builder.build_responder()?,
        };
        Ok(Session { state: Box::new(state), tap })
    }

    /// Writes an act: the version, then what Noise has for it.
    fn write<const N: usize>(&mut self, act: Act) -> Result<[u8; N], HandshakeError> {
        let mut bytes = [0; N];
        let [version, message @ ..] = bytes.as_mut_slice() else {
            return Err(HandshakeError::new(act, Fault::Internal));
        };
        *version = VERSION;
        let room = message.len();
        let written = self.state.write_message(&[], message).map_err(internal(act))?;
        if written != room {
            return Err(HandshakeError::new(act, Fault::Internal));
        }
        Ok(bytes)
    }

    /// Checks an act, cheapest check first: the version, then the point, then the tags.
    fn read(&mut self, act: Act, bytes: &[u8]) -> Result<(), HandshakeError> {
        let [version, message @ ..] = bytes else {
            return Err(HandshakeError::new(act, Fault::Internal));
        };
        // [BOLT 8 versioning G1] an unknown version is rejected
        if *version != VERSION {
            return Err(HandshakeError::new(act, Fault::BadVersion(*version)));
        }
        let Err(error) = self.state.read_message(message, &mut []) else { return Ok(()) };
        let fault = if error == snow::Error::Dh {
            Fault::BadPubkey
        } else if error != snow::Error::Decrypt {
            Fault::Internal
        } else if act == Act::Three && self.state.get_remote_static().is_none() {
            // Act three has two tags; snow knows the node id once the first was right.
            Fault::BadCiphertext
        } else {
            Fault::BadTag
        };
        Err(HandshakeError::new(act, fault))
    }

    fn split(&self) -> Result<&Split, HandshakeError> {
        self.tap.get().ok_or(HandshakeError::new(Act::Three, Fault::Internal))
    }
}

/// snow has no name for the curve; the resolver has only one, and never looks at the choice.
fn params() -> NoiseParams {
    let handshake = HandshakeChoice {
        pattern: HandshakePattern::XK,
        modifiers: HandshakeModifierList { list: Vec::new() },
    };
    NoiseParams::new(
        // [BOLT 8 noise G2] both sides hash this name
        PROTOCOL_NAME.to_owned(),
        BaseChoice::Noise,
        handshake,
        DHChoice::Curve25519,
        CipherChoice::ChaChaPoly,
        HashChoice::SHA256,
    )
}

fn internal(act: Act) -> impl Fn(snow::Error) -> HandshakeError {
    move |_| HandshakeError::new(act, Fault::Internal)
}

/// Bytes of act one: version, ephemeral key, tag.
pub const ACT_ONE_LENGTH: usize = 50;
/// Bytes of act two: version, ephemeral key, tag.
pub const ACT_TWO_LENGTH: usize = 50;
/// Bytes of act three: version, encrypted node id with its tag, tag.
pub const ACT_THREE_LENGTH: usize = 66;

const VERSION: u8 = 0;
const PROTOCOL_NAME: &str = "Noise_XK_secp256k1_ChaChaPoly_SHA256";
const PROLOGUE: &[u8] = b"lightning";
