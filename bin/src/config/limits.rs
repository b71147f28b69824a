//! The limits among the settings.

use super::sources::Sources;
use super::values::number;
use crate::exit::{Exit, Failure};
use crate::limits::Limits;
use crate::net::Places;
use bitcoin::Amount;
use transactions::FeeratePerKw;

pub(super) fn of(sources: &Sources) -> Result<Limits, Failure> {
    let read = |name, least, most| sources.required(name, number(least, most));
    let sat = |name| read(name, 1_000, LARGEST).map(Amount::from_sat);
    let count = |name, least, most| {
        read(name, least, most).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    };
    let blocks = |name, most: u16| {
        read(name, 1, most.into()).map(|blocks| u16::try_from(blocks).unwrap_or(most))
    };
    let (min_channel, max_channel) = (sat("min-channel-size")?, sat("max-channel-size")?);
    if min_channel > max_channel {
        let text = "min-channel-size is above max-channel-size: no channel would be left";
        return Err(Failure::new(Exit::Usage, text));
    }
    let minimum_depth = sources.optional("minimum-depth", number(1, 144))?;
    let feerate = read("min-commitment-feerate", 253, 100_000)?;
    Ok(Limits {
        min_channel,
        max_channel,
        minimum_depth: minimum_depth.and_then(|blocks| u32::try_from(blocks).ok()),
        max_minimum_depth: blocks("max-minimum-depth", 2_016)?.into(),
        to_self_delay: blocks("to-self-delay", 2_016)?,
        max_to_self_delay: blocks("max-to-self-delay", 10_000)?,
        min_commitment_feerate: FeeratePerKw(u32::try_from(feerate).unwrap_or(u32::MAX)),
        max_pending_per_peer: count("max-pending-per-peer", 1, 1_000)?,
        max_pending: count("max-pending", 1, 100_000)?,
        max_resting: count("max-resting", 0, 1_000_000)?,
        handshakes: Places {
            total: count("max-handshakes", 1, 10_000)?,
            per_block: count("max-handshakes-per-block", 1, 10_000)?,
        },
        strangers: Places {
            total: count("max-strangers", 1, 10_000)?,
            per_block: count("max-strangers-per-block", 1, 10_000)?,
        },
    })
}

/// 2^24 - 1: more needs a feature that is not offered.
const LARGEST: u64 = 16_777_215;
