//! Whether an `open_channel` can become a channel: every rule that it breaks, or terms that cannot be wrong.

use crate::{AgreedParameters, Fees, FundingError, Policy, Refusal, Role, Violation};
use bitcoin::{Amount, OutPoint, Script};
use transactions::{
    CommitmentFormat, CommitmentOutput, anchors_amount, commitment_fee, is_standard_shutdown_script,
};
use wire::{ChannelType, OpenChannel};

/// The types that we serve.
pub fn is_supported(channel_type: &ChannelType) -> bool {
    *channel_type == ChannelType::anchors_zero_fee_htlc_tx()
        || *channel_type == ChannelType::static_remotekey()
}

/// Checks a peer's `open_channel` against BOLT 2 first and our policy second.
pub fn check_open_channel(
    open: &OpenChannel,
    policy: &Policy,
    fees: Fees,
) -> Result<(), FundingError> {
    let violations = violations(open, policy, fees);
    if !violations.is_empty() {
        return Err(FundingError::PeerMisbehaved(violations));
    }
    // [BOLT 2 open_channel R7] below our smallest channel
    if open.funding_satoshis < policy.min_funding {
        let limit = policy.min_funding;
        return Err(FundingError::Rejected(Refusal::FundingTooSmall { limit }));
    }
    check_limits(
        open.dust_limit_satoshis,
        open.channel_reserve_satoshis,
        open.funding_satoshis,
        policy,
    )
}

/// Our policy about the peer's dust limit and the reserve that it asks of us.
pub fn check_limits(
    dust_limit: Amount,
    reserve: Amount,
    funding: Amount,
    policy: &Policy,
) -> Result<(), FundingError> {
    // [BOLT 2 open_channel R12] a dust limit above ours
    if dust_limit > policy.max_dust_limit {
        let limit = policy.max_dust_limit;
        return Err(FundingError::Rejected(Refusal::DustLimitTooLarge { limit }));
    }
    let limit = policy.max_channel_reserve(funding);
    // [BOLT 2 open_channel R10] a reserve above a fifth of the channel
    if reserve > limit {
        return Err(FundingError::Rejected(Refusal::ReserveTooLarge { limit }));
    }
    Ok(())
}

fn violations(open: &OpenChannel, policy: &Policy, fees: Fees) -> Vec<Violation> {
    let funding = open.funding_satoshis;
    let push_exceeds = open.push_msat > funding.to_sat().saturating_mul(1_000);
    let mut found = Vec::new();
    let mut check = |broken: bool, violation: Violation| {
        if broken {
            found.push(violation);
        }
    };
    // [BOLT 2 open_channel R13] not our chain
    check(open.chain_hash != policy.chain_hash, Violation::UnknownChain);
    // [BOLT 2 open_channel R23] 2^24 sat and more need a feature that we do not offer
    check(funding > policy.max_funding, Violation::FundingTooLarge);
    // [BOLT 2 open_channel R14] a gift larger than the channel
    check(push_exceeds, Violation::PushMsatExceedsFunding);
    // [BOLT 2 open_channel R15] a delay beyond reason
    check(open.to_self_delay > policy.max_to_self_delay, Violation::ToSelfDelayTooLarge);
    // [BOLT 2 open_channel R16] more HTLCs than a commitment can hold
    check(open.max_accepted_htlcs > MAX_HTLCS, Violation::MaxAcceptedHtlcsTooLarge);
    // [BOLT 2 open_channel R17] a feerate that is too low, or beyond reason
    check(open.feerate_per_kw < policy.min_feerate.0, Violation::FeerateTooSmall);
    check(open.feerate_per_kw > policy.max_feerate(fees).0, Violation::FeerateTooLarge);
    check(
        // [BOLT 2 open_channel R19] a dust limit above the reserve
        open.dust_limit_satoshis > open.channel_reserve_satoshis,
        Violation::DustLimitAboveReserve,
    );
    // [BOLT 2 open_channel R20] a dust limit below 354
    check(open.dust_limit_satoshis < MIN_DUST_LIMIT, Violation::DustLimitTooSmall);
    check(
        !is_upfront_script_standard(open.upfront_shutdown_script.as_deref()),
        Violation::UpfrontShutdownScriptNotStandard,
    );
    match &open.channel_type {
        // [BOLT 2 open_channel R2] no type
        None => check(true, Violation::ChannelTypeMissing),
        Some(channel_type) => {
            // [BOLT 2 open_channel R24] a type that we do not serve
            // [BOLT 2 open_channel R25] and zero-conf is served to nobody
            check(!is_supported(channel_type), Violation::ChannelTypeUnsupported);
        }
    }
    if !push_exceeds {
        let format = crate::agreed::format(open.channel_type.as_ref());
        found.extend(check_balances(open, format));
    }
    found
}

/// Whether the opener can pay, and somebody is above the reserve.
fn check_balances(open: &OpenChannel, format: CommitmentFormat) -> Option<Violation> {
    let push = Amount::from_sat(open.push_msat / 1_000);
    let feerate = transactions::FeeratePerKw(open.feerate_per_kw);
    let fee = commitment_fee(format, feerate, 0).checked_add(anchors_amount(format))?;
    // A fraction of a satoshi that is pushed is not the opener's any more.
    let opener = Amount::from_sat(
        open.funding_satoshis.to_sat().saturating_sub(open.push_msat.div_ceil(1_000)),
    );
    let Some(rest) = opener.checked_sub(fee) else {
        // [BOLT 2 open_channel R21] the opener cannot pay fee and anchors
        return Some(Violation::OpenerCannotPayFee);
    };
    let reserve = open.channel_reserve_satoshis;
    // [BOLT 2 open_channel R22] nobody is above the reserve
    (rest <= reserve && push <= reserve).then_some(Violation::BothBalancesBelowReserve)
}

/// Whether an upfront script is absent, empty or of a standard form.
pub fn is_upfront_script_standard(script: Option<&Script>) -> bool {
    script
        .is_none_or(|script| script.is_empty() || is_standard_shutdown_script(script, true, false))
}

/// Whether commitment #0 of `owner` exists and has somebody's money in it.
pub fn check_commitment(
    agreed: &AgreedParameters,
    owner: Role,
    outpoint: OutPoint,
) -> Result<transactions::Commitment, FundingError> {
    use transactions::CommitmentError;
    let commitment = agreed.commitment(owner, outpoint).map_err(|error| match error {
        CommitmentError::FeeExceedsBalance => Violation::OpenerCannotPayFee,
        CommitmentError::BadPoint => Violation::BadKeys,
        CommitmentError::BalancesDifferFromFunding => Violation::PushMsatExceedsFunding,
    })?;
    let has_money = commitment.outputs.iter().any(|output| match output {
        CommitmentOutput::ToLocal | CommitmentOutput::ToRemote | CommitmentOutput::Htlc(_) => true,
        CommitmentOutput::OwnerAnchor | CommitmentOutput::OtherAnchor => false,
    });
    if has_money { Ok(commitment) } else { Err(Violation::BothBalancesBelowReserve.into()) }
}

/// The most HTLCs per side (BOLT 2).
pub const MAX_HTLCS: u16 = 483;
/// The smallest dust limit (BOLT 2).
pub const MIN_DUST_LIMIT: Amount = Amount::from_sat(354);
