//! Accepter, after `accept_channel` was sent.
//!
//! Enters when  the open was welcome.
//! On disk      nothing.
//! Waits for    `funding_created` (BOLT 2).
//! Leaves to    `WaitForChannelReady`; `funding_signed` leaves only after that is on disk.
//! On a crash   forgotten, as BOLT 2 wants it.

use crate::attempt::{cancelled, peer_gone, refused_by_peer, timed_out};
use crate::check_open_channel::check_commitment;
use crate::error::{error_message, peer_text};
use crate::{
    AgreedParameters, CancelCause, Context, Effect, Failure, FundedChannel, FundingError,
    FundingPosition, LinkKind, Monotonic, Role, Transition, Violation, WaitForChannelReady,
};
use bitcoin::OutPoint;
use secp256k1::{PublicKey, ecdsa::Signature};
use transactions::{KeysId, is_low_s};
use wire::{ChannelId, FundingCreated, FundingSigned, Message};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitForFundingCreated {
    /// The name of its keys.
    pub keys_id: KeysId,
    /// The peer.
    pub node_id: PublicKey,
    /// The terms.
    pub agreed: AgreedParameters,
    /// When we give up.
    pub deadline: Monotonic,
}

impl WaitForFundingCreated {
    /// The opener's outpoint and its signature on our commitment.
    pub fn on_funding_created(self, created: &FundingCreated, cx: &mut Context<'_>) -> Transition {
        let outpoint =
            OutPoint { txid: created.funding_txid, vout: u32::from(created.funding_output_index) };
        let signature = match self.sign(outpoint, &created.signature, cx) {
            Ok(signature) => signature,
            Err(error) => return self.fail(&error),
        };
        // [BOLT 2 funding_signed S1] made from the outpoint
        let channel_id = ChannelId::from_funding(outpoint);
        let signed = Message::FundingSigned(FundingSigned { channel_id, signature });
        // [BOLT 2 channel_reestablish G3] the commit that lets funding_signed go holds the channel
        let channel = FundedChannel {
            keys_id: self.keys_id,
            node_id: self.node_id,
            role: Role::Accepter,
            agreed: self.agreed,
            outpoint,
            remote_signature: Some(created.signature),
            funding_transaction: None,
            start_height: cx.tip,
            position: FundingPosition::NEW,
            channel_ready_sent: false,
            remote_next_point: None,
            peer_update_pending: false,
            remote_announcement: None,
            cancel: None,
            child: None,
        };
        cx.link.kind = LinkKind::Fresh;
        let effects = vec![Effect::Send(signed)];
        Transition::to(WaitForChannelReady { channel }, "funding_created is valid", effects)
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

    /// The opener is silent.
    pub fn on_deadline(self) -> Transition {
        let id = self.agreed.open.temporary_channel_id;
        let error = error_message(id, "no funding_created in time");
        Transition::ended(timed_out(STAGE, "funding_created"), vec![Effect::Send(error)])
    }

    /// We end it.
    pub fn on_cancel(self, cause: CancelCause) -> Transition {
        let id = self.agreed.open.temporary_channel_id;
        let error = error_message(id, cause.text());
        Transition::ended(cancelled(STAGE, cause), vec![Effect::Send(error)])
    }

    /// Checks the opener's signature on our commitment and signs its.
    fn sign(
        &self,
        outpoint: OutPoint,
        theirs: &Signature,
        cx: &Context<'_>,
    ) -> Result<Signature, FundingError> {
        if (cx.outpoints)(&outpoint) {
            return Err(Violation::OutpointInUse.into());
        }
        // [BOLT 2 funding_created R1] a high S is refused
        if !is_low_s(theirs) {
            return Err(Violation::HighSignature.into());
        }
        let funding = self.agreed.funding_output(outpoint);
        let ours = check_commitment(&self.agreed, Role::Accepter, outpoint)?;
        // [BOLT 2 funding_created R1] and so is what does not sign our commitment
        if !ours.verify(&funding, &self.agreed.open.funding_pubkey, theirs) {
            return Err(Violation::BadSignature.into());
        }
        let remote = check_commitment(&self.agreed, Role::Opener, outpoint)?;
        // [BOLT 2 funding_signed S2] on commitment #0 of the opener
        Ok(cx.wallet.sign_funding_spend(&self.keys_id, &funding, &remote.transaction))
    }

    fn fail(self, error: &FundingError) -> Transition {
        let failure = Failure {
            origin: error.origin(),
            stage: STAGE,
            text: format!("funding_created was refused: {error}"),
            retry: false,
        };
        let reply = error.reply(self.agreed.open.temporary_channel_id);
        Transition::ended(failure, vec![Effect::Send(reply)])
    }
}

const STAGE: &str = "WaitForFundingCreated";
