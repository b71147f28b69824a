//! One enum for every message, and the numbers of their types.
use crate::*;

/// A message that we know by name, or do not know, and keep as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage { pub type_number: u16, pub payload: Vec<u8> }

/// A message of BOLT 1, 2 or 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Warning(Warning), Init(Init), Error(Error), Ping(Ping), Pong(Pong),
    OpenChannel(Box<OpenChannel>), AcceptChannel(Box<AcceptChannel>), FundingCreated(FundingCreated),
    FundingSigned(FundingSigned), ChannelReady(ChannelReady), Shutdown(Shutdown), ClosingSigned(ClosingSigned),
    ClosingComplete(ClosingComplete), ClosingSig(ClosingSig), ChannelReestablish(ChannelReestablish),
    AnnouncementSignatures(AnnouncementSignatures),
    /// Known by name or unknown: see [`Message::name`].
    Raw(RawMessage),
}

impl Message {
    /// The type number of BOLT 1.
    pub fn type_number(&self) -> u16 { todo!() }
    /// The name in the BOLTs, or `unknown`.
    pub fn name(&self) -> &'static str { todo!() }
    /// The channel or temporary channel that the message is about; `None` if it is about none. Also for
    /// raw messages of BOLT 2 that begin with a `channel_id` (update_fee, commitment_signed, stfu ...).
    pub fn channel_id(&self) -> Option<ChannelId> { todo!() }
    /// Appends type and payload.
    pub fn encode(&self, out: &mut Vec<u8>) { let _ = out; todo!() }
    /// Reads one whole message, type included.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> { let _ = bytes; todo!() }
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError;
