//! What of a state is on disk: a version byte, a kind byte, and the fields in order. Old versions stay
//! readable; a newer one is refused at start.

use crate::opener::WaitForFundingSigned;
use crate::{
    AgreedParameters, Attempt, Cancel, Failure, FundedChannel, FundingPosition, Monotonic, Normal,
    Origin, RequestId, Role, Spend, State, Tombstone, WaitForChannelReady,
};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, BlockHash, OutPoint, Transaction, Txid};
use std::fmt;
use transactions::{FeeratePerKw, Height, KeysId, Timestamp};
use wire::codec::{Reader, Writer};
use wire::{AcceptChannel, AnnouncementSignatures, DecodeError, Message, OpenChannel};

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Written by a later version of this software.
    Newer(u8),
    /// Damaged.
    Damaged(String),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(version) => {
                write!(f, "record version {version} is newer than this software: upgrade it")
            }
            Self::Damaged(text) => write!(f, "damaged record: {text}"),
        }
    }
}

impl std::error::Error for RecordError {}

impl From<DecodeError> for RecordError {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// What a record makes of itself after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// The same state.
    Same(State),
    /// Another one, because the connection is gone: to be written at once.
    Changed(State, String),
    /// An attempt that ended with the process: its request tries again.
    Ended(Box<Attempt>, Failure),
}

impl State {
    /// What survives a crash; `None`: nothing.
    pub fn record(&self) -> Option<Vec<u8>> {
        let mut out = vec![VERSION];
        match self {
            Self::WaitForAcceptChannel(s) => {
                out.push(ATTEMPT);
                write_attempt(&mut out, &s.attempt);
            }
            // The same bytes: nothing was promised yet, so there is nothing more to remember.
            Self::WaitForTests(s) => {
                out.push(ATTEMPT);
                write_attempt(&mut out, &s.attempt);
            }
            Self::WaitForFundingSigned(s) => {
                out.push(WAIT_FOR_FUNDING_SIGNED);
                write_attempt(&mut out, &s.attempt);
                write_message(&mut out, &Message::AcceptChannel(Box::new(s.agreed.accept.clone())));
                write_transaction(&mut out, &s.transaction);
                write_outpoint(&mut out, &s.outpoint);
                Writer::new(&mut out).u32(s.start_height.0);
            }
            Self::WaitForDecision(_) | Self::WaitForFundingCreated(_) => return None,
            // [BOLT 2 channel_reestablish G1] what was broadcast is remembered
            // [BOLT 2 channel_reestablish G3] and so is what was signed for
            Self::WaitForChannelReady(s) => {
                out.push(WAIT_FOR_CHANNEL_READY);
                s.channel.write(&mut out);
            }
            Self::Normal(s) => {
                out.push(NORMAL);
                s.channel.write(&mut out);
            }
            Self::Tombstone(s) => {
                out.push(TOMBSTONE);
                s.channel.write(&mut out);
                let mut writer = Writer::new(&mut out);
                writer.bigsize_bytes(s.reason.as_bytes());
                writer.u8(u8::from(s.peer_knows));
            }
        }
        Some(out)
    }

    /// What a restart makes of a record. Re-derived effects follow from `Event::Connected` and
    /// `Event::Block`, as they do at any other time.
    pub fn resume(record: &[u8]) -> Result<Resumed, RecordError> {
        let mut r = Reader::new("channel record", record);
        let version = read_version(&mut r, VERSION)?;
        let kind = r.u8("kind")?;
        let resumed = match kind {
            ATTEMPT => Resumed::Ended(Box::new(read_attempt(&mut r)?), stopped()),
            WAIT_FOR_FUNDING_SIGNED => {
                let tombstone = read_wait_for_funding_signed(&mut r)?.resume();
                let cause = tombstone.reason.clone();
                Resumed::Changed(tombstone.into(), cause)
            }
            WAIT_FOR_CHANNEL_READY => Resumed::Same(
                WaitForChannelReady { channel: FundedChannel::read(&mut r, version)? }.into(),
            ),
            NORMAL => {
                Resumed::Same(Normal { channel: FundedChannel::read(&mut r, version)? }.into())
            }
            TOMBSTONE => {
                let channel = FundedChannel::read(&mut r, version)?;
                let reason = read_text(&mut r)?;
                let peer_knows = read_flag(&mut r)?;
                Resumed::Same(Tombstone { channel, reason, peer_knows }.into())
            }
            other => return Err(RecordError::Damaged(format!("unknown kind {other}"))),
        };
        r.finish("channel record")?;
        Ok(resumed)
    }
}

impl FundedChannel {
    /// Appends the channel; `closing` keeps it in its records too.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.bytes(&self.keys_id.0);
        w.point(&self.node_id);
        w.u8(match self.role {
            Role::Opener => 0,
            Role::Accepter => 1,
        });
        write_message(out, &Message::OpenChannel(Box::new(self.agreed.open.clone())));
        write_message(out, &Message::AcceptChannel(Box::new(self.agreed.accept.clone())));
        write_outpoint(out, &self.outpoint);
        write_option(out, self.remote_signature.as_ref(), |out, signature| {
            Writer::new(out).signature(signature);
        });
        write_option(out, self.funding_transaction.as_ref(), write_transaction);
        Writer::new(out).u32(self.start_height.0);
        self.position.write(out);
        Writer::new(out).u8(u8::from(self.channel_ready_sent));
        write_option(out, self.remote_next_point.as_ref(), |out, point| {
            Writer::new(out).point(point);
        });
        Writer::new(out).u8(u8::from(self.peer_update_pending));
        write_option(out, self.remote_announcement.as_ref(), |out, theirs| {
            write_message(out, &Message::AnnouncementSignatures(theirs.clone()));
        });
        write_option(out, self.cancel.as_ref(), |out, cancel| {
            write_transaction(out, &cancel.transaction);
            write_option(out, cancel.refused.as_ref(), |out, reason| {
                Writer::new(out).bigsize_bytes(reason.as_bytes());
            });
        });
        write_option(out, self.child.as_ref(), write_transaction);
    }

    /// Reads what [`FundedChannel::write`] wrote, in a record of this version.
    pub fn read(r: &mut Reader<'_>, version: u8) -> Result<Self, RecordError> {
        let mut channel = Self::read_first(r)?;
        if version > 1 {
            channel.remote_announcement = read_option(r, read_announcement_signatures)?;
            channel.cancel = read_option(r, |r| {
                let transaction = read_transaction(r)?;
                Ok(Cancel { transaction, refused: read_option(r, read_text)? })
            })?;
            channel.child = read_option(r, read_transaction)?;
        }
        Ok(channel)
    }

    /// What version 1 held, and every later one begins with.
    fn read_first(r: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(Self {
            keys_id: KeysId(r.array("keys_id")?),
            node_id: r.point("node_id")?,
            role: match r.u8("role")? {
                0 => Role::Opener,
                1 => Role::Accepter,
                other => return Err(RecordError::Damaged(format!("unknown role {other}"))),
            },
            agreed: AgreedParameters {
                open: read_open_channel(r)?,
                accept: read_accept_channel(r)?,
            },
            outpoint: read_outpoint(r)?,
            remote_signature: read_option(r, |r| Ok(r.signature("remote_signature")?))?,
            funding_transaction: read_option(r, read_transaction)?,
            start_height: Height(r.u32("start_height")?),
            position: FundingPosition::read(r)?,
            channel_ready_sent: read_flag(r)?,
            remote_next_point: read_option(r, |r| Ok(r.point("remote_next_point")?))?,
            peer_update_pending: read_flag(r)?,
            remote_announcement: None,
            cancel: None,
            child: None,
        })
    }
}

impl FundingPosition {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unbroadcast { refused } => {
                out.push(0);
                write_option(out, refused.as_ref(), |out, reason| {
                    Writer::new(out).bigsize_bytes(reason.as_bytes());
                });
            }
            Self::Mempool { since } => {
                out.push(1);
                Writer::new(out).u64(since.0);
            }
            Self::Confirmed { block, height, tx_index, spent } => {
                out.push(2);
                let mut w = Writer::new(out);
                w.bytes(&block.to_byte_array());
                w.u32(height.0);
                w.u32(*tx_index);
                write_option(out, spent.as_deref(), |out, spend| {
                    write_transaction(out, &spend.transaction);
                    Writer::new(out).u32(spend.height.0);
                });
            }
            Self::Conflicted { by, height } => {
                out.push(3);
                let mut w = Writer::new(out);
                w.txid(*by);
                w.u32(height.0);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(match r.u8("position")? {
            0 => Self::Unbroadcast { refused: read_option(r, read_text)? },
            1 => Self::Mempool { since: Timestamp(r.u64("since")?) },
            2 => Self::Confirmed {
                block: BlockHash::from_byte_array(r.array("block")?),
                height: Height(r.u32("height")?),
                tx_index: r.u32("tx_index")?,
                spent: read_option(r, |r| {
                    let transaction = read_transaction(r)?;
                    Ok(Box::new(Spend { transaction, height: Height(r.u32("spent height")?) }))
                })?,
            },
            3 => Self::Conflicted { by: r.txid("by")?, height: Height(r.u32("height")?) },
            other => return Err(RecordError::Damaged(format!("unknown position {other}"))),
        })
    }
}

fn write_attempt(out: &mut Vec<u8>, attempt: &Attempt) {
    let mut w = Writer::new(out);
    w.bigsize_bytes(attempt.request.0.as_bytes());
    w.bytes(&attempt.keys_id.0);
    w.point(&attempt.node_id);
    write_message(out, &Message::OpenChannel(Box::new(attempt.open.clone())));
    Writer::new(out).bigsize(u64::try_from(attempt.coins.len()).unwrap_or(u64::MAX));
    for coin in &attempt.coins {
        write_outpoint(out, coin);
    }
    let mut w = Writer::new(out);
    w.u32(attempt.feerate.0);
    w.satoshis(attempt.max_fee);
    w.satoshis(attempt.reserve);
}

fn read_attempt(r: &mut Reader<'_>) -> Result<Attempt, RecordError> {
    let request = RequestId(read_text(r)?);
    let keys_id = KeysId(r.array("keys_id")?);
    let node_id = r.point("node_id")?;
    let open = read_open_channel(r)?;
    let mut coins = Vec::new();
    for _ in 0..r.bigsize("coins")? {
        coins.push(read_outpoint(r)?);
    }
    let feerate = FeeratePerKw(r.u32("feerate")?);
    let max_fee: Amount = r.satoshis("max_fee")?;
    let reserve: Amount = r.satoshis("reserve")?;
    Ok(Attempt { request, keys_id, node_id, open, coins, feerate, max_fee, reserve })
}

fn read_wait_for_funding_signed(r: &mut Reader<'_>) -> Result<WaitForFundingSigned, RecordError> {
    let attempt = read_attempt(r)?;
    let accept = read_accept_channel(r)?;
    Ok(WaitForFundingSigned {
        agreed: AgreedParameters { open: attempt.open.clone(), accept },
        attempt,
        transaction: read_transaction(r)?,
        outpoint: read_outpoint(r)?,
        start_height: Height(r.u32("start_height")?),
        deadline: Monotonic::default(),
    })
}

fn read_open_channel(r: &mut Reader<'_>) -> Result<OpenChannel, RecordError> {
    let message = read_message(r)?;
    let Message::OpenChannel(open) = message else {
        return Err(unexpected("open_channel", &message));
    };
    Ok(*open)
}

fn read_accept_channel(r: &mut Reader<'_>) -> Result<AcceptChannel, RecordError> {
    let message = read_message(r)?;
    let Message::AcceptChannel(accept) = message else {
        return Err(unexpected("accept_channel", &message));
    };
    Ok(*accept)
}

fn read_announcement_signatures(r: &mut Reader<'_>) -> Result<AnnouncementSignatures, RecordError> {
    let message = read_message(r)?;
    let Message::AnnouncementSignatures(theirs) = message else {
        return Err(unexpected("announcement_signatures", &message));
    };
    Ok(theirs)
}

/// Reads the first byte of a record, which names the version of its format.
pub fn read_version(r: &mut Reader<'_>, newest: u8) -> Result<u8, RecordError> {
    match r.u8("version")? {
        0 => Err(RecordError::Damaged("version 0".to_owned())),
        version if version > newest => Err(RecordError::Newer(version)),
        version => Ok(version),
    }
}

/// Reads a byte that is 0 or 1.
pub fn read_flag(r: &mut Reader<'_>) -> Result<bool, RecordError> {
    match r.u8("flag")? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(RecordError::Damaged(format!("a flag is {other}"))),
    }
}

/// Reads text that was written with its length.
pub fn read_text(r: &mut Reader<'_>) -> Result<String, RecordError> {
    String::from_utf8(r.bigsize_bytes("text")?.to_vec())
        .map_err(|error| RecordError::Damaged(error.to_string()))
}

/// Appends a message as it was sent.
pub fn write_message(out: &mut Vec<u8>, message: &Message) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    Writer::new(out).bigsize_bytes(&bytes);
}

/// Reads what [`write_message`] wrote.
pub fn read_message(r: &mut Reader<'_>) -> Result<Message, RecordError> {
    Ok(Message::decode(r.bigsize_bytes("message")?)?)
}

/// Appends a transaction.
pub fn write_transaction(out: &mut Vec<u8>, transaction: &Transaction) {
    Writer::new(out).bigsize_bytes(&serialize(transaction));
}

/// Reads what [`write_transaction`] wrote.
pub fn read_transaction(r: &mut Reader<'_>) -> Result<Transaction, RecordError> {
    deserialize(r.bigsize_bytes("transaction")?)
        .map_err(|error| RecordError::Damaged(error.to_string()))
}

/// Appends an outpoint.
pub fn write_outpoint(out: &mut Vec<u8>, outpoint: &OutPoint) {
    let mut w = Writer::new(out);
    w.txid(outpoint.txid);
    w.u32(outpoint.vout);
}

/// Reads what [`write_outpoint`] wrote.
pub fn read_outpoint(r: &mut Reader<'_>) -> Result<OutPoint, RecordError> {
    let txid: Txid = r.txid("txid")?;
    Ok(OutPoint { txid, vout: r.u32("vout")? })
}

/// Appends a value that may be absent.
pub fn write_option<T>(out: &mut Vec<u8>, value: Option<&T>, write: impl FnOnce(&mut Vec<u8>, &T)) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            write(out, value);
        }
    }
}

/// Reads what [`write_option`] wrote.
pub fn read_option<T>(
    r: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, RecordError>,
) -> Result<Option<T>, RecordError> {
    match r.u8("presence")? {
        0 => Ok(None),
        1 => read(r).map(Some),
        other => Err(RecordError::Damaged(format!("presence is {other}"))),
    }
}

fn unexpected(wanted: &str, got: &Message) -> RecordError {
    RecordError::Damaged(format!("{} where {wanted} should be", got.name()))
}

fn stopped() -> Failure {
    Failure {
        origin: Origin::Local,
        stage: "WaitForAcceptChannel",
        text: "the daemon stopped".to_owned(),
        retry: true,
    }
}

const VERSION: u8 = 2;
const ATTEMPT: u8 = 1;
const WAIT_FOR_FUNDING_SIGNED: u8 = 2;
const WAIT_FOR_CHANNEL_READY: u8 = 3;
const NORMAL: u8 = 4;
const TOMBSTONE: u8 = 5;
