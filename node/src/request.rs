//! A request to open a channel: the caller's name for it is durable before the first byte to the peer, and
//! the same name is the same open for ever. It owns attempts, each with keys of its own.

use crate::channel::write_text;
use crate::command::OpenCommand;
use crate::reply::RequestView;
use bitcoin::OutPoint;
use funding::record::{
    read_flag, read_option, read_outpoint, read_text, read_version, write_option, write_outpoint,
};
use funding::{Failure, Monotonic, Origin, RecordError, RequestId};
use transactions::{FeeratePerKw, Height, KeysId};
use wire::codec::{Reader, Writer};
use wire::{ChannelType, Features};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked for.
    pub command: OpenCommand,
    /// The height at which it was made: 144 blocks later it is over.
    pub start_height: Height,
    /// When it is over, in this process.
    pub deadline: Monotonic,
    /// How many attempts were begun.
    pub attempts: u32,
    /// How it stands.
    pub status: RequestStatus,
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestStatus {
    /// The peer is not connected.
    WaitForPeer,
    /// The block chain is away, or not followed to its tip yet.
    WaitForChain {
        /// For a person.
        text: String,
    },
    /// The wallet has enough, but not free or not confirmed.
    WaitForCoin {
        /// For a person.
        text: String,
    },
    /// An attempt is under way.
    Trying {
        /// The attempt.
        keys_id: KeysId,
    },
    /// The last attempt failed; another one follows.
    WaitForRetry {
        /// When.
        at: Monotonic,
        /// Why the last one failed.
        text: String,
    },
    /// There is a channel.
    Funded {
        /// The name of its keys.
        keys_id: KeysId,
        /// The funding output.
        outpoint: OutPoint,
    },
    /// There will be none.
    Failed {
        /// Who ended it.
        origin: Origin,
        /// Why.
        text: String,
    },
}

impl RequestStatus {
    /// One word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WaitForPeer => "wait_for_peer",
            Self::WaitForChain { .. } => "wait_for_chain",
            Self::WaitForCoin { .. } => "wait_for_coin",
            Self::Trying { .. } => "trying",
            Self::WaitForRetry { .. } => "wait_for_retry",
            Self::Funded { .. } => "funded",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether it is decided.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Funded { .. } | Self::Failed { .. })
    }

    /// The end of a request by a failure.
    pub fn failed(failure: &Failure) -> Self {
        Self::Failed { origin: failure.origin, text: failure.text.clone() }
    }
}

impl Request {
    /// Its row. Of the undecided statuses none survives: they follow from what a restart finds.
    pub fn row(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        let c = &self.command;
        let mut w = Writer::new(&mut out);
        w.point(&c.node_id);
        write_option(&mut out, c.address.as_ref(), |out, address| write_text(out, address));
        let mut w = Writer::new(&mut out);
        w.satoshis(c.funding);
        w.satoshis(c.push);
        w.u8(u8::from(c.announce));
        w.u16_bytes(&c.channel_type.0.to_be_bytes());
        write_option(&mut out, c.feerate.as_ref(), |out, rate| Writer::new(out).u32(rate.0));
        let mut w = Writer::new(&mut out);
        w.satoshis(c.max_fee);
        w.bigsize(u64::try_from(c.coins.len()).unwrap_or(u64::MAX));
        for coin in &c.coins {
            write_outpoint(&mut out, coin);
        }
        let mut w = Writer::new(&mut out);
        w.u8(u8::from(c.force));
        w.u32(self.start_height.0);
        w.u32(self.attempts);
        match &self.status {
            RequestStatus::WaitForPeer
            | RequestStatus::WaitForChain { .. }
            | RequestStatus::WaitForCoin { .. }
            | RequestStatus::Trying { .. }
            | RequestStatus::WaitForRetry { .. } => out.push(OPEN),
            RequestStatus::Funded { keys_id, outpoint } => {
                out.push(FUNDED);
                out.extend_from_slice(&keys_id.0);
                write_outpoint(&mut out, outpoint);
            }
            RequestStatus::Failed { origin, text } => {
                out.push(FAILED);
                out.push(match origin {
                    Origin::Local => 0,
                    Origin::Peer => 1,
                    Origin::Chain => 2,
                    Origin::Timeout => 3,
                });
                write_text(&mut out, text);
            }
        }
        out
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`RecordError`]: the daemon must not start with it.
    pub fn resume(key: &[u8], row: &[u8], deadline: Monotonic) -> Result<Self, RecordError> {
        let mut r = Reader::new("request row", row);
        read_version(&mut r, VERSION)?;
        let request = RequestId(
            String::from_utf8(key.to_vec()).map_err(|e| RecordError::Damaged(e.to_string()))?,
        );
        let node_id = r.point("node_id")?;
        let address = read_option(&mut r, read_text)?;
        let funding = r.satoshis("funding")?;
        let push = r.satoshis("push")?;
        let announce = read_flag(&mut r)?;
        let features = Features::from_be_bytes(r.u16_bytes("channel_type")?)
            .ok_or_else(|| RecordError::Damaged("channel_type".to_owned()))?;
        let feerate = read_option(&mut r, |r| Ok(FeeratePerKw(r.u32("feerate")?)))?;
        let max_fee = r.satoshis("max_fee")?;
        let mut coins = Vec::new();
        for _ in 0..r.bigsize("coins")? {
            coins.push(read_outpoint(&mut r)?);
        }
        let force = read_flag(&mut r)?;
        let start_height = Height(r.u32("start_height")?);
        let attempts = r.u32("attempts")?;
        let status = match r.u8("status")? {
            OPEN => RequestStatus::WaitForPeer,
            FUNDED => RequestStatus::Funded {
                keys_id: KeysId(r.array("keys_id")?),
                outpoint: read_outpoint(&mut r)?,
            },
            FAILED => RequestStatus::Failed {
                origin: match r.u8("origin")? {
                    0 => Origin::Local,
                    1 => Origin::Peer,
                    2 => Origin::Chain,
                    3 => Origin::Timeout,
                    other => return Err(RecordError::Damaged(format!("unknown origin {other}"))),
                },
                text: read_text(&mut r)?,
            },
            other => return Err(RecordError::Damaged(format!("unknown status {other}"))),
        };
        r.finish("request row")?;
        let channel_type = ChannelType(features);
        let command = OpenCommand {
            request,
            node_id,
            address,
            funding,
            push,
            announce,
            channel_type,
            feerate,
            max_fee,
            coins,
            force,
        };
        Ok(Self { command, start_height, deadline, attempts, status })
    }

    /// For a client.
    pub fn view(&self) -> RequestView {
        let (text, origin, outpoint) = match &self.status {
            RequestStatus::WaitForPeer | RequestStatus::Trying { .. } => {
                (String::new(), None, None)
            }
            RequestStatus::WaitForChain { text }
            | RequestStatus::WaitForCoin { text }
            | RequestStatus::WaitForRetry { text, .. } => (text.clone(), None, None),
            RequestStatus::Funded { outpoint, .. } => (String::new(), None, Some(*outpoint)),
            RequestStatus::Failed { origin, text } => (text.clone(), Some(*origin), None),
        };
        RequestView {
            id: self.command.request.clone(),
            node_id: self.command.node_id,
            funding: self.command.funding,
            status: self.status.name(),
            text,
            origin,
            outpoint,
            attempts: self.attempts,
        }
    }
}

/// Seconds until attempt number `attempts + 1`: 2, 4, 8 .. 60.
pub fn retry_after(attempts: u32) -> u64 {
    2_u64.saturating_pow(attempts.clamp(1, 6)).min(60)
}

/// A request lives for 10 minutes of uptime.
pub const LIFETIME: u64 = 600;
/// And never past its height and so many blocks.
pub const LIFETIME_BLOCKS: u32 = 144;

const VERSION: u8 = 1;
const OPEN: u8 = 0;
const FUNDED: u8 = 1;
const FAILED: u8 = 2;
