//! What every step of a channel that ends has to keep to.

use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction};
use closing::{Closing, Effect, Event, Plan, State, Transition};
use funding::FundedChannel;
use transactions::FeeratePerKw;
use wire::{Message, Shutdown};

use crate::choices::check_can_be_said;

/// What an end has allowed and said so far.
pub struct Allowed {
    /// The highest feerate that was ever allowed.
    pub cap: FeeratePerKw,
    /// The script of our `shutdown`, once said.
    pub script: Option<ScriptBuf>,
}

/// Panics when a transition breaks a promise.
pub fn check_transition(
    from: Option<(&State, &Event)>,
    transition: &Transition,
    allowed: &mut Allowed,
) {
    let context = || {
        let to = transition.next.as_ref().map_or("nothing", State::name);
        from.map_or_else(
            || to.to_owned(),
            |(before, event)| format!("{} {} -> {to}", before.name(), event.name()),
        )
    };
    for effect in &transition.effects {
        if let Effect::Send(message) = effect {
            check_can_be_said(message);
            if let Message::Shutdown(Shutdown { scriptpubkey, .. }) = &**message {
                let said = allowed.script.get_or_insert_with(|| scriptpubkey.clone());
                assert_eq!(said, scriptpubkey, "{}: another script than before", context());
            }
        }
    }
    let Some(after) = &transition.next else {
        assert!(!transition.effects.iter().any(|effect| matches!(effect, Effect::Broadcast(_))));
        return;
    };
    let record = after.record();
    assert_eq!(State::resume(&record).unwrap().record(), record, "{}", context());
    if let Some((before, _)) = from {
        if transition.cause.is_empty() {
            assert_eq!(before.record(), record, "{}: nothing changed", context());
        }
        let goes_back = matches!(after, State::ShuttingDown(_)) && before.name() != "ShuttingDown";
        assert!(!goes_back, "{}", context());
    }
    for effect in &transition.effects {
        if let Effect::Broadcast(package) = effect {
            for transaction in package {
                // What is replaced in this very step may go out once more before.
                if from.is_some_and(|(before, _)| was_on_disk(before, transaction)) {
                    continue;
                }
                if let Some((before, Event::Message(Message::ClosingComplete(_)))) = from
                    && after.closing().is_none_or(|closing| !is_planned(closing, transaction))
                {
                    // A close of the peer's that no block will hold soon: no end to wait for, and the
                    // peer pays for it.
                    check_is_free(before, transaction, &context());
                    continue;
                }
                if let (Some((_, Event::Message(Message::ClosingSig(_)))), Some(closing)) =
                    (from, after.closing())
                {
                    // Signed for by both, but not the one that is waited for if that pays more.
                    check_agreed(after.channel(), transaction, allowed, closing, &context());
                    continue;
                }
                check_broadcast(after, transaction, allowed, &context());
            }
        }
    }
}

/// Only what a restart would find on disk; and never for more than was allowed.
fn check_broadcast(after: &State, transaction: &Transaction, allowed: &Allowed, context: &str) {
    let channel = after.channel();
    if transaction.compute_txid() == channel.outpoint.txid {
        assert_eq!(channel.funding_transaction.as_ref(), Some(transaction), "{context}");
        return;
    }
    let cancel = channel.cancel.as_ref().map(|cancel| &cancel.transaction);
    if [cancel, channel.child.as_ref()].contains(&Some(transaction)) {
        return;
    }
    let closing = after.closing().expect(context);
    let is_seen = closing.seen.as_ref() == Some(transaction);
    let is_sweep = closing.sweep.as_ref().is_some_and(|sweep| sweep.transaction == *transaction);
    if is_sweep {
        let spend = closing.spend().expect("nothing is swept before the spend");
        let txid = spend.transaction.compute_txid();
        assert!(transaction.input.iter().all(|input| input.previous_output.txid == txid));
    }
    let is_plan = match &closing.plan {
        Plan::Mutual { transaction: agreed } => {
            if agreed == transaction {
                check_agreed(channel, transaction, allowed, closing, context);
            }
            agreed == transaction
        }
        Plan::Force { commitment, child, .. } => {
            let ours = channel.local_commitment().expect("it can be built");
            assert_eq!(commitment.compute_txid(), ours.transaction.compute_txid());
            commitment == transaction
                || child.as_ref().is_some_and(|child| child.transaction == *transaction)
        }
        Plan::Ask { .. } | Plan::Watch => false,
    };
    assert!(is_seen || is_sweep || is_plan, "{context}: a restart would not know it");
}

fn was_on_disk(before: &State, transaction: &Transaction) -> bool {
    let Some(closing) = before.closing() else { return false };
    let sweep = closing.sweep.as_ref().map(|sweep| &sweep.transaction);
    let child = match &closing.plan {
        Plan::Force { child: Some(child), .. } => Some(&child.transaction),
        Plan::Force { child: None, .. } | Plan::Mutual { .. } | Plan::Ask { .. } | Plan::Watch => {
            None
        }
    };
    [sweep, child].contains(&Some(transaction))
}

fn is_planned(closing: &Closing, transaction: &Transaction) -> bool {
    matches!(&closing.plan, Plan::Mutual { transaction: planned } if planned == transaction)
}

/// All of ours comes to us, unless it is dust.
fn check_is_free(state: &State, transaction: &Transaction, context: &str) {
    let channel = state.channel();
    let script = match state {
        State::ShuttingDown(state) => &state.local_script,
        State::Closing(state) => &state.local_script,
        State::Closed(_) => panic!("{context}: it is over"),
    };
    let outputs = transaction.output.iter().filter(|output| output.script_pubkey == *script);
    let ours: Amount = outputs.map(|output| output.value).sum();
    let balance = channel.agreed.balance(channel.role).floor();
    assert!(
        ours == balance || ours == Amount::ZERO && balance < Amount::from_sat(1_100),
        "{context}"
    );
}

/// A mutual close spends the channel, and costs us what we allowed and no more.
fn check_agreed(
    channel: &FundedChannel,
    transaction: &Transaction,
    allowed: &Allowed,
    closing: &Closing,
    context: &str,
) {
    assert!(spends(transaction, channel.outpoint) && transaction.input.len() == 1);
    let paid: Amount = transaction.output.iter().map(|output| output.value).sum();
    assert!(paid <= channel.agreed.capacity(), "{context}");
    let ours: Amount = (transaction.output.iter())
        .filter(|output| output.script_pubkey == closing.local_script)
        .map(|output| output.value)
        .sum();
    let balance = channel.agreed.balance(channel.role).floor();
    let weight = transaction.weight().to_wu().max(1_000);
    // Below this an output may be left out as dust.
    let most = allowed.cap.fee_ceil(weight) + Amount::from_sat(1_100);
    assert!(ours + most >= balance, "{context}: {ours} of {balance}, allowed {most}");
}

/// Whether a transaction spends this output.
pub fn spends(transaction: &Transaction, outpoint: OutPoint) -> bool {
    transaction.input.iter().any(|input| input.previous_output == outpoint)
}
