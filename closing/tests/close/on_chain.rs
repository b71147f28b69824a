//! What BOLT 5 asks for: the commitment that is broadcast, and what becomes of the outputs of any.

use bitcoin::{Amount, OutPoint, Transaction, TxOut};
use closing::{CloseRequest, Effect, Event, Plan, State};
use funding::CloseCause;
use transactions::{CommitmentOutput, FeeratePerKw, Height, Signer as _};
use wire::{ChannelReestablish, Message};

use crate::end::{End, both_shut_down, ends, request};
use crate::keys_and_coins::KeysAndCoins;
use crate::side::KEYS_ID;

/// Commitment #0 of this end, with both signatures.
fn commitment(end: &End) -> Transaction {
    end.channel().signed_local_commitment(&end.side.wallet).expect("both signed")
}

/// By force, for more than the commitment pays by itself.
fn force(end: &mut End) {
    end.close(request());
    end.step(Event::Forced(urgent()));
}

pub fn urgent() -> CloseRequest {
    CloseRequest { feerate: FeeratePerKw(3_000), ..request() }
}

/// The output of a commitment of `owner`'s.
fn output(owner: &End, kind: CommitmentOutput) -> (OutPoint, TxOut) {
    let commitment = owner.channel().local_commitment().expect("commitment #0");
    let vout = commitment.output_index(kind).expect("there is one");
    let txid = commitment.transaction.compute_txid();
    let output = commitment.transaction.output[usize::try_from(vout).expect("small")].clone();
    (OutPoint { txid, vout }, output)
}

fn watches(end: &End, outpoint: OutPoint) -> bool {
    let state = end.state.as_ref().expect("a state");
    state.watches(&end.side.wallet).outpoints.contains(&outpoint)
}

#[test]
fn a_forced_close_broadcasts_our_commitment_with_a_child() {
    for mut end in <[End; 2]>::from(ends()) {
        force(&mut end);
        let broadcast = end.broadcast();
        assert_eq!(broadcast.len(), 2);
        assert_eq!(broadcast[0], commitment(&end));
        let (anchor, _) = output(&end, CommitmentOutput::OwnerAnchor);
        assert_eq!(broadcast[1].input[0].previous_output, anchor);
        assert!(!broadcast[1].input[0].witness.is_empty());
        let (feerate, _) = end.side.wallet.asked.expect("the wallet was asked");
        assert_eq!(feerate, urgent().feerate);
        assert_eq!(end.names(), ["error"]);
        end.step(Event::Block);
        assert_eq!(end.broadcast(), broadcast, "until it is in a block");
    }
}

#[test]
fn a_commitment_that_pays_enough_has_no_child() {
    let (mut opener, _) = ends();
    opener.close(request());
    opener.step(Event::Forced(CloseRequest { feerate: FeeratePerKw(900), ..request() }));
    assert_eq!(opener.broadcast(), [commitment(&opener)]);
}

#[test]
fn without_coins_our_commitment_goes_alone() {
    let (mut opener, _) = ends();
    opener.side.wallet.has_coins = false;
    force(&mut opener);
    assert_eq!(opener.broadcast(), [commitment(&opener)]);
}

#[test]
fn to_local_comes_home_after_its_delay() {
    let (mut opener, _) = ends();
    force(&mut opener);
    opener.mine(&commitment(&opener), 104);
    let (to_local, txout) = output(&opener, CommitmentOutput::ToLocal);
    assert!(watches(&opener, to_local));
    // In block 104 it has one confirmation, in block 247 it has 144.
    let early = opener.grow(246);
    assert!(!early.iter().any(|t| t.input.iter().any(|i| i.previous_output == to_local)));
    let sweep = opener.grow(247).pop().expect("a sweep");
    let input = sweep.input.iter().find(|i| i.previous_output == to_local).expect("to_local");
    assert_eq!(input.sequence.0, 144);
    assert_eq!(sweep.output.len(), 1);
    assert!(sweep.output[0].value < txout.value && sweep.output[0].script_pubkey.is_p2wpkh());
    assert!(opener.effects.iter().any(|effect| matches!(effect, Effect::Own(_))));
    assert!(opener.grow(248).contains(&sweep), "until it is in a block");
}

#[test]
fn our_outputs_of_the_peers_commitment_come_home() {
    let (opener, accepter) = ends();
    for (mut end, other) in [(opener, accepter), {
        let (opener, accepter) = ends();
        (accepter, opener)
    }] {
        end.close(request());
        end.mine(&commitment(&other), 104);
        assert_eq!(end.name(), "Closing");
        let (to_remote, txout) = output(&other, CommitmentOutput::ToRemote);
        assert!(watches(&end, to_remote));
        let sweep = end.broadcast().pop().expect("one block is its whole delay");
        let input = sweep.input.iter().find(|i| i.previous_output == to_remote);
        assert_eq!(input.map(|input| input.sequence.0), Some(1));
        assert!(sweep.output[0].value > txout.value / 2);
    }
}

#[test]
fn a_channel_is_forgotten_when_all_is_settled_and_old() {
    let (mut opener, accepter) = ends();
    opener.close(request());
    opener.mine(&commitment(&accepter), 104);
    let sweep = opener.broadcast().pop().expect("a sweep");
    opener.grow(104 + 5);
    assert_eq!(opener.name(), "Closing", "the sweep is not in a block");
    let claim = sweep.input[0].previous_output;
    let txid = sweep.compute_txid();
    opener.step(Event::ClaimSpent { outpoint: claim, txid, height: Height(109) });
    opener.grow(113);
    assert_eq!(opener.name(), "Closing");
    opener.grow(114);
    assert_eq!(opener.name(), "Closed");
    let funding = opener.channel().outpoint;
    assert!(watches(&opener, funding) && watches(&opener, claim));
    opener.grow(104 + 2_114);
    assert_eq!(opener.name(), "Closed");
    opener.grow(104 + 2_115);
    assert_eq!(opener.name(), "nothing");
}

#[test]
fn what_a_reorganisation_takes_back_is_done_again() {
    let (mut opener, _) = ends();
    force(&mut opener);
    let ours = opener.broadcast();
    opener.mine(&ours[0], 104);
    opener.grow(247);
    assert!(matches!(&opener.state, Some(State::Closing(c)) if c.sweep.is_some()));
    opener.side.tip = Height(103);
    opener.step(Event::Rewound { fork: Height(103) });
    assert!(opener.broadcast().contains(&ours[0]));
    let Some(State::Closing(closing)) = &opener.state else { panic!("{}", opener.name()) };
    assert!(closing.spend().is_none());

    opener.mine(&ours[0], 105);
    opener.grow(247);
    assert!(opener.grow(248).iter().any(|transaction| transaction.input[0].sequence.0 == 144));
}

#[test]
fn a_reorganisation_can_bring_another_spend() {
    let (mut opener, accepter) = ends();
    force(&mut opener);
    let child = opener.broadcast()[1].compute_txid();
    opener.mine(&commitment(&accepter), 104);
    assert!(opener.effects.is_empty() || !opener.broadcast().is_empty());
    let Some(State::Closing(closing)) = &opener.state else { panic!("{}", opener.name()) };
    assert!(matches!(closing.plan, Plan::Force { child: None, .. }), "{child} can never confirm");
    opener.side.tip = Height(103);
    opener.step(Event::Rewound { fork: Height(103) });
    opener.mine(&commitment(&opener), 104);
    let (to_local, _) = output(&opener, CommitmentOutput::ToLocal);
    assert!(watches(&opener, to_local));
}

#[test]
fn a_spend_ends_the_channel_in_any_state() {
    let (opener, accepter) = ends();
    let theirs = commitment(&accepter);
    let (mut opener, ..) = both_shut_down(opener, accepter);
    opener.mine(&theirs, 104);
    assert_eq!(opener.name(), "Closing");
    let Some(State::Closing(closing)) = &opener.state else { panic!("{}", opener.name()) };
    assert_eq!(closing.spend().map(|spend| &spend.transaction), Some(&theirs));
}

#[test]
fn a_sweep_that_does_not_confirm_is_replaced_by_a_better_one() {
    let (mut opener, accepter) = ends();
    opener.close(request());
    opener.mine(&commitment(&accepter), 104);
    let first = opener.broadcast().pop().expect("a sweep");
    let all = opener.grow(110);
    let last = all.last().expect("a sweep");
    assert_ne!(last.compute_txid(), first.compute_txid());
    assert!(last.output[0].value < first.output[0].value);
    assert_eq!(last.input[0].previous_output, first.input[0].previous_output);
}

#[test]
fn a_peer_that_is_ahead_is_asked_and_nothing_is_broadcast() {
    for mut end in <[End; 2]>::from(ends()) {
        end.end_by(CloseCause::PeerAhead);
        let sent = end.sent();
        let [Message::ChannelReestablish(zeros), Message::Error(_)] = sent.as_slice() else {
            panic!("{sent:?}")
        };
        assert_eq!((zeros.next_commitment_number, zeros.next_revocation_number), (0, 0));
        assert_eq!(zeros.your_last_per_commitment_secret, [0; 32]);
        assert!(end.broadcast().is_empty());
        end.step(Event::Forced(request()));
        assert!(end.broadcast().is_empty() && end.notes());
        assert!(end.grow(300).is_empty());
        end.reconnect();
        assert_eq!(end.names(), ["channel_reestablish", "error"], "on every connection");
        assert!(end.broadcast().is_empty());
    }
}

#[test]
fn the_commitment_of_a_peer_that_is_ahead_is_swept() {
    let (mut opener, accepter) = ends();
    opener.end_by(CloseCause::PeerAhead);
    opener.mine(&commitment(&accepter), 104);
    let (to_remote, _) = output(&accepter, CommitmentOutput::ToRemote);
    let sweep = opener.broadcast().pop().expect("a sweep");
    assert!(sweep.input.iter().any(|input| input.previous_output == to_remote));
}

#[test]
fn a_later_commitment_of_the_peers_is_swept_too() {
    let (mut opener, accepter) = ends();
    opener.end_by(CloseCause::PeerAhead);
    let (_, to_remote) = output(&accepter, CommitmentOutput::ToRemote);
    let mut later = commitment(&accepter);
    later.lock_time = bitcoin::absolute::LockTime::from_consensus(0x2000_0009);
    opener.mine(&later, 104);
    let sweep = opener.broadcast().pop().expect("a sweep");
    assert_eq!(sweep.input[0].previous_output.txid, later.compute_txid());
    assert!(sweep.output[0].value > to_remote.value - Amount::from_sat(5_000));
}

#[test]
fn once_the_chain_has_decided_force_changes_nothing() {
    let (mut opener, _) = ends();
    force(&mut opener);
    let ours = commitment(&opener);
    opener.mine(&ours, 104);
    let before = opener.state.clone();
    opener.step(Event::Forced(urgent()));
    assert_eq!(opener.state, before);
}

#[test]
fn what_a_peer_cannot_prove_or_has_lost_forces_the_close() {
    let causes = [
        CloseCause::PeerAskedToClose,
        CloseCause::BadReestablish("counts commitments that we never signed"),
        CloseCause::BadReestablish("holds a secret that is not ours"),
        CloseCause::PeerError("no".to_owned()),
    ];
    for cause in causes {
        for mut end in <[End; 2]>::from(ends()) {
            end.end_by(cause.clone());
            // Never an `error` in answer to one.
            let is_answer = matches!(cause, CloseCause::PeerError(_));
            let told: &[&str] = if is_answer { &[] } else { &["error"] };
            assert_eq!(end.names(), told);
            assert_eq!(end.broadcast().first(), Some(&commitment(&end)));
            end.reconnect();
            assert_eq!(end.names(), ["channel_reestablish", "error"], "on every connection");
        }
    }
}

#[test]
fn the_reestablish_of_a_closing_channel_is_checked_too() {
    let (opener, accepter) = ends();
    let (mut opener, ..) = both_shut_down(opener, accepter);
    opener.reconnect();
    let wallet = KeysAndCoins::new(1);
    opener.receive(Message::ChannelReestablish(ChannelReestablish {
        channel_id: opener.channel().channel_id(),
        next_commitment_number: 2,
        next_revocation_number: 1,
        your_last_per_commitment_secret: wallet
            .per_commitment_secret(&KEYS_ID, transactions::CommitmentNumber(0)),
        my_current_per_commitment_point: opener.channel().node_id,
    }));
    assert!(opener.broadcast().is_empty());
    assert!(matches!(&opener.state, Some(State::Closing(c)) if matches!(c.plan, Plan::Ask { .. })));
}

#[test]
fn a_record_gives_the_same_state_again() {
    let (mut forced, accepter) = ends();
    force(&mut forced);
    let (mut swept, _) = ends();
    swept.close(request());
    swept.mine(&commitment(&accepter), 104);
    let (mut asked, _) = ends();
    asked.end_by(CloseCause::PeerAhead);
    let (mut shutting_down, _) = ends();
    shutting_down.close(request());
    for end in [forced, swept, asked, shutting_down] {
        let mut state = end.state.expect("a state");
        if let State::ShuttingDown(shutting_down) = &mut state {
            // In a new process the wait for the peer begins anew.
            shutting_down.patience = Default::default();
        }
        assert_eq!(State::resume(&state.record()).expect("it can be read"), state);
    }
}

#[test]
fn a_static_remotekey_commitment_has_no_child() {
    let wish = funding::OpenWish {
        channel_type: wire::ChannelType::static_remotekey(),
        ..crate::side::wish()
    };
    let (mut opener, _) = crate::end::ends_of(crate::pair::Pair::normal_of(&wish));
    force(&mut opener);
    assert_eq!(opener.broadcast(), [commitment(&opener)]);
    assert_eq!(opener.side.fees.floor, FeeratePerKw(253));
}
