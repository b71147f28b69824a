//! One enum for every message, and the way from bytes to it and back.

use crate::{
    AcceptChannel, AnnouncementSignatures, ChannelId, ChannelReady, ChannelReestablish,
    ClosingComplete, ClosingSig, ClosingSigned, DecodeError, DecodeReason, Error, FundingCreated,
    FundingSigned, Init, MessageType, OpenChannel, Ping, Pong, Shutdown, Warning,
};

/// A message of BOLT 1, 2 or 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// `warning`.
    Warning(Warning),
    /// `init`.
    Init(Init),
    /// `error`.
    Error(Error),
    /// `ping`.
    Ping(Ping),
    /// `pong`.
    Pong(Pong),
    /// `open_channel`.
    OpenChannel(Box<OpenChannel>),
    /// `accept_channel`.
    AcceptChannel(Box<AcceptChannel>),
    /// `funding_created`.
    FundingCreated(FundingCreated),
    /// `funding_signed`.
    FundingSigned(FundingSigned),
    /// `channel_ready`.
    ChannelReady(ChannelReady),
    /// `shutdown`.
    Shutdown(Shutdown),
    /// `closing_signed`.
    ClosingSigned(ClosingSigned),
    /// `closing_complete`.
    ClosingComplete(ClosingComplete),
    /// `closing_sig`.
    ClosingSig(ClosingSig),
    /// `channel_reestablish`.
    ChannelReestablish(ChannelReestablish),
    /// `announcement_signatures`.
    AnnouncementSignatures(AnnouncementSignatures),
    /// Known by name or unknown: see [`Message::name`].
    Raw(RawMessage),
}

/// A message that we know by name, or do not know, and keep as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The number of its type; none of those that [`Message`] has a variant for.
    pub type_number: u16,
    /// Everything after the type.
    pub payload: Vec<u8>,
}

impl Message {
    /// The most bytes of a message, its type included (BOLT 1; BOLT 8 has no room for more).
    pub const MAX_LENGTH: usize = 65_535;

    /// The number of its type (BOLT 1).
    pub fn type_number(&self) -> u16 {
        match self {
            Self::Warning(_) => Warning::TYPE,
            Self::Init(_) => Init::TYPE,
            Self::Error(_) => Error::TYPE,
            Self::Ping(_) => Ping::TYPE,
            Self::Pong(_) => Pong::TYPE,
            Self::OpenChannel(_) => OpenChannel::TYPE,
            Self::AcceptChannel(_) => AcceptChannel::TYPE,
            Self::FundingCreated(_) => FundingCreated::TYPE,
            Self::FundingSigned(_) => FundingSigned::TYPE,
            Self::ChannelReady(_) => ChannelReady::TYPE,
            Self::Shutdown(_) => Shutdown::TYPE,
            Self::ClosingSigned(_) => ClosingSigned::TYPE,
            Self::ClosingComplete(_) => ClosingComplete::TYPE,
            Self::ClosingSig(_) => ClosingSig::TYPE,
            Self::ChannelReestablish(_) => ChannelReestablish::TYPE,
            Self::AnnouncementSignatures(_) => AnnouncementSignatures::TYPE,
            Self::Raw(raw) => raw.type_number,
        }
    }

    /// The name in the BOLTs, or `unknown`.
    pub fn name(&self) -> &'static str {
        MessageType::find(self.type_number()).map_or("unknown", |known| known.name)
    }

    /// The channel or temporary channel that the message is about; `None` if it is about none. Also
    /// for raw messages of BOLT 2 that begin with a `channel_id` (update_fee, commitment_signed,
    /// stfu ...), if they are long enough. An `error` or `warning` about all channels or none gives
    /// [`ChannelId::ALL`].
    pub fn channel_id(&self) -> Option<ChannelId> {
        match self {
            Self::Warning(message) => Some(message.channel_id),
            Self::Error(message) => Some(message.channel_id),
            Self::OpenChannel(message) => Some(message.temporary_channel_id),
            Self::AcceptChannel(message) => Some(message.temporary_channel_id),
            Self::FundingCreated(message) => Some(message.temporary_channel_id),
            Self::FundingSigned(message) => Some(message.channel_id),
            Self::ChannelReady(message) => Some(message.channel_id),
            Self::Shutdown(message) => Some(message.channel_id),
            Self::ClosingSigned(message) => Some(message.channel_id),
            Self::ClosingComplete(message) => Some(message.channel_id),
            Self::ClosingSig(message) => Some(message.channel_id),
            Self::ChannelReestablish(message) => Some(message.channel_id),
            Self::AnnouncementSignatures(message) => Some(message.channel_id),
            Self::Init(_) | Self::Ping(_) | Self::Pong(_) => None,
            Self::Raw(raw) => raw.channel_id(),
        }
    }

    /// Appends type and payload.
    ///
    /// A message with more bytes than [`Message::MAX_LENGTH`] (a script or raw payload of absurd
    /// length) is written whole; the transport has to refuse it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.type_number().to_be_bytes());
        match self {
            Self::Warning(message) => message.write_payload(out),
            Self::Init(message) => message.write_payload(out),
            Self::Error(message) => message.write_payload(out),
            Self::Ping(message) => message.write_payload(out),
            Self::Pong(message) => message.write_payload(out),
            Self::OpenChannel(message) => message.write_payload(out),
            Self::AcceptChannel(message) => message.write_payload(out),
            Self::FundingCreated(message) => message.write_payload(out),
            Self::FundingSigned(message) => message.write_payload(out),
            Self::ChannelReady(message) => message.write_payload(out),
            Self::Shutdown(message) => message.write_payload(out),
            Self::ClosingSigned(message) => message.write_payload(out),
            Self::ClosingComplete(message) => message.write_payload(out),
            Self::ClosingSig(message) => message.write_payload(out),
            Self::ChannelReestablish(message) => message.write_payload(out),
            Self::AnnouncementSignatures(message) => message.write_payload(out),
            Self::Raw(raw) => out.extend_from_slice(&raw.payload),
        }
    }

    /// Reads one whole message, type included.
    ///
    /// # Errors
    /// The first field that cannot be read. A type that we do not decode is never an error: whether
    /// it may be ignored is for the connection to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > Self::MAX_LENGTH {
            return Err(no_message(DecodeReason::TooLong(bytes.len())));
        }
        let Some((type_number, payload)) = bytes.split_first_chunk() else {
            return Err(no_message(DecodeReason::Truncated { need: 2, have: bytes.len() }));
        };
        let type_number = u16::from_be_bytes(*type_number);
        // [BOLT 1 messages R4] a known message that is too short is an error
        Ok(match type_number {
            Warning::TYPE => Self::Warning(Warning::read_payload(payload)?),
            Init::TYPE => Self::Init(Init::read_payload(payload)?),
            Error::TYPE => Self::Error(Error::read_payload(payload)?),
            Ping::TYPE => Self::Ping(Ping::read_payload(payload)?),
            Pong::TYPE => Self::Pong(Pong::read_payload(payload)?),
            OpenChannel::TYPE => Self::OpenChannel(Box::new(OpenChannel::read_payload(payload)?)),
            AcceptChannel::TYPE => {
                Self::AcceptChannel(Box::new(AcceptChannel::read_payload(payload)?))
            }
            FundingCreated::TYPE => Self::FundingCreated(FundingCreated::read_payload(payload)?),
            FundingSigned::TYPE => Self::FundingSigned(FundingSigned::read_payload(payload)?),
            ChannelReady::TYPE => Self::ChannelReady(ChannelReady::read_payload(payload)?),
            Shutdown::TYPE => Self::Shutdown(Shutdown::read_payload(payload)?),
            ClosingSigned::TYPE => Self::ClosingSigned(ClosingSigned::read_payload(payload)?),
            ClosingComplete::TYPE => Self::ClosingComplete(ClosingComplete::read_payload(payload)?),
            ClosingSig::TYPE => Self::ClosingSig(ClosingSig::read_payload(payload)?),
            ChannelReestablish::TYPE => {
                Self::ChannelReestablish(ChannelReestablish::read_payload(payload)?)
            }
            AnnouncementSignatures::TYPE => {
                Self::AnnouncementSignatures(AnnouncementSignatures::read_payload(payload)?)
            }
            _ => Self::Raw(RawMessage { type_number, payload: payload.to_vec() }),
        })
    }
}

impl RawMessage {
    /// Whether the BOLTs have a name for it.
    pub fn is_named(&self) -> bool {
        MessageType::find(self.type_number).is_some()
    }

    fn channel_id(&self) -> Option<ChannelId> {
        let at = MessageType::find(self.type_number)?.channel_id_at?;
        self.payload.get(at..)?.first_chunk().copied().map(ChannelId)
    }
}

fn no_message(reason: DecodeReason) -> DecodeError {
    DecodeError { message: "message", field: "type", offset: 0, reason }
}

impl From<Warning> for Message {
    fn from(message: Warning) -> Self {
        Self::Warning(message)
    }
}

impl From<Init> for Message {
    fn from(message: Init) -> Self {
        Self::Init(message)
    }
}

impl From<Error> for Message {
    fn from(message: Error) -> Self {
        Self::Error(message)
    }
}

impl From<Ping> for Message {
    fn from(message: Ping) -> Self {
        Self::Ping(message)
    }
}

impl From<Pong> for Message {
    fn from(message: Pong) -> Self {
        Self::Pong(message)
    }
}

impl From<OpenChannel> for Message {
    fn from(message: OpenChannel) -> Self {
        Self::OpenChannel(Box::new(message))
    }
}

impl From<AcceptChannel> for Message {
    fn from(message: AcceptChannel) -> Self {
        Self::AcceptChannel(Box::new(message))
    }
}

impl From<FundingCreated> for Message {
    fn from(message: FundingCreated) -> Self {
        Self::FundingCreated(message)
    }
}

impl From<FundingSigned> for Message {
    fn from(message: FundingSigned) -> Self {
        Self::FundingSigned(message)
    }
}

impl From<ChannelReady> for Message {
    fn from(message: ChannelReady) -> Self {
        Self::ChannelReady(message)
    }
}

impl From<Shutdown> for Message {
    fn from(message: Shutdown) -> Self {
        Self::Shutdown(message)
    }
}

impl From<ClosingSigned> for Message {
    fn from(message: ClosingSigned) -> Self {
        Self::ClosingSigned(message)
    }
}

impl From<ClosingComplete> for Message {
    fn from(message: ClosingComplete) -> Self {
        Self::ClosingComplete(message)
    }
}

impl From<ClosingSig> for Message {
    fn from(message: ClosingSig) -> Self {
        Self::ClosingSig(message)
    }
}

impl From<ChannelReestablish> for Message {
    fn from(message: ChannelReestablish) -> Self {
        Self::ChannelReestablish(message)
    }
}

impl From<AnnouncementSignatures> for Message {
    fn from(message: AnnouncementSignatures) -> Self {
        Self::AnnouncementSignatures(message)
    }
}
