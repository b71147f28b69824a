//! Opener, after `open_channel` was sent.
//!
//! Enters when  a request found its peer and its coins.
//! On disk      the attempt: its request, keys and leased coins.
//! Waits for    `accept_channel` (BOLT 2).
//! Leaves to    `WaitForTests`.
//! On a crash   the attempt ends, its coins are free, the request tries again: nothing was promised.

use crate::attempt::{COIN_GONE, cancelled, coin_gone, peer_gone, refused_by_peer, timed_out};
use crate::check_accept_channel::check_accept_channel;
use crate::check_open_channel::{check_commitment, is_supported};
use crate::error::{error_message, peer_text};
use crate::opener::WaitForTests;
use crate::{
    AgreedParameters, Attempt, CancelCause, Context, Effect, Failure, FundingError, Monotonic,
    RequestId, Role, Transition, agreed, policy,
};
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut};
use secp256k1::PublicKey;
use transactions::{
    CommitmentNumber, FeeratePerKw, FundRequest, Funded, FundsError, KeysId, anchors_amount,
    commitment_fee, funding_script,
};
use wire::{AcceptChannel, ChannelId, ChannelType, OpenChannel};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitForAcceptChannel {
    /// What is on disk.
    pub attempt: Attempt,
    /// When we give up.
    pub deadline: Monotonic,
}

/// What a request asks of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWish {
    /// The request.
    pub request: RequestId,
    /// The peer.
    pub node_id: PublicKey,
    /// The whole channel.
    pub funding: Amount,
    /// What the peer gets as a gift, in satoshi.
    pub push: Amount,
    /// Whether the channel is to be announced.
    pub announce: bool,
    /// The type.
    pub channel_type: ChannelType,
    /// The feerate of the funding transaction.
    pub feerate: FeeratePerKw,
    /// The highest fee of the funding transaction.
    pub max_fee: Amount,
    /// Coins to use and no others; empty: the wallet chooses.
    pub coins: Vec<OutPoint>,
    /// Coins to prefer.
    pub prefer: Vec<OutPoint>,
    /// What has to stay in the wallet.
    pub reserve: Amount,
}

/// Why an attempt cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The terms make no channel: what is wrong and what would be right.
    Terms(String),
    /// The wallet cannot.
    Funds(FundsError),
}

impl WaitForAcceptChannel {
    /// Begins an attempt: leases coins and says `open_channel`. `keys_id` and `temporary_channel_id` are
    /// random and new.
    pub fn begin(
        wish: &OpenWish,
        keys_id: KeysId,
        temporary_channel_id: ChannelId,
        cx: &mut Context<'_>,
    ) -> Result<(Self, Vec<Effect>), OpenError> {
        let open = open_channel(wish, &keys_id, temporary_channel_id, cx)?;
        // The peer's key is not known yet; every funding output has the same size.
        let placeholder = funding_script(&open.funding_pubkey, &open.revocation_basepoint);
        let funded = fund(
            TxOut { value: wish.funding, script_pubkey: placeholder.to_p2wsh() },
            &Attempt {
                request: wish.request.clone(),
                keys_id,
                node_id: wish.node_id,
                open: open.clone(),
                coins: wish.coins.clone(),
                feerate: wish.feerate,
                max_fee: wish.max_fee,
                reserve: wish.reserve,
            },
            wish.prefer.clone(),
            cx,
        )
        .map_err(OpenError::Funds)?;
        let attempt = Attempt {
            request: wish.request.clone(),
            keys_id,
            node_id: wish.node_id,
            open: open.clone(),
            coins: funded.coins,
            feerate: wish.feerate,
            max_fee: wish.max_fee,
            reserve: wish.reserve,
        };
        let deadline = cx.now.monotonic.after_seconds(cx.policy.accept_timeout);
        let send = Effect::Send(wire::Message::OpenChannel(Box::new(open)));
        Ok((Self { attempt, deadline }, vec![send]))
    }

    /// The peer's terms: checks them, builds and signs the funding transaction in memory, and has it tested.
    pub fn on_accept_channel(self, accept: AcceptChannel, cx: &mut Context<'_>) -> Transition {
        if let Err(error) = check_accept_channel(&self.attempt.open, &accept, cx.policy) {
            return self.fail(&error);
        }
        let agreed = AgreedParameters { open: self.attempt.open.clone(), accept };
        let script_pubkey = agreed.funding_output(OutPoint::null()).txout().script_pubkey;
        let output = TxOut { value: agreed.capacity(), script_pubkey };
        let Ok(funded) = fund(output, &self.attempt, Vec::new(), cx) else {
            return self.fail(&FundingError::Internal("the coins are gone"));
        };
        let outpoint = OutPoint {
            txid: funded.transaction.compute_txid(),
            vout: u32::from(funded.output_index),
        };
        for owner in [Role::Opener, Role::Accepter] {
            if let Err(error) = check_commitment(&agreed, owner, outpoint) {
                return self.fail(&error);
            }
        }
        let effects = vec![Effect::TestAccept(funded.transaction.clone()), Effect::Ping];
        let next = WaitForTests::new(self.attempt, agreed, funded.transaction, outpoint, cx);
        Transition::to(next, "accept_channel fits", effects)
    }

    /// The peer will not.
    pub fn on_error(self, data: &[u8]) -> Transition {
        Transition::ended(refused_by_peer(STAGE, &peer_text(data)), Vec::new())
    }

    /// Nothing was promised: the attempt ends.
    pub fn on_disconnected(self) -> Transition {
        // [BOLT 2 channel_reestablish G2] nothing was broadcast, nothing is remembered
        Transition::ended(peer_gone(STAGE), Vec::new())
    }

    /// The peer is silent.
    pub fn on_deadline(self) -> Transition {
        let error = error_message(self.attempt.temporary_channel_id(), "no accept_channel in time");
        Transition::ended(timed_out(STAGE, "accept_channel"), vec![Effect::Send(error)])
    }

    /// A coin is gone, in a block: another attempt takes others.
    pub fn on_conflicted(self) -> Transition {
        let error = error_message(self.attempt.temporary_channel_id(), COIN_GONE);
        Transition::ended(coin_gone(STAGE), vec![Effect::Send(error)])
    }

    /// We end it.
    pub fn on_cancel(self, cause: CancelCause) -> Transition {
        let error = error_message(self.attempt.temporary_channel_id(), cause.text());
        Transition::ended(cancelled(STAGE, cause), vec![Effect::Send(error)])
    }

    fn fail(self, error: &FundingError) -> Transition {
        let failure = Failure {
            origin: error.origin(),
            stage: STAGE,
            text: format!("accept_channel was refused: {error}"),
            retry: false,
        };
        let reply = error.reply(self.attempt.temporary_channel_id());
        Transition::ended(failure, vec![Effect::Send(reply)])
    }
}

/// Asks the wallet for the funding transaction. Once the attempt has its coins, they and no others are used.
fn fund(
    output: TxOut,
    attempt: &Attempt,
    prefer: Vec<OutPoint>,
    cx: &mut Context<'_>,
) -> Result<Funded, FundsError> {
    let request = FundRequest {
        output,
        // [BOLT 2 funding_created S7] what the caller pays for the blocks that it can wait
        feerate: attempt.feerate,
        max_fee: attempt.max_fee,
        coins: attempt.coins.clone(),
        reserve: attempt.reserve,
        prefer,
    };
    let mut leased = cx.leased.clone();
    for coin in &attempt.coins {
        leased.remove(coin);
    }
    // [BOLT 2 funding_created S2] nobody can change the txid any more,
    // [BOLT 2 funding_created S6] for every input is segwit
    cx.wallet.fund(&request, &leased)
}

fn open_channel(
    wish: &OpenWish,
    keys_id: &KeysId,
    temporary_channel_id: ChannelId,
    cx: &Context<'_>,
) -> Result<OpenChannel, OpenError> {
    check_wish(wish, cx)?;
    let keys = cx.wallet.public_keys(keys_id);
    let reserve = cx.policy.channel_reserve(wish.funding, cx.policy.dust_limit);
    let htlc_minimum_msat = policy::Policy::htlc_minimum_msat(wish.funding, reserve);
    let format = agreed::format(Some(&wish.channel_type));
    Ok(OpenChannel {
        // [BOLT 2 open_channel S1] our chain
        chain_hash: cx.policy.chain_hash,
        temporary_channel_id,
        funding_satoshis: wish.funding,
        // [BOLT 2 open_channel S5] the gift is less than the channel: see check_wish
        push_msat: wish.push.to_sat().saturating_mul(1_000),
        // [BOLT 2 open_channel S20] enough for a commitment to relay
        // [BOLT 2 open_channel S21] and for HTLC transactions
        dust_limit_satoshis: cx.policy.dust_limit,
        max_htlc_value_in_flight_msat: htlc_minimum_msat.saturating_mul(5),
        // [BOLT 2 open_channel S8] no less than our dust limit
        channel_reserve_satoshis: reserve,
        // [BOLT 2 open_channel S22] we take no HTLC: more than the channel can carry
        htlc_minimum_msat,
        // [BOLT 2 open_channel S19] by the estimate
        feerate_per_kw: cx.policy.commitment_feerate(format, cx.fees).0,
        // [BOLT 2 open_channel S18] a day
        to_self_delay: cx.policy.to_self_delay,
        max_accepted_htlcs: policy::MAX_ACCEPTED_HTLCS,
        funding_pubkey: keys.funding_pubkey,
        revocation_basepoint: keys.revocation_basepoint,
        payment_basepoint: keys.payment_basepoint,
        delayed_payment_basepoint: keys.delayed_payment_basepoint,
        htlc_basepoint: keys.htlc_basepoint,
        // [BOLT 2 open_channel S7] the point of commitment #0
        first_per_commitment_point: cx.wallet.per_commitment_point(keys_id, CommitmentNumber(0)),
        // [BOLT 2 open_channel S9] one bit and no other
        channel_flags: if wish.announce { agreed::ANNOUNCE_CHANNEL } else { 0 },
        // [BOLT 2 open_channel S12] said to be empty
        upfront_shutdown_script: Some(ScriptBuf::new()),
        // [BOLT 2 open_channel S13] always with a type
        channel_type: Some(wish.channel_type.clone()),
    })
}

/// Whether the terms can make a channel at all.
fn check_wish(wish: &OpenWish, cx: &Context<'_>) -> Result<(), OpenError> {
    // [BOLT 2 open_channel S4] below 2^24 sat
    let (least, most) = (cx.policy.min_funding, cx.policy.max_funding);
    if wish.funding < least || wish.funding > most {
        return Err(OpenError::Terms(format!(
            "a channel of {} is not possible: choose {least} to {most}",
            wish.funding
        )));
    }
    // [BOLT 2 open_channel S14] one of those that we serve
    if !is_supported(&wish.channel_type) {
        let text = format!("this build opens no channel of the type {}", wish.channel_type);
        return Err(OpenError::Terms(text));
    }
    let format = agreed::format(Some(&wish.channel_type));
    let feerate = cx.policy.commitment_feerate(format, cx.fees);
    let reserve = cx.policy.channel_reserve(wish.funding, cx.policy.dust_limit);
    // The peer may ask for as large a reserve as we do; below it nobody could ever pay.
    let needed = [wish.push, commitment_fee(format, feerate, 0), anchors_amount(format), reserve]
        .into_iter()
        .try_fold(Amount::ZERO, Amount::checked_add);
    if needed.is_none_or(|needed| needed >= wish.funding) {
        return Err(OpenError::Terms(format!(
            "nothing would be left to us of {}: push less than {}, so that the commitment fee, the \
             anchors and the reserve of {reserve} are covered",
            wish.funding, wish.push
        )));
    }
    Ok(())
}

const STAGE: &str = "WaitForAcceptChannel";
