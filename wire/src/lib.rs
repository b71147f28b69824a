//! BOLT 1, 2, 7 and 9: bytes and messages, one file a message. No behaviour.

mod accept_channel;
mod announcement_signatures;
mod channel_ready;
mod channel_reestablish;
mod closing_complete;
mod closing_sig;
mod closing_signed;
mod error;
mod funding_created;
mod funding_signed;
mod init;
mod message;
mod open_channel;
mod ping;
mod pong;
mod shutdown;
mod types;
mod warning;

pub use accept_channel::AcceptChannel;
pub use announcement_signatures::AnnouncementSignatures;
pub use channel_ready::ChannelReady;
pub use channel_reestablish::ChannelReestablish;
pub use closing_complete::{ClosingComplete, ClosingSignatures};
pub use closing_sig::ClosingSig;
pub use closing_signed::{ClosingSigned, FeeRange};
pub use error::Error;
pub use funding_created::FundingCreated;
pub use funding_signed::FundingSigned;
pub use init::Init;
pub use message::{DecodeError, Message, RawMessage};
pub use open_channel::OpenChannel;
pub use ping::Ping;
pub use pong::Pong;
pub use shutdown::Shutdown;
pub use types::{ChannelId, ChannelType, Features, ShortChannelId};
pub use warning::Warning;
