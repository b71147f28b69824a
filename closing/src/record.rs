//! What of a closing channel is on disk: a version byte, a kind byte, and the fields in order.

use crate::anchor::Child;
use crate::closing::Closing;
use crate::plan::Plan;
use crate::resolution::Sweep;
use crate::shutting_down::{Here, Patience, ShuttingDown};
use crate::{CloseRequest, Closed, State, Who};
use bitcoin::ScriptBuf;
use funding::record::{
    read_option, read_outpoint, read_text, read_transaction, read_version, write_option,
    write_outpoint, write_transaction,
};
use funding::{FundedChannel, RecordError};
use transactions::{FeeratePerKw, Height, Timestamp};
use wire::codec::{Reader, Writer};

impl State {
    /// What survives a crash: everything but what holds on one connection only.
    pub fn record(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        match self {
            Self::ShuttingDown(s) => {
                out.push(SHUTTING_DOWN);
                s.channel.write(&mut out);
                write_request(&mut out, &s.request);
                write_script(&mut out, &s.local_script);
                write_option(&mut out, s.remote_script.as_ref(), write_script);
                let mut w = Writer::new(&mut out);
                w.u32(s.offer.0);
                w.u8(s.tries);
                w.u8(s.errors);
                write_option(&mut out, s.waits_since.as_ref(), |out, since| {
                    Writer::new(out).u64(since.0);
                });
            }
            Self::Closing(s) => {
                out.push(CLOSING);
                write_closing(&mut out, s);
            }
            Self::Closed(s) => {
                out.push(CLOSED);
                write_closing(&mut out, &s.closing);
            }
        }
        out
    }

    /// What a restart makes of a record.
    pub fn resume(record: &[u8]) -> Result<Self, RecordError> {
        let mut r = Reader::new("closing record", record);
        let version = read_version(&mut r, VERSION)?;
        let state = match r.u8("kind")? {
            SHUTTING_DOWN => ShuttingDown {
                channel: FundedChannel::read(&mut r, version)?,
                request: read_request(&mut r)?,
                local_script: read_script(&mut r)?,
                remote_script: read_option(&mut r, read_script)?,
                offer: FeeratePerKw(r.u32("offer")?),
                tries: r.u8("tries")?,
                errors: r.u8("errors")?,
                waits_since: match version {
                    1 => None,
                    _ => read_option(&mut r, |r| Ok(Timestamp(r.u64("waits_since")?)))?,
                },
                patience: Patience::default(),
                here: Here::default(),
            }
            .into(),
            CLOSING => read_closing(&mut r, version)?.into(),
            CLOSED => Closed { closing: read_closing(&mut r, version)? }.into(),
            other => return Err(RecordError::Damaged(format!("unknown kind {other}"))),
        };
        r.finish("closing record")?;
        Ok(state)
    }
}

fn write_closing(out: &mut Vec<u8>, closing: &Closing) {
    closing.channel.write(out);
    write_request(out, &closing.request);
    match &closing.plan {
        Plan::Mutual { transaction } => {
            out.push(0);
            write_transaction(out, transaction);
        }
        Plan::Force { commitment, child, text } => {
            out.push(1);
            write_transaction(out, commitment);
            write_option(out, child.as_ref(), |out, child| {
                write_transaction(out, &child.transaction);
                write_outpoint(out, &child.anchor);
                let mut w = Writer::new(out);
                w.u32(child.feerate.0);
                w.u32(child.built.0);
                write_height(out, child.confirmed);
            });
            Writer::new(out).bigsize_bytes(text.as_bytes());
        }
        Plan::Ask { text } => {
            out.push(2);
            Writer::new(out).bigsize_bytes(text.as_bytes());
        }
        Plan::Watch => out.push(3),
    }
    write_script(out, &closing.local_script);
    write_option(out, closing.remote_script.as_ref(), write_script);
    write_option(out, closing.seen.as_ref(), write_transaction);
    write_option(out, closing.sweep.as_ref(), |out, sweep| {
        write_transaction(out, &sweep.transaction);
        let mut w = Writer::new(out);
        w.u32(sweep.feerate.0);
        w.u32(sweep.built.0);
        write_height(out, sweep.confirmed);
    });
    Writer::new(out).bigsize(u64::try_from(closing.lost.len()).unwrap_or(u64::MAX));
    for (outpoint, height) in &closing.lost {
        write_outpoint(out, outpoint);
        Writer::new(out).u32(height.0);
    }
}

fn read_closing(r: &mut Reader<'_>, version: u8) -> Result<Closing, RecordError> {
    let channel = FundedChannel::read(r, version)?;
    let request = read_request(r)?;
    let plan = match r.u8("plan")? {
        0 => Plan::Mutual { transaction: read_transaction(r)? },
        1 => Plan::Force {
            commitment: read_transaction(r)?,
            child: read_option(r, |r| {
                Ok(Child {
                    transaction: read_transaction(r)?,
                    anchor: read_outpoint(r)?,
                    feerate: FeeratePerKw(r.u32("child feerate")?),
                    built: Height(r.u32("child built")?),
                    confirmed: read_height(r)?,
                })
            })?,
            text: read_text(r)?,
        },
        2 => Plan::Ask { text: read_text(r)? },
        3 => Plan::Watch,
        other => return Err(RecordError::Damaged(format!("unknown plan {other}"))),
    };
    let local_script = read_script(r)?;
    let remote_script = read_option(r, read_script)?;
    let seen = read_option(r, read_transaction)?;
    let sweep = read_option(r, |r| {
        Ok(Sweep {
            transaction: read_transaction(r)?,
            feerate: FeeratePerKw(r.u32("feerate")?),
            built: Height(r.u32("built")?),
            confirmed: read_height(r)?,
        })
    })?;
    let mut lost = Vec::new();
    for _ in 0..r.bigsize("lost")? {
        lost.push((read_outpoint(r)?, Height(r.u32("lost height")?)));
    }
    let complete = None;
    Ok(Closing { channel, request, plan, local_script, remote_script, seen, sweep, lost, complete })
}

fn write_request(out: &mut Vec<u8>, request: &CloseRequest) {
    let mut w = Writer::new(out);
    w.u8(match request.who {
        Who::Local => 0,
        Who::Remote => 1,
    });
    w.bigsize_bytes(request.reason.as_bytes());
    write_option(out, request.script.as_ref(), write_script);
    let mut w = Writer::new(out);
    w.u32(request.feerate.0);
    w.u32(request.cap.0);
}

fn read_request(r: &mut Reader<'_>) -> Result<CloseRequest, RecordError> {
    Ok(CloseRequest {
        who: match r.u8("who")? {
            0 => Who::Local,
            1 => Who::Remote,
            other => return Err(RecordError::Damaged(format!("unknown side {other}"))),
        },
        reason: read_text(r)?,
        script: read_option(r, read_script)?,
        feerate: FeeratePerKw(r.u32("feerate")?),
        cap: FeeratePerKw(r.u32("cap")?),
    })
}

fn write_script(out: &mut Vec<u8>, script: &ScriptBuf) {
    Writer::new(out).bigsize_bytes(script.as_bytes());
}

fn read_script(r: &mut Reader<'_>) -> Result<ScriptBuf, RecordError> {
    Ok(ScriptBuf::from_bytes(r.bigsize_bytes("script")?.to_vec()))
}

fn write_height(out: &mut Vec<u8>, height: Option<Height>) {
    write_option(out, height.as_ref(), |out, height| Writer::new(out).u32(height.0));
}

fn read_height(r: &mut Reader<'_>) -> Result<Option<Height>, RecordError> {
    read_option(r, |r| Ok(Height(r.u32("height")?)))
}

const VERSION: u8 = 2;
const SHUTTING_DOWN: u8 = 1;
const CLOSING: u8 = 2;
const CLOSED: u8 = 3;
