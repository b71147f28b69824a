//! `closing_complete` and `closing_sig` (BOLT 2, `option_simple_close`): the closer pays, the closee signs.

use crate::closing::Closing;
use crate::offers::{Agreed, Balances, OutputSet, agree, sign};
use crate::plan::Plan;
use crate::shutting_down::ShuttingDown;
use crate::{Effect, Transition, Who};
use bitcoin::absolute::LockTime;
use bitcoin::{Amount, Transaction};
use funding::{Context, FundedChannel, warning_message};
use secp256k1::ecdsa::Signature;
use transactions::{ClosingKind, FeeratePerKw, dust_limit, is_standard_shutdown_script};
use wire::{ClosingComplete, ClosingSig, ClosingSignatures};

impl ShuttingDown {
    /// As closer: one `closing_complete` until its `closing_sig` comes. A closee that did not ask to close
    /// offers nothing of its own money, unless the peer cannot pay.
    pub(crate) fn offer_simple(&mut self, balances: &Balances, cx: &Context<'_>) -> Option<Effect> {
        let weight = balances.weight(&self.channel);
        let asked = self.request.who == Who::Local;
        let peer_can_pay = balances.remote > cx.fees.floor.fee_ceil(weight);
        // [BOLT 2 closing_complete S17] one at a time
        // [BOLT 2 closing_complete G1] a closee offers none: a listed exception
        if self.here.complete.is_some() || (!asked && peer_can_pay) {
            return None;
        }
        // What would not relay is not worth a signature: then it is for the closee to offer.
        if balances.local < cx.fees.floor.fee_ceil(weight) {
            return None;
        }
        let feerate = FeeratePerKw(self.offer.0.min(self.request.cap.0));
        let complete = complete(&self.channel, balances, feerate.fee_ceil(weight), cx)?;
        self.here.complete = Some(complete.clone());
        self.here.deadline = Some(cx.now.monotonic.after_seconds(SILENCE));
        Some(Effect::send(complete))
    }

    /// As closee: sign what the closer pays for.
    pub(crate) fn on_closing_complete(
        self,
        complete: &ClosingComplete,
        cx: &Context<'_>,
    ) -> Transition {
        let Some(balances) = self.negotiable(cx) else {
            let text = "closing_complete before both shutdown";
            let warning = Effect::send(warning_message(self.channel.channel_id(), text));
            return Transition::to(self, "", vec![warning]);
        };
        match answer(&self.channel, &balances, complete, cx) {
            Ok((agreed, effects)) if is_minable(&agreed, complete.fee_satoshis, cx) => {
                let plan = Plan::Mutual { transaction: agreed };
                let mut closing = Closing::new(self.channel, self.request, plan, self.local_script)
                    // [BOLT 2 closing_complete R19] from now on
                    .with_remote_script(Some(complete.closer_scriptpubkey.clone()));
                // Ours may be answered still.
                closing.complete = self.here.complete;
                let cause = format!("signed the peer's close, for {}", complete.fee_satoshis);
                Transition::to(closing, cause, effects)
            }
            Ok((_, effects)) => {
                // It costs nothing to sign for it, but it is no end to wait for.
                let script = Some(complete.closer_scriptpubkey.clone());
                let changed = self.remote_script != script;
                let cause = if changed { "the peer named another script" } else { "" };
                Transition::to(Self { remote_script: script, ..self }, cause, effects)
            }
            Err(text) => {
                // [BOLT 2 closing_complete R3] told
                // [BOLT 2 closing_complete R4] and disconnected
                // [BOLT 2 closing_complete R6] told
                // [BOLT 2 closing_complete R7] and disconnected
                let warning = Effect::send(warning_message(self.channel.channel_id(), text));
                Transition::to(self, "", vec![warning, Effect::Reconnect(text)])
            }
        }
    }

    /// As closer: the closee's signature.
    pub(crate) fn on_closing_sig(self, sig: &ClosingSig, cx: &Context<'_>) -> Transition {
        let (Some(balances), Some(complete)) = (self.negotiable(cx), self.here.complete.clone())
        else {
            return Transition::stay(self);
        };
        match finish(&self.channel, &balances, &complete, sig, cx) {
            Ok(agreed) => {
                let cause = format!("the peer signed our close, for {}", sig.fee_satoshis);
                // [BOLT 2 closing_sig R6] signed by both
                let effects = vec![Effect::Broadcast(vec![agreed.transaction.clone()])];
                let plan = Plan::Mutual { transaction: agreed.transaction };
                let closing = Closing::new(self.channel, self.request, plan, self.local_script)
                    .with_remote_script(self.remote_script);
                Transition::to(closing, cause, effects)
            }
            Err(text) => {
                let warning = Effect::send(warning_message(self.channel.channel_id(), text));
                Transition::to(self, "", vec![warning, Effect::Reconnect(text)])
            }
        }
    }
}

/// Whether a block may hold a close of the peer's before long: its locktime has passed, and nodes relay it.
pub(crate) fn is_minable(transaction: &Transaction, fee: Amount, cx: &Context<'_>) -> bool {
    let next = bitcoin::absolute::Height::from_consensus(cx.tip.0);
    let is_final = next.is_ok_and(|height| match transaction.lock_time {
        LockTime::Blocks(locked) => locked <= height,
        // Of times no more is known here than that those of BOLT 3 have passed.
        LockTime::Seconds(_) => false,
    });
    // Dust does not relay either.
    let mut outputs = transaction.output.iter();
    let has_no_dust = outputs.all(|output| output.value >= dust_limit(&output.script_pubkey));
    is_final && has_no_dust && fee >= cx.fees.floor.fee(transaction.weight().to_wu())
}

/// Our `closing_complete` for this fee; `None` if no output would be left.
pub(crate) fn complete(
    channel: &FundedChannel,
    balances: &Balances,
    fee: Amount,
    cx: &Context<'_>,
) -> Option<ClosingComplete> {
    // [BOLT 2 closing_complete S1] no more than we have
    let fee = fee.min(balances.local);
    let kind = ClosingKind::Simple { locktime: cx.tip.0 };
    let after_fee = Balances { local: balances.local.checked_sub(fee)?, ..balances.clone() };
    let sign_set = |local: bool, remote: bool| -> Option<Signature> {
        let set = OutputSet { local, remote };
        // [BOLT 2 closing_complete S15] by BOLT 3
        // [BOLT 2 closing_complete S16] one signature for each
        let transaction = balances.transaction(channel, kind, fee, true, set)?;
        Some(sign(channel, &transaction, cx.wallet))
    };
    let role = channel.role;
    let is_lesser = channel.agreed.balance(role) < channel.agreed.balance(role.other());
    let (local_dust, remote_dust) = (after_fee.is_local_dust(), balances.is_remote_dust());
    let mut signatures = ClosingSignatures::default();
    // [BOLT 2 closing_complete S2] theirs is no dust, for it is the larger one
    // [BOLT 2 closing_complete S7] ours is dust
    if is_lesser && local_dust {
        signatures.closee_output_only = sign_set(false, true);
    } else if is_lesser {
        // [BOLT 2 closing_complete S6] never ours alone
        signatures.closer_and_closee_outputs = sign_set(true, true);
    } else {
        if local_dust {
            return None;
        }
        // [BOLT 2 closing_complete S9] never theirs alone
        // [BOLT 2 closing_complete S12] ours alone
        // [BOLT 2 closing_complete S14] and, below, both
        signatures.closer_output_only = sign_set(true, false);
        // [BOLT 2 closing_complete S13] theirs would be dust
        if !remote_dust {
            signatures.closer_and_closee_outputs = sign_set(true, true);
        }
    }
    Some(ClosingComplete {
        channel_id: channel.channel_id(),
        // [BOLT 2 closing_complete S3] ours
        closer_scriptpubkey: balances.local_script.clone(),
        // [BOLT 2 closing_complete S4] the last one of theirs
        closee_scriptpubkey: balances.remote_script.clone(),
        fee_satoshis: fee,
        // [BOLT 2 closing_complete S5] the one of the transaction
        locktime: cx.tip.0,
        signatures,
    })
}

/// What a closee makes of a `closing_complete`: the transaction and the effects, or what is wrong with it.
pub(crate) fn answer(
    channel: &FundedChannel,
    balances: &Balances,
    complete: &ClosingComplete,
    cx: &Context<'_>,
) -> Result<(Transaction, Vec<Effect>), &'static str> {
    // [BOLT 2 closing_complete R1] more than the closer has
    if complete.fee_satoshis > balances.remote {
        return Err("fee_satoshis exceeds the closer's balance");
    }
    // [BOLT 2 closing_complete R2] not our script
    if complete.closee_scriptpubkey != balances.local_script {
        return Err("closee_scriptpubkey is not our last script");
    }
    // [BOLT 2 closing_complete R5] not a script for a closer
    if !is_standard_shutdown_script(&complete.closer_scriptpubkey, true, true) {
        return Err("closer_scriptpubkey is not standard");
    }
    let balances =
        Balances { remote_script: complete.closer_scriptpubkey.clone(), ..balances.clone() };
    let (field, set) = select(&balances, &complete.signatures)?;
    // [BOLT 2 closing_complete R14] missing
    let theirs = field.of(&complete.signatures).ok_or("the signature that counts is missing")?;
    let kind = ClosingKind::Simple { locktime: complete.locktime };
    let agreed = balances
        // [BOLT 2 closing_complete R8] an OP_RETURN gets nothing
        // [BOLT 2 closing_complete R9] by BOLT 3
        .transaction(channel, kind, complete.fee_satoshis, false, set)
        .and_then(|unsigned| agree(channel, unsigned, &theirs, cx.wallet))
        .ok_or("closing_complete does not sign the closing transaction")?;
    let sig = ClosingSig {
        channel_id: complete.channel_id,
        closer_scriptpubkey: complete.closer_scriptpubkey.clone(),
        closee_scriptpubkey: complete.closee_scriptpubkey.clone(),
        fee_satoshis: complete.fee_satoshis,
        locktime: complete.locktime,
        // [BOLT 2 closing_complete R18] one, where theirs was
        signatures: field.only(agreed.local_signature),
    };
    // [BOLT 2 closing_complete R17] signed by both
    let effects = vec![Effect::send(sig), Effect::Broadcast(vec![agreed.transaction.clone()])];
    Ok((agreed.transaction, effects))
}

/// Checks a `closing_sig` against the `closing_complete` that it answers.
pub(crate) fn finish(
    channel: &FundedChannel,
    balances: &Balances,
    complete: &ClosingComplete,
    sig: &ClosingSig,
    cx: &Context<'_>,
) -> Result<Agreed, &'static str> {
    let same = sig.closer_scriptpubkey == complete.closer_scriptpubkey
        && sig.closee_scriptpubkey == complete.closee_scriptpubkey
        && sig.fee_satoshis == complete.fee_satoshis
        && sig.locktime == complete.locktime;
    // [BOLT 2 closing_sig R1] not what we sent
    if !same {
        return Err("closing_sig does not repeat closing_complete");
    }
    let mut fields = Field::ALL.into_iter().filter(|field| field.of(&sig.signatures).is_some());
    let (Some(field), None) = (fields.next(), fields.next()) else {
        // [BOLT 2 closing_sig R2] none, or several
        return Err("closing_sig does not hold exactly one signature");
    };
    // [BOLT 2 closing_sig R3] not one of ours
    if field.of(&complete.signatures).is_none() {
        return Err("closing_sig signs what closing_complete did not");
    }
    let theirs = field.of(&sig.signatures).ok_or("closing_sig holds no signature")?;
    let kind = ClosingKind::Simple { locktime: complete.locktime };
    let set = field.outputs(true);
    // The peer may have named another script since.
    Balances { remote_script: complete.closee_scriptpubkey.clone(), ..balances.clone() }
        .transaction(channel, kind, complete.fee_satoshis, true, set)
        .and_then(|unsigned| agree(channel, unsigned, &theirs, cx.wallet))
        .ok_or("closing_sig does not sign the closing transaction")
}

/// Which signature counts for the closee.
fn select(
    balances: &Balances,
    signatures: &ClosingSignatures,
) -> Result<(Field, OutputSet), &'static str> {
    // [BOLT 2 closing_complete R10] ours is dust
    let field = if balances.is_local_dust() {
        Field::CloserOnly
    } else if signatures.closer_and_closee_outputs.is_some() {
        // [BOLT 2 closing_complete R12] both
        Field::Both
    } else {
        // [BOLT 2 closing_complete R13] ours alone
        Field::CloseeOnly
    };
    Ok((field, field.outputs(false)))
}

/// One of the three signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    CloserOnly,
    CloseeOnly,
    Both,
}

impl Field {
    const ALL: [Self; 3] = [Self::CloserOnly, Self::CloseeOnly, Self::Both];

    fn of(self, signatures: &ClosingSignatures) -> Option<Signature> {
        match self {
            Self::CloserOnly => signatures.closer_output_only,
            Self::CloseeOnly => signatures.closee_output_only,
            Self::Both => signatures.closer_and_closee_outputs,
        }
    }

    fn only(self, signature: Signature) -> ClosingSignatures {
        let mut signatures = ClosingSignatures::default();
        match self {
            Self::CloserOnly => signatures.closer_output_only = Some(signature),
            Self::CloseeOnly => signatures.closee_output_only = Some(signature),
            Self::Both => signatures.closer_and_closee_outputs = Some(signature),
        }
        signatures
    }

    fn outputs(self, we_are_closer: bool) -> OutputSet {
        match (self, we_are_closer) {
            (Self::Both, _) => OutputSet { local: true, remote: true },
            (Self::CloserOnly, true) | (Self::CloseeOnly, false) => {
                OutputSet { local: true, remote: false }
            }
            (Self::CloserOnly, false) | (Self::CloseeOnly, true) => {
                OutputSet { local: false, remote: true }
            }
        }
    }
}

/// Seconds of silence after `closing_complete`.
const SILENCE: u64 = 10;
