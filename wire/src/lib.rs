//! BOLT 1, 2, 7 and 9: bytes and messages, one file a message. No behaviour.

mod accept_channel;
mod announcement_signatures;
mod channel_id;
mod channel_ready;
mod channel_reestablish;
mod channel_type;
mod closing_complete;
mod closing_sig;
mod closing_signed;
mod decode_error;
mod error;
mod features;
mod funding_created;
mod funding_signed;
mod init;
mod message;
mod message_type;
mod open_channel;
mod ping;
mod pong;
mod reader;
mod short_channel_id;
mod shutdown;
pub mod tlv;
mod warning;
mod writer;

pub use accept_channel::AcceptChannel;
pub use announcement_signatures::AnnouncementSignatures;
pub use channel_id::{ChannelId, InvalidChannelId};
pub use channel_ready::ChannelReady;
pub use channel_reestablish::ChannelReestablish;
pub use channel_type::ChannelType;
pub use closing_complete::{ClosingComplete, ClosingSignatures};
pub use closing_sig::ClosingSig;
pub use closing_signed::{ClosingSigned, FeeRange};
pub use decode_error::{DecodeError, DecodeReason};
pub use error::Error;
pub use features::{Features, feature};
pub use funding_created::FundingCreated;
pub use funding_signed::FundingSigned;
pub use init::Init;
pub use message::{Message, RawMessage};
pub use message_type::MessageType;
pub use open_channel::OpenChannel;
pub use ping::Ping;
pub use pong::Pong;
pub use short_channel_id::{InvalidShortChannelId, ShortChannelId};
pub use shutdown::Shutdown;
pub use warning::Warning;

/// Reading and writing the fundamental types of BOLT 1: for messages, and for records on disk.
pub mod codec {
    pub use crate::reader::Reader;
    pub use crate::writer::Writer;
}
