//! Accepter, before `accept_channel`.
//!
//! Enters when  a peer's `open_channel` breaks no rule.
//! On disk      nothing.
//! Waits for    a decision: the shell's, which as yet is always yes (docs/adr/0009).
//! Leaves to    `WaitForFundingCreated`, saying `accept_channel`.
//! On a crash   forgotten, as BOLT 2 wants it.

use crate::accepter::WaitForFundingCreated;
use crate::attempt::{cancelled, peer_gone, refused_by_peer};
use crate::check_open_channel::check_open_channel;
use crate::error::peer_text;
use crate::{
    AgreedParameters, CancelCause, Context, Effect, Failure, FundingError, Monotonic, Origin,
    Refusal, Transition, policy,
};
use bitcoin::ScriptBuf;
use secp256k1::PublicKey;
use transactions::{CommitmentNumber, KeysId};
use wire::{AcceptChannel, Message, OpenChannel};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitForDecision {
    /// The name of its keys.
    pub keys_id: KeysId,
    /// The peer.
    pub node_id: PublicKey,
    /// Its `open_channel`.
    pub open: OpenChannel,
    /// When we give up.
    pub deadline: Monotonic,
}

impl WaitForDecision {
    /// A peer's `open_channel`: the refusal, or the state that waits for a decision. `keys_id` is random and
    /// new.
    pub fn begin(
        open: OpenChannel,
        node_id: PublicKey,
        keys_id: KeysId,
        cx: &Context<'_>,
    ) -> Result<(Self, Vec<Effect>), FundingError> {
        check_open_channel(&open, cx.policy, cx.fees)?;
        let deadline = cx.now.monotonic.after_seconds(cx.policy.funding_timeout);
        Ok((Self { keys_id, node_id, open, deadline }, vec![Effect::Decide]))
    }

    /// Yes or no.
    pub fn on_decided(self, decision: Result<(), String>, cx: &mut Context<'_>) -> Transition {
        if let Err(text) = decision {
            let error = FundingError::Rejected(Refusal::Declined(text));
            let failure = Failure {
                origin: error.origin(),
                stage: STAGE,
                text: error.to_string(),
                retry: false,
            };
            let reply = error.reply(self.open.temporary_channel_id);
            return Transition::ended(failure, vec![Effect::Send(reply)]);
        }
        let accept = self.accept_channel(cx);
        let message = Message::AcceptChannel(Box::new(accept.clone()));
        let next = WaitForFundingCreated {
            keys_id: self.keys_id,
            node_id: self.node_id,
            agreed: AgreedParameters { open: self.open, accept },
            deadline: cx.now.monotonic.after_seconds(cx.policy.funding_timeout),
        };
        Transition::to(next, "the open is welcome", vec![Effect::Send(message)])
    }

    /// The opener gave up.
    pub fn on_error(self, data: &[u8]) -> Transition {
        Transition::ended(refused_by_peer(STAGE, &peer_text(data)), Vec::new())
    }

    /// Forgotten.
    pub fn on_disconnected(self) -> Transition {
        // [BOLT 2 open_channel R3] another connection begins with another open_channel
        // [BOLT 2 open_channel R4] and this one is gone
        // [BOLT 2 channel_reestablish G4] nothing is remembered
        Transition::ended(peer_gone(STAGE), Vec::new())
    }

    /// Nobody decided.
    pub fn on_deadline(self) -> Transition {
        let error = FundingError::Rejected(Refusal::Declined("no decision in time".to_owned()));
        let reply = error.reply(self.open.temporary_channel_id);
        let failure = Failure {
            origin: Origin::Timeout,
            stage: STAGE,
            text: "nobody here decided about the open in time".to_owned(),
            retry: false,
        };
        Transition::ended(failure, vec![Effect::Send(reply)])
    }

    /// We end it.
    pub fn on_cancel(self, cause: CancelCause) -> Transition {
        let error = FundingError::Rejected(Refusal::Declined(cause.text().to_owned()));
        let reply = error.reply(self.open.temporary_channel_id);
        Transition::ended(cancelled(STAGE, cause), vec![Effect::Send(reply)])
    }

    fn accept_channel(&self, cx: &Context<'_>) -> AcceptChannel {
        let keys = cx.wallet.public_keys(&self.keys_id);
        let funding = self.open.funding_satoshis;
        let reserve = cx
            .policy
            .channel_reserve(funding, self.open.dust_limit_satoshis.max(cx.policy.dust_limit));
        let htlc_minimum_msat = policy::Policy::htlc_minimum_msat(funding, reserve);
        AcceptChannel {
            // [BOLT 2 accept_channel G1] the id of open_channel
            temporary_channel_id: self.open.temporary_channel_id,
            // [BOLT 2 accept_channel S4] at most the reserve that the opener asks
            // Both dust limits have to stay below both reserves: the opener has set its own already.
            dust_limit_satoshis: cx.policy.dust_limit,
            max_htlc_value_in_flight_msat: htlc_minimum_msat.saturating_mul(5),
            // [BOLT 2 accept_channel S3] at least the dust limit of the opener
            channel_reserve_satoshis: reserve,
            htlc_minimum_msat,
            // [BOLT 2 accept_channel S2] deeper for larger channels
            minimum_depth: cx.policy.minimum_depth(funding),
            // [BOLT 2 accept_channel G2] for the other fields what open_channel has
            to_self_delay: cx.policy.to_self_delay,
            max_accepted_htlcs: policy::MAX_ACCEPTED_HTLCS,
            funding_pubkey: keys.funding_pubkey,
            revocation_basepoint: keys.revocation_basepoint,
            payment_basepoint: keys.payment_basepoint,
            delayed_payment_basepoint: keys.delayed_payment_basepoint,
            htlc_basepoint: keys.htlc_basepoint,
            first_per_commitment_point: cx
                .wallet
                .per_commitment_point(&self.keys_id, CommitmentNumber(0)),
            upfront_shutdown_script: Some(ScriptBuf::new()),
            // [BOLT 2 accept_channel S5] the type of open_channel
            channel_type: self.open.channel_type.clone(),
        }
    }
}

const STAGE: &str = "WaitForDecision";
