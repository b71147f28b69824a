//! A funded channel: everything that must survive from `funding_signed` on.

use crate::{AgreedParameters, Cancel, Event, FundingPosition, Role};
use bitcoin::{OutPoint, Transaction, TxOut};
use secp256k1::{PublicKey, ecdsa::Signature};
use std::fmt;
use transactions::{
    Commitment, CommitmentNumber, Depth, FundingOutput, Height, KeysId, Signer, Timestamp,
};
use wire::{AnnouncementSignatures, ChannelId, ChannelReestablish, ShortChannelId, Shutdown};

/// A channel whose funding transaction is signed for on both sides, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundedChannel {
    /// The name of its keys, and of its record.
    pub keys_id: KeysId,
    /// The peer.
    pub node_id: PublicKey,
    /// What we are in it.
    pub role: Role,
    /// What the two sides told each other.
    pub agreed: AgreedParameters,
    /// The funding output.
    pub outpoint: OutPoint,
    /// The peer's signature on our commitment #0. Without it the only way out is the peer's commitment.
    pub remote_signature: Option<Signature>,
    /// The opener's funding transaction, complete.
    pub funding_transaction: Option<Transaction>,
    /// The height at which it was signed for.
    pub start_height: Height,
    /// Where the funding output is.
    pub position: FundingPosition,
    /// Whether `channel_ready` was sent.
    pub channel_ready_sent: bool,
    /// The point of the peer's `channel_ready`.
    pub remote_next_point: Option<PublicKey>,
    /// Whether the peer sent an update of the commitment, which this build cannot follow: no mutual close
    /// can complete until the peer forgets it, so only `--force` is sure.
    pub peer_update_pending: bool,
    /// The peer's half of the announcement, found right: for the output that its `short_channel_id` names.
    pub remote_announcement: Option<AnnouncementSignatures>,
    /// What takes the coins of our funding transaction back, if the operator wants that.
    pub cancel: Option<Cancel>,
    /// The child of our funding transaction's change that pays for it, if the operator wants that.
    pub child: Option<Transaction>,
}

impl FundedChannel {
    /// Its `channel_id`.
    pub fn channel_id(&self) -> ChannelId {
        ChannelId::from_funding(self.outpoint)
    }

    /// Its `temporary_channel_id`.
    pub const fn temporary_channel_id(&self) -> ChannelId {
        self.agreed.open.temporary_channel_id
    }

    /// The funding output.
    pub fn funding_output(&self) -> FundingOutput {
        self.agreed.funding_output(self.outpoint)
    }

    /// Our commitment #0. `None` cannot be for a channel that was checked when it was made.
    pub fn local_commitment(&self) -> Option<Commitment> {
        self.agreed.commitment(self.role, self.outpoint).ok()
    }

    /// The peer's commitment #0.
    pub fn remote_commitment(&self) -> Option<Commitment> {
        self.agreed.commitment(self.role.other(), self.outpoint).ok()
    }

    /// Our commitment #0 with both signatures: `None` if the peer's is missing.
    pub fn signed_local_commitment(&self, signer: &dyn Signer) -> Option<Transaction> {
        let remote_signature = self.remote_signature.as_ref()?;
        let commitment = self.local_commitment()?;
        let funding = self.funding_output();
        let ours = signer.sign_funding_spend(&self.keys_id, &funding, &commitment.transaction);
        let terms = self.agreed.commitment_terms(self.role, self.outpoint);
        Some(commitment.signed(&terms, &ours, remote_signature))
    }

    /// Whether the output in the chain is the one that was agreed on.
    pub fn is_funding_output(&self, output: Option<&TxOut>) -> bool {
        output == Some(&self.funding_output().txout())
    }

    /// How deep the funding output is.
    pub fn depth(&self, tip: Height) -> Depth {
        self.position.depth(tip)
    }

    /// The `short_channel_id`, once confirmed.
    pub fn short_channel_id(&self) -> Option<ShortChannelId> {
        match &self.position {
            FundingPosition::Confirmed { height, tx_index, .. } => Some(ShortChannelId {
                block: height.0,
                tx_index: *tx_index,
                output_index: u16::try_from(self.outpoint.vout).ok()?,
            }),
            FundingPosition::Unbroadcast { .. }
            | FundingPosition::Mempool { .. }
            | FundingPosition::Conflicted { .. } => None,
        }
    }

    /// Our `channel_reestablish`: commitment #0 on both sides, nothing revoked, ever.
    pub fn reestablish(&self, signer: &dyn Signer) -> ChannelReestablish {
        // [BOLT 2 channel_reestablish S9] never with a TLV
        ChannelReestablish {
            channel_id: self.channel_id(),
            // [BOLT 2 channel_reestablish S1] the commitment after #0
            next_commitment_number: 1,
            // [BOLT 2 channel_reestablish S2] #0 is the first that could be revoked
            next_revocation_number: 0,
            // [BOLT 2 channel_reestablish S4] no secret yet
            your_last_per_commitment_secret: [0; 32],
            // [BOLT 2 channel_reestablish S3] a point of ours
            my_current_per_commitment_point: signer
                .per_commitment_point(&self.keys_id, CommitmentNumber(0)),
        }
    }

    /// Our `channel_ready`.
    pub fn channel_ready(&self, signer: &dyn Signer) -> wire::ChannelReady {
        wire::ChannelReady {
            channel_id: self.channel_id(),
            // [BOLT 2 channel_ready S3] the point of commitment #1
            second_per_commitment_point: signer
                .per_commitment_point(&self.keys_id, CommitmentNumber(1)),
            short_channel_id: None,
        }
    }

    /// The coins that the opener's funding transaction spends.
    pub fn coins(&self) -> Vec<OutPoint> {
        self.funding_transaction.as_ref().map_or_else(Vec::new, |transaction| {
            transaction.input.iter().map(|input| input.previous_output).collect()
        })
    }

    /// What of the chain concerns the channel: its output, its transaction, the coins behind it.
    pub fn watches(&self) -> Watches {
        Watches {
            // [BOLT 2 channel_reestablish G21] whatever the peer broadcasts spends this
            // [BOLT 5 nomenclature G1] and so it is watched as long as there is a record
            outpoints: std::iter::once(self.outpoint).chain(self.coins()).collect(),
            txids: vec![self.outpoint.txid],
        }
    }

    /// Takes news of the chain in. Returns what changed, if anything did, for the journal.
    pub fn on_chain(&mut self, event: &Event, now: Timestamp) -> Option<String> {
        let position = match event {
            Event::Confirmed { block, height, tx_index, output } => {
                // [BOLT 2 channel_ready S1] another output is no confirmation
                if !self.is_funding_output(output.as_ref()) {
                    return None;
                }
                FundingPosition::Confirmed {
                    block: *block,
                    height: *height,
                    tx_index: *tx_index,
                    spent: None,
                }
            }
            Event::Conflicted { by, height } => {
                FundingPosition::Conflicted { by: *by, height: *height }
            }
            Event::Rewound { fork } => self.position.clone().rewound(*fork, now),
            Event::Broadcasted(result) if !self.position.is_confirmed() => match result {
                Ok(()) => match &self.position {
                    kept @ FundingPosition::Mempool { .. } => kept.clone(),
                    FundingPosition::Unbroadcast { .. }
                    | FundingPosition::Confirmed { .. }
                    | FundingPosition::Conflicted { .. } => FundingPosition::Mempool { since: now },
                },
                Err(reason) => FundingPosition::Unbroadcast { refused: Some(reason.clone()) },
            },
            Event::CancelBroadcasted(result) => return self.on_cancel_broadcasted(result),
            Event::Seen(is_there) => self.position.clone().seen(*is_there, now),
            Event::Broadcasted(_)
            | Event::Reclaim(_)
            | Event::Bump(_)
            | Event::Connected
            | Event::Disconnected
            | Event::Message(_)
            | Event::Decided(_)
            | Event::Tested(_)
            | Event::Alive
            | Event::Block
            | Event::Deadline
            | Event::Cancel(_) => return None,
        };
        if position == self.position {
            return None;
        }
        let cause = match &position {
            FundingPosition::Unbroadcast { refused: Some(reason) } => {
                format!("the funding transaction was refused: {reason}")
            }
            FundingPosition::Unbroadcast { refused: None } => {
                let place = if matches!(event, Event::Seen(_)) { "mempool" } else { "chain" };
                format!("the funding transaction left the {place}")
            }
            FundingPosition::Mempool { .. } => {
                "the funding transaction is in the mempool".to_owned()
            }
            FundingPosition::Confirmed { height, .. } => {
                format!("the funding transaction is in block {height}")
            }
            FundingPosition::Conflicted { by, height } => {
                format!("{by} in block {height} spent a coin of the funding transaction")
            }
        };
        self.position = position;
        Some(cause)
    }
}

/// What of the chain a state wants to hear about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// Spends of these outputs.
    pub outpoints: Vec<OutPoint>,
    /// Confirmations of these transactions.
    pub txids: Vec<bitcoin::Txid>,
}

/// Why a channel ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseCause {
    /// The peer's `error`, in its own words.
    PeerError(String),
    /// The peer's `channel_reestablish` says that it has lost everything.
    PeerAskedToClose,
    /// The peer's `channel_reestablish` is false.
    BadReestablish(&'static str),
    /// The peer has proved that we lost a later state: our commitment must never be broadcast.
    PeerAhead,
    /// A funding transaction that we had given up is in the chain.
    OrphanFunded,
    /// The peer wants to close.
    RemoteShutdown(Shutdown),
}

impl fmt::Display for CloseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerError(text) => write!(f, "the peer sent an error: {text:?}"),
            Self::PeerAskedToClose => f.write_str("the peer lost the channel and asks us to close"),
            Self::BadReestablish(what) => write!(f, "the peer's channel_reestablish {what}"),
            Self::PeerAhead => f.write_str("the peer has proved a later state than ours"),
            Self::OrphanFunded => {
                f.write_str("a funding transaction that was given up is in the chain")
            }
            Self::RemoteShutdown(_) => f.write_str("the peer sent shutdown"),
        }
    }
}
