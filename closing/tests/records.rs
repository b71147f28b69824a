//! The bytes of every record of a channel that ends, pinned: what an earlier build has written must be read by
//! each later one.

#![cfg(test)]

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxIn, TxOut, Txid, WPubkeyHash};
use closing::{Child, CloseRequest, Closed, Closing, Plan, ShuttingDown, State, Sweep, Who};
use funding::{FundedChannel, RecordError, Resumed};
use proptest::prelude::*;
use transactions::{FeeratePerKw, Height, Timestamp};

/// The channel of one of `funding`'s golden records.
fn channel() -> FundedChannel {
    let lines = include_str!("../../funding/tests/golden/records.hex").lines();
    let mut rows = lines.filter_map(|line| line.strip_prefix("normal_spent_with_updates "));
    let record = Vec::from_hex(rows.next().expect("a row")).expect("hex");
    let Ok(Resumed::Same(state)) = funding::State::resume(&record) else { panic!("unreadable") };
    state.channel().expect("a channel").clone()
}

fn script(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([byte; 20]))
}

fn outpoint(byte: u8) -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([byte; 32]), vout: u32::from(byte) }
}

fn transaction(byte: u8) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output: outpoint(byte), ..TxIn::default() }],
        output: vec![TxOut { value: Amount::from_sat(5_000), script_pubkey: script(byte) }],
    }
}

fn request(who: Who, script: Option<ScriptBuf>) -> CloseRequest {
    let (feerate, cap) = (FeeratePerKw(700), FeeratePerKw(6_250));
    CloseRequest { who, reason: "the operator closes it".to_owned(), script, feerate, cap }
}

fn closing(plan: Plan) -> Closing {
    Closing::new(channel(), request(Who::Remote, None), plan, script(1))
}

fn shutting_down(remote_script: Option<ScriptBuf>) -> State {
    ShuttingDown {
        channel: channel(),
        request: request(Who::Local, Some(script(9))),
        local_script: script(9),
        remote_script,
        offer: FeeratePerKw(1_400),
        tries: 2,
        errors: 1,
        waits_since: None,
        patience: Default::default(),
        here: Default::default(),
    }
    .into()
}

/// One record of each kind and each plan, under a name.
fn records() -> Vec<(&'static str, State)> {
    let force = |child| Plan::Force { commitment: transaction(3), child, text: "why".to_owned() };
    let child = |confirmed| Child {
        transaction: transaction(4),
        anchor: outpoint(3),
        feerate: FeeratePerKw(3_000),
        built: Height(800_000),
        confirmed,
    };
    let mutual = closing(Plan::Mutual { transaction: transaction(2) });
    let sweep = Sweep {
        transaction: transaction(6),
        feerate: FeeratePerKw(253),
        built: Height(800_144),
        confirmed: Some(Height(800_146)),
    };
    let home = Closing {
        seen: Some(transaction(5)),
        sweep: Some(sweep),
        lost: vec![(outpoint(7), Height(800_016)), (outpoint(8), Height(800_017))],
        ..closing(Plan::Watch)
    };
    let mut waiting = shutting_down(None);
    if let State::ShuttingDown(s) = &mut waiting {
        s.waits_since = Some(Timestamp(1_700_000_000_123));
    }
    vec![
        ("shutting_down", shutting_down(None)),
        ("shutting_down_both", shutting_down(Some(script(2)))),
        ("closing_mutual", mutual.with_remote_script(Some(script(2))).into()),
        ("closing_force_alone", closing(force(None)).into()),
        ("closing_force", closing(force(Some(child(None)))).into()),
        ("closing_force_confirmed", closing(force(Some(child(Some(Height(800_001)))))).into()),
        ("closing_ask", closing(Plan::Ask { text: "you are ahead".to_owned() }).into()),
        ("closing_watch", home.clone().into()),
        ("closed", Closed { closing: home }.into()),
        // From here on what version 1 did not hold.
        ("shutting_down_waiting", waiting),
    ]
}

fn golden() -> Vec<(&'static str, Vec<u8>)> {
    rows(include_str!("golden/records.hex"))
}

fn rows(file: &'static str) -> Vec<(&'static str, Vec<u8>)> {
    let rows = file.lines().map(|line| line.split_once(' ').expect("a name and a record"));
    rows.map(|(name, hex)| (name, Vec::from_hex(hex).expect("hex"))).collect()
}

#[test]
fn records_are_the_golden_ones() {
    let written: Vec<String> = records()
        .iter()
        .map(|(name, state)| format!("{name} {:x}", state.record().as_hex()))
        .collect();
    let golden: Vec<&str> = include_str!("golden/records.hex").lines().collect();
    assert_eq!(written, golden, "what was written once must stay readable: a new version byte");
}

#[test]
fn golden_records_are_read_as_what_they_were() {
    let first = rows(include_str!("golden/records_1.hex"));
    assert_eq!((golden().len(), first.len()), (records().len(), 9));
    for ((name, bytes), (_, state)) in
        golden().into_iter().zip(records()).chain(first.into_iter().zip(records()))
    {
        assert_eq!(State::resume(&bytes).as_ref(), Ok(&state), "{name}");
    }
}

#[test]
fn a_record_of_a_later_version_is_refused_as_such_and_a_cut_one_as_damaged() {
    for (name, mut bytes) in golden() {
        for length in 0..bytes.len() {
            let error = State::resume(&bytes[..length]).expect_err(name);
            assert!(error.to_string().contains("damaged"), "{name} {length}: {error}");
        }
        bytes.push(0);
        assert!(matches!(State::resume(&bytes), Err(RecordError::Damaged(_))), "{name}");
        bytes[0] = 3;
        assert_eq!(State::resume(&bytes), Err(RecordError::Newer(3)), "{name}");
        bytes[0] = 0;
        assert!(matches!(State::resume(&bytes), Err(RecordError::Damaged(_))), "{name}");
    }
}

fn is_read_or_refused(bytes: &[u8]) -> bool {
    match State::resume(bytes) {
        Ok(state) => State::resume(&state.record()) == Ok(state),
        Err(RecordError::Damaged(_)) => true,
        Err(RecordError::Newer(version)) => version > 2,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(is_read_or_refused(&bytes));
    }

    #[test]
    fn a_record_with_any_byte_changed_is_read_or_refused(
        which in 0..10_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let (name, mut bytes) = golden().swap_remove(which);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert!(is_read_or_refused(&bytes), "{} {}", name, at);
    }
}
