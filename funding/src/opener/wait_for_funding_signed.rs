//! Opener, after `funding_created` was sent.
//!
//! Enters when  the funding transaction passed its test and the peer is there.
//! On disk      the attempt, the terms, the funding transaction and its output.
//! Waits for    `funding_signed` (BOLT 2).
//! Leaves to    `WaitForChannelReady`; then, and only then, the transaction is broadcast.
//! On a crash   a tombstone: the peer may hold the channel for good and is told that it is dead.

use crate::attempt::{COIN_GONE, peer_gone, timed_out};
use crate::check_open_channel::check_commitment;
use crate::error::{error_message, peer_text};
use crate::opener::WaitForTests;
use crate::{
    AgreedParameters, Attempt, CancelCause, Context, Effect, Failure, FundedChannel, FundingError,
    FundingPosition, Monotonic, Next, Role, State, Tombstone, Transition, Violation,
    WaitForChannelReady,
};
use bitcoin::{OutPoint, Transaction, Txid};
use secp256k1::ecdsa::Signature;
use transactions::{Height, is_low_s};
use wire::{ChannelId, FundingCreated, FundingSigned, Message};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitForFundingSigned {
    /// The attempt.
    pub attempt: Attempt,
    /// The terms.
    pub agreed: AgreedParameters,
    /// The funding transaction, complete. No one but our own backend has seen it.
    pub transaction: Transaction,
    /// The funding output.
    pub outpoint: OutPoint,
    /// The height at which `funding_created` was sent.
    pub start_height: Height,
    /// When we give up.
    pub deadline: Monotonic,
}

impl WaitForFundingSigned {
    /// Signs the peer's commitment and says `funding_created`.
    pub fn enter(from: WaitForTests, cx: &mut Context<'_>) -> Transition {
        let WaitForTests { attempt, agreed, transaction, outpoint, .. } = from;
        let temporary_channel_id = attempt.temporary_channel_id();
        let commitment = match check_commitment(&agreed, Role::Accepter, outpoint) {
            Ok(commitment) => commitment,
            Err(error) => {
                let failure = Failure {
                    origin: error.origin(),
                    stage: STAGE,
                    text: error.to_string(),
                    retry: false,
                };
                let reply = error.reply(temporary_channel_id);
                return Transition::ended(failure, vec![Effect::Send(reply)]);
            }
        };
        let funding = agreed.funding_output(outpoint);
        // [BOLT 2 funding_created S5] on commitment #0 of the peer
        let signature =
            cx.wallet.sign_funding_spend(&attempt.keys_id, &funding, &commitment.transaction);
        let Ok(funding_output_index) = u16::try_from(outpoint.vout) else {
            let error = FundingError::Internal("the funding output index is too large");
            let failure = Failure {
                origin: error.origin(),
                stage: STAGE,
                text: error.to_string(),
                retry: false,
            };
            return Transition::ended(
                failure,
                vec![Effect::Send(error.reply(temporary_channel_id))],
            );
        };
        // [BOLT 2 funding_created S1] the id of open_channel
        // [BOLT 2 funding_created S4] and the index that the wallet put the output at
        let created = FundingCreated {
            temporary_channel_id,
            funding_txid: outpoint.txid,
            funding_output_index,
            signature,
        };
        let next = Self {
            attempt,
            agreed,
            transaction,
            outpoint,
            start_height: cx.tip,
            deadline: cx.now.monotonic.after_seconds(cx.policy.funding_timeout),
        };
        Transition::to(
            next,
            "the funding transaction passed its test and the peer is there",
            // [BOLT 2 funding_created S3] it is told to the peer and to nobody else
            vec![Effect::Send(Message::FundingCreated(created))],
        )
    }

    /// The peer's signature on our commitment: with it the money has a way out, so the transaction may go.
    pub fn on_funding_signed(self, signed: &FundingSigned, cx: &mut Context<'_>) -> Transition {
        // [BOLT 2 funding_signed R1] a wrong signature ends the open
        if let Err(violation) = self.check_signature(&signed.signature) {
            let error = FundingError::from(violation);
            let text = error.to_string();
            return self.bury(&format!("funding_signed was refused: {text}"), false, &text);
        }
        let transaction = self.transaction.clone();
        let channel = self.into_channel(Some(signed.signature));
        cx.link.kind = crate::LinkKind::Fresh;
        Transition::to(
            WaitForChannelReady { channel },
            "funding_signed is valid",
            // [BOLT 2 funding_signed R2] not before this line
            // [BOLT 2 funding_signed R3] but now
            vec![Effect::Own(transaction.clone()), Effect::Broadcast(vec![transaction])],
        )
    }

    /// The peer has let the channel go; the transaction was never broadcast.
    pub fn on_error(self, data: &[u8]) -> Transition {
        let text = peer_text(data);
        let reason = format!("the peer answered funding_created with: {text:?}");
        Transition::to(Tombstone::new(self.into_channel(None), &reason, true), reason, Vec::new())
    }

    /// The peer may or may not hold the channel now; we cannot, so it is told that it is dead.
    pub fn on_disconnected(self) -> Transition {
        // [BOLT 2 channel_reestablish G2] never broadcast, so it is no channel any more
        // [BOLT 2 channel_reestablish G20] but the peer may hold it: a tombstone tells it
        let reason = peer_gone(STAGE).text;
        Transition::to(Tombstone::new(self.into_channel(None), &reason, false), reason, Vec::new())
    }

    /// The peer closes what it has not signed for.
    pub fn on_shutdown(self) -> Transition {
        // [BOLT 2 shutdown R1] the open fails
        let text = FundingError::Unexpected { state: STAGE, got: "shutdown" }.to_string();
        self.bury(&text, false, &text)
    }

    /// The peer answers pings but does not sign.
    pub fn on_deadline(self) -> Transition {
        let reason = timed_out(STAGE, "funding_signed").text;
        self.bury(&reason, false, "no funding_signed in time")
    }

    /// A coin is gone, in a block: the transaction can never confirm, whatever the peer signs.
    pub fn on_conflicted(self, by: Txid, height: Height) -> Transition {
        let mut buried = self.bury(COIN_GONE, false, COIN_GONE);
        if let Next::State(State::Tombstone(tombstone)) = &mut buried.next {
            tombstone.channel.position = FundingPosition::Conflicted { by, height };
        }
        buried
    }

    /// We end it.
    pub fn on_cancel(self, cause: CancelCause) -> Transition {
        self.bury(cause.text(), false, cause.text())
    }

    /// What a restart makes of it.
    pub fn resume(self) -> Tombstone {
        Tombstone::new(self.into_channel(None), "the daemon stopped before funding_signed", false)
    }

    fn check_signature(&self, signature: &Signature) -> Result<(), Violation> {
        if !is_low_s(signature) {
            return Err(Violation::HighSignature);
        }
        let commitment = check_commitment(&self.agreed, Role::Opener, self.outpoint)
            .map_err(|_| Violation::OpenerCannotPayFee)?;
        let funding = self.agreed.funding_output(self.outpoint);
        let key = self.agreed.accept.funding_pubkey;
        if commitment.verify(&funding, &key, signature) {
            Ok(())
        } else {
            Err(Violation::BadSignature)
        }
    }

    /// To the tombstones, telling the peer under both ids: it may know the channel by either.
    fn bury(self, reason: &str, told: bool, text: &str) -> Transition {
        let ids = [self.attempt.temporary_channel_id(), ChannelId::from_funding(self.outpoint)];
        let effects =
            ids.into_iter().map(|id| Effect::Send(error_message(id, text))).collect::<Vec<_>>();
        let tombstone = Tombstone::new(self.into_channel(None), reason, told);
        Transition::to(tombstone, reason, effects)
    }

    fn into_channel(self, remote_signature: Option<Signature>) -> FundedChannel {
        FundedChannel {
            keys_id: self.attempt.keys_id,
            node_id: self.attempt.node_id,
            role: Role::Opener,
            agreed: self.agreed,
            outpoint: self.outpoint,
            remote_signature,
            funding_transaction: Some(self.transaction),
            start_height: self.start_height,
            position: FundingPosition::NEW,
            channel_ready_sent: false,
            remote_next_point: None,
            peer_update_pending: false,
            remote_announcement: None,
            cancel: None,
            child: None,
        }
    }
}

const STAGE: &str = "WaitForFundingSigned";
