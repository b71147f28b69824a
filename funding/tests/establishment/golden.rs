//! The bytes of every record, pinned: what an earlier build has written must be read by each later one.

use bitcoin::hashes::Hash as _;
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::{BlockHash, Txid};
use funding::{Cancel, FundedChannel, WaitForChannelReady};
use funding::{FundingPosition, Normal, RecordError, Resumed, Spend, State, Tombstone};
use proptest::prelude::*;
use transactions::{Height, Timestamp};
use wire::{AnnouncementSignatures, ShortChannelId};

use crate::pair::Pair;
use crate::side::wish;

/// One record of each kind and with each position, under a name.
fn records() -> Vec<(&'static str, State)> {
    let mut pair = Pair::new(&wish());
    let attempt = pair.opener.state().clone();
    pair.reach_funding_created();
    let waiting = pair.opener.state().clone();
    let funded = Pair::funded();
    let (opener, accepter) = (channel(funded.opener.state()), channel(funded.accepter.state()));
    let normal = Pair::normal();
    let ready = |channel: &FundedChannel, position| {
        WaitForChannelReady { channel: FundedChannel { position, ..channel.clone() } }.into()
    };
    let refused = FundingPosition::Unbroadcast { refused: Some("min relay fee".to_owned()) };
    let open = channel(normal.accepter.state());
    let spent = FundingPosition::Confirmed {
        block: BlockHash::from_byte_array([3; 32]),
        height: Height(700_000),
        tx_index: 9,
        spent: Some(Box::new(Spend {
            transaction: normal.transaction.clone().expect("it was built"),
            height: Height(700_001),
        })),
    };
    let conflict =
        FundingPosition::Conflicted { by: Txid::from_byte_array([5; 32]), height: Height(8) };
    let mempool = FundingPosition::Mempool { since: Timestamp(1_700_000_000_123) };
    let dead = |channel: &FundedChannel, peer_knows| {
        Tombstone { channel: channel.clone(), reason: "a reason".to_owned(), peer_knows }.into()
    };
    let signature = open.remote_signature.expect("the opener's");
    let remote_announcement = AnnouncementSignatures {
        channel_id: open.channel_id(),
        short_channel_id: ShortChannelId { block: 700_000, tx_index: 9, output_index: 1 },
        node_signature: signature,
        bitcoin_signature: signature,
    };
    let announced = Normal {
        channel: FundedChannel {
            remote_announcement: Some(remote_announcement),
            ..channel(normal.opener.state())
        },
    };
    let other = normal.transaction.clone().expect("it was built");
    let refused_too = Some("txn-mempool-conflict".to_owned());
    let cancel = Cancel { transaction: other.clone(), refused: refused_too };
    let rescued = |cancel, child| {
        WaitForChannelReady { channel: FundedChannel { cancel, child, ..opener.clone() } }.into()
    };
    let updating = FundedChannel { position: spent, peer_update_pending: true, ..open };
    vec![
        ("attempt", attempt),
        ("wait_for_funding_signed", waiting),
        ("wait_for_channel_ready_opener", ready(&opener, FundingPosition::NEW)),
        ("wait_for_channel_ready_refused", ready(&opener, refused)),
        ("wait_for_channel_ready_mempool", ready(&opener, mempool)),
        ("wait_for_channel_ready_conflicted", ready(&opener, conflict)),
        ("wait_for_channel_ready_accepter", ready(&accepter, FundingPosition::NEW)),
        ("normal_opener", normal.opener.state().clone()),
        ("normal_accepter", normal.accepter.state().clone()),
        ("normal_spent_with_updates", Normal { channel: updating }.into()),
        ("tombstone_opener", dead(&opener, false)),
        ("tombstone_accepter", dead(&accepter, true)),
        // From here on what version 1 did not hold.
        ("normal_announced", announced.into()),
        ("wait_for_channel_ready_cancelled", rescued(Some(cancel), None)),
        ("wait_for_channel_ready_bumped", rescued(None, Some(other))),
    ]
}

fn channel(state: &State) -> FundedChannel {
    state.channel().expect("a channel").clone()
}

fn golden() -> Vec<(&'static str, Vec<u8>)> {
    rows(include_str!("../golden/records.hex"))
}

fn rows(file: &'static str) -> Vec<(&'static str, Vec<u8>)> {
    let rows = file.lines().map(|line| line.split_once(' ').expect("a name and a record"));
    rows.map(|(name, hex)| (name, Vec::from_hex(hex).expect("hex"))).collect()
}

#[test]
fn records_are_the_golden_ones() {
    let written: Vec<String> = records()
        .iter()
        .map(|(name, state)| format!("{name} {:x}", state.record().expect("one").as_hex()))
        .collect();
    let golden: Vec<&str> = include_str!("../golden/records.hex").lines().collect();
    assert_eq!(written, golden, "what was written once must stay readable: a new version byte");
}

#[test]
fn golden_records_are_read_as_what_they_were() {
    let first = rows(include_str!("../golden/records_1.hex"));
    assert_eq!((golden().len(), first.len()), (records().len(), 12));
    for ((name, bytes), (_, state)) in
        golden().into_iter().zip(records()).chain(first.into_iter().zip(records()))
    {
        match State::resume(&bytes).expect(name) {
            Resumed::Same(again) => assert_eq!(again, state, "{name}"),
            Resumed::Changed(again, _) => {
                assert_eq!(again.name(), "Tombstone", "{name}");
                assert_eq!(again.keys_id(), state.keys_id(), "{name}");
            }
            Resumed::Ended(attempt, failure) => {
                assert_eq!(Some(&*attempt), state.attempt(), "{name}");
                assert!(failure.retry, "{name}");
            }
        }
    }
}

#[test]
fn a_record_of_a_later_version_is_refused_as_such() {
    for (name, mut bytes) in golden() {
        bytes[0] = 3;
        assert_eq!(State::resume(&bytes), Err(RecordError::Newer(3)), "{name}");
        bytes[0] = 0;
        assert!(matches!(State::resume(&bytes), Err(RecordError::Damaged(_))), "{name}");
    }
    let text = RecordError::Newer(3).to_string();
    assert!(text.contains("newer") && text.contains("upgrade"), "{text}");
}

#[test]
fn a_record_that_was_cut_or_has_grown_is_damaged() {
    for (name, bytes) in golden() {
        for length in 0..bytes.len() {
            let error = State::resume(&bytes[..length]).expect_err(name);
            assert!(error.to_string().contains("damaged"), "{name} {length}: {error}");
        }
        let long = [&bytes[..], &[0]].concat();
        assert!(matches!(State::resume(&long), Err(RecordError::Damaged(_))), "{name}");
    }
}

/// What is read at all is written and read again as the same; only fields of a peer's message that this
/// build does not know are left out.
fn is_read_or_refused(bytes: &[u8]) -> bool {
    match State::resume(bytes) {
        Ok(Resumed::Same(state)) => {
            let record = state.record().expect("it had one");
            State::resume(&record) == Ok(Resumed::Same(state))
        }
        Ok(Resumed::Changed(..) | Resumed::Ended(..)) | Err(RecordError::Damaged(_)) => true,
        Err(RecordError::Newer(version)) => version > 2,
    }
}

/// Bytes that are 0 or 1 in a record, and texts, are taken for nothing else.
#[test]
fn a_flag_that_is_neither_yes_nor_no_is_damage() {
    let named = |wanted| golden().into_iter().find(|(name, _)| *name == wanted).expect("there");
    let (_, mut bytes) = named("normal_opener");
    *bytes.last_mut().expect("whether a child pays") = 2;
    assert!(matches!(State::resume(&bytes), Err(RecordError::Damaged(_))));
    let (_, mut bytes) = named("tombstone_opener");
    let before_flag = bytes.len() - 2;
    bytes[before_flag] = 0xff;
    assert!(matches!(State::resume(&bytes), Err(RecordError::Damaged(_))), "no text");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(is_read_or_refused(&bytes));
    }

    #[test]
    fn a_record_with_any_byte_changed_is_read_or_refused(
        which in 0..15_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let (name, mut bytes) = golden().swap_remove(which);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert!(is_read_or_refused(&bytes), "{} {}", name, at);
    }
}
