//! What can go wrong, and whose fault it is.

use std::{error, fmt, io};

/// One of the three messages of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Initiator to responder: an ephemeral key, and proof of knowing the responder's node id.
    One,
    /// Responder to initiator: an ephemeral key, and proof of owning that node id.
    Two,
    /// Initiator to responder: the initiator's node id, encrypted, and proof of owning it.
    Three,
}

/// What went wrong in an act. The first five are the classes of BOLT 8, appendix A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The stream ended (`UnexpectedEof`) or broke before the act was complete.
    ReadFailed(io::ErrorKind),
    /// The version byte is not 0.
    BadVersion(u8),
    /// 33 bytes that are no point of the curve.
    BadPubkey,
    /// The encrypted node id of act three does not authenticate.
    BadCiphertext,
    /// The tag at the end of the act does not authenticate. In act one: the peer dialled a node id
    /// that is not ours. In act two: the peer does not own the node id that we dialled.
    BadTag,
    /// The act did not come, or could not be written, within its deadline.
    TimedOut,
    /// The stream broke while the act was being written.
    WriteFailed(io::ErrorKind),
    /// Ours: the first message, of so many bytes, does not fit a packet. Nothing was sent.
    FirstMessageTooLong(usize),
    /// Ours: the Noise library did not do what this crate relies upon.
    Internal,
}

/// Why a handshake ended. The connection is closed, and nothing was sent after the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeError {
    /// The act in which it happened.
    pub act: Act,
    /// What happened.
    pub fault: Fault,
}

/// Why a packet could not be opened. The [`Opener`](crate::Opener) is of no use afterwards.
#[derive(Debug)]
pub enum OpenError {
    /// The encrypted length does not authenticate.
    BadLengthTag,
    /// The encrypted message does not authenticate.
    BadMessageTag,
    /// The stream ended inside a packet.
    Truncated,
    /// The rest of a packet did not follow its length in time ([`receive`](crate::receive)).
    TimedOut,
    /// An earlier call failed already.
    Poisoned,
    /// The stream broke.
    Io(io::Error),
}

/// Why a message could not be sent.
#[derive(Debug)]
pub enum SealError {
    /// The message has so many bytes, more than a packet carries. Nothing of it was written, and
    /// the connection is as good as before.
    TooLong(usize),
    /// The peer did not take our bytes in time ([`send`](crate::send)).
    TimedOut,
    /// The cipher failed, now or earlier, which no input of ours can bring about.
    Poisoned,
    /// The stream broke.
    Io(io::Error),
}

impl HandshakeError {
    pub(crate) fn new(act: Act, fault: Fault) -> Self {
        HandshakeError { act, fault }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Act::One => "ACT1",
            Act::Two => "ACT2",
            Act::Three => "ACT3",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::ReadFailed(_) => f.write_str("READ_FAILED"),
            Fault::BadVersion(version) => write!(f, "BAD_VERSION {version}"),
            Fault::BadPubkey => f.write_str("BAD_PUBKEY"),
            Fault::BadCiphertext => f.write_str("BAD_CIPHERTEXT"),
            Fault::BadTag => f.write_str("BAD_TAG"),
            Fault::TimedOut => f.write_str("TIMED_OUT"),
            Fault::WriteFailed(_) => f.write_str("WRITE_FAILED"),
            Fault::FirstMessageTooLong(_) => f.write_str("FIRST_MESSAGE_TOO_LONG"),
            Fault::Internal => f.write_str("INTERNAL"),
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.act, self.fault)?;
        if let Fault::ReadFailed(kind) | Fault::WriteFailed(kind) = self.fault {
            write!(f, " ({kind})")?;
        }
        Ok(())
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::BadLengthTag => f.write_str("the length of a packet does not authenticate"),
            OpenError::BadMessageTag => f.write_str("a message does not authenticate"),
            OpenError::Truncated => f.write_str("the stream ended inside a packet"),
            OpenError::TimedOut => f.write_str("the rest of a packet did not come in time"),
            OpenError::Poisoned => f.write_str("the stream failed before"),
            OpenError::Io(source) => write!(f, "reading failed: {source}"),
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::TooLong(length) => write!(f, "a message of {length} bytes fits no packet"),
            SealError::TimedOut => f.write_str("the peer does not read"),
            SealError::Poisoned => f.write_str("the cipher failed"),
            SealError::Io(source) => write!(f, "writing failed: {source}"),
        }
    }
}

impl error::Error for HandshakeError {}

impl error::Error for OpenError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        if let OpenError::Io(source) = self { Some(source) } else { None }
    }
}

impl error::Error for SealError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        if let SealError::Io(source) = self { Some(source) } else { None }
    }
}

impl From<io::Error> for OpenError {
    fn from(source: io::Error) -> Self {
        OpenError::Io(source)
    }
}

impl From<io::Error> for SealError {
    fn from(source: io::Error) -> Self {
        SealError::Io(source)
    }
}
