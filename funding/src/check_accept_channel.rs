//! Whether an `accept_channel` fits the `open_channel` that it answers.

use crate::check_open_channel::{
    MAX_HTLCS, MIN_DUST_LIMIT, check_limits, is_upfront_script_standard,
};
use crate::{FundingError, Policy, Violation};
use wire::{AcceptChannel, OpenChannel};

/// Checks a peer's `accept_channel` against BOLT 2 first and our policy second.
pub fn check_accept_channel(
    open: &OpenChannel,
    accept: &AcceptChannel,
    policy: &Policy,
) -> Result<(), FundingError> {
    let violations = violations(open, accept, policy);
    if !violations.is_empty() {
        return Err(FundingError::PeerMisbehaved(violations));
    }
    check_limits(
        accept.dust_limit_satoshis,
        accept.channel_reserve_satoshis,
        open.funding_satoshis,
        policy,
    )
}

fn violations(open: &OpenChannel, accept: &AcceptChannel, policy: &Policy) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut check = |broken: bool, violation: Violation| {
        if broken {
            found.push(violation);
        }
    };
    match &accept.channel_type {
        // [BOLT 2 accept_channel R4] no type
        None => check(true, Violation::ChannelTypeMissing),
        // [BOLT 2 accept_channel R5] another type than ours
        Some(_) => check(accept.channel_type != open.channel_type, Violation::ChannelTypeChanged),
    }
    // [BOLT 2 accept_channel R1] a depth beyond reason
    check(accept.minimum_depth > policy.max_minimum_depth, Violation::MinimumDepthTooLarge);
    check(
        // [BOLT 2 accept_channel R2] a reserve below our dust limit
        accept.channel_reserve_satoshis < open.dust_limit_satoshis,
        Violation::ReserveBelowOurDustLimit,
    );
    check(
        // [BOLT 2 accept_channel R3] a dust limit above the reserve that we ask
        open.channel_reserve_satoshis < accept.dust_limit_satoshis,
        Violation::DustLimitAboveOurReserve,
    );
    // [BOLT 2 accept_channel G2] what open_channel may not say, accept_channel may not say either
    check(accept.to_self_delay > policy.max_to_self_delay, Violation::ToSelfDelayTooLarge);
    check(accept.max_accepted_htlcs > MAX_HTLCS, Violation::MaxAcceptedHtlcsTooLarge);
    check(
        accept.dust_limit_satoshis > accept.channel_reserve_satoshis,
        Violation::DustLimitAboveReserve,
    );
    check(accept.dust_limit_satoshis < MIN_DUST_LIMIT, Violation::DustLimitTooSmall);
    check(
        !is_upfront_script_standard(accept.upfront_shutdown_script.as_deref()),
        Violation::UpfrontShutdownScriptNotStandard,
    );
    found
}
