//! The bytes of the node's own rows, pinned. What is inside of a channel's row is pinned where it is written.

use bitcoin::hashes::Hash as _;
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::{Amount, OutPoint, Txid};
use funding::{Link, Monotonic, Origin, RecordError, RequestId, Resumed};
use node::{
    Channel, ChannelState, HistoryEntry, JournalRow, JournalSubject, OpenCommand, Request,
    RequestStatus, ResumedChannel,
};
use proptest::prelude::*;
use transactions::{FeeratePerKw, Height, KeysId, Timestamp};
use wire::ChannelType;

fn entry(to: &str) -> HistoryEntry {
    HistoryEntry {
        at: Timestamp(1_700_000_000_123),
        from: "WaitForChannelReady".to_owned(),
        to: to.to_owned(),
        cause: "channel_ready went both ways".to_owned(),
    }
}

fn outpoint() -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([4; 32]), vout: 1 }
}

/// An open channel, whose record is one of `funding`'s golden ones.
fn channel() -> Channel {
    let lines = include_str!("../../../funding/tests/golden/records.hex").lines();
    let mut rows = lines.filter_map(|line| line.strip_prefix("normal_opener "));
    let record = Vec::from_hex(rows.next().expect("a row")).expect("hex");
    let Ok(Resumed::Same(state)) = funding::State::resume(&record) else { panic!("unreadable") };
    let node_id = state.channel().expect("a channel").node_id;
    let mut channel = Channel::new(node_id, ChannelState::Funding(state), Link::default());
    channel.request = Some(RequestId("payroll-7".to_owned()));
    channel.remember(entry("Normal"));
    channel
}

fn request(status: RequestStatus, full: bool) -> Request {
    let node_id = channel().node_id;
    let command = OpenCommand {
        request: RequestId(KEY.to_owned()),
        node_id,
        address: full.then(|| "example.org:9735".to_owned()),
        funding: Amount::from_sat(200_000),
        push: Amount::from_sat(7),
        announce: full,
        channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
        feerate: full.then_some(FeeratePerKw(700)),
        max_fee: Amount::from_sat(5_000),
        coins: if full { vec![outpoint()] } else { Vec::new() },
        force: full,
    };
    let (start_height, deadline) = (Height(800_000), Monotonic(0));
    Request { command, start_height, deadline, attempts: 3, status }
}

fn requests() -> Vec<(&'static str, Request)> {
    let failed = |origin| RequestStatus::Failed { origin, text: "a reason".to_owned() };
    let funded = RequestStatus::Funded { keys_id: KeysId([7; 16]), outpoint: outpoint() };
    vec![
        ("request_open", request(RequestStatus::WaitForPeer, true)),
        ("request_funded", request(funded, false)),
        ("request_failed_local", request(failed(Origin::Local), false)),
        ("request_failed_peer", request(failed(Origin::Peer), false)),
        ("request_failed_chain", request(failed(Origin::Chain), false)),
        ("request_failed_timeout", request(failed(Origin::Timeout), false)),
    ]
}

fn rows() -> Vec<(&'static str, Vec<u8>)> {
    let mut rows = vec![
        ("channel", channel().row().expect("a row")),
        ("journal", journal(7, "Normal").row()),
        ("journal_end", journal(8, "").row()),
    ];
    rows.extend(requests().iter().map(|(name, request)| (*name, request.row())));
    rows
}

fn golden() -> Vec<(&'static str, Vec<u8>)> {
    let lines = include_str!("../golden/rows.hex").lines();
    let rows = lines.map(|line| line.split_once(' ').expect("a name and a row"));
    rows.map(|(name, hex)| (name, Vec::from_hex(hex).expect("hex"))).collect()
}

fn named(wanted: &str) -> Vec<u8> {
    golden().into_iter().find(|(name, _)| *name == wanted).expect("there").1
}

fn read(name: &str, row: &[u8]) -> Result<(), RecordError> {
    match name.split('_').next() {
        Some("channel") => Channel::resume(row).map(drop),
        Some("journal") => JournalRow::read(row).map(drop),
        _ => Request::resume(KEY.as_bytes(), row, Monotonic(0)).map(drop),
    }
}

fn journal(keys: u8, to: &str) -> JournalRow {
    let channel = channel();
    // A row with all of it, and a row with nothing.
    let subject = if to.is_empty() {
        JournalSubject::default()
    } else {
        JournalSubject {
            node_id: Some(channel.node_id),
            request: channel.request,
            outpoint: Some(outpoint()),
        }
    };
    JournalRow { keys_id: KeysId([keys; 16]), subject, entry: entry(to) }
}

/// Version 1 named the keys only.
#[test]
fn a_journal_row_of_version_1_is_read() {
    let first = "01070707070707070707070707070707070000018bcfe5687b1357616974466f724368616e6e656c526561647906\
                 4e6f726d616c1c6368616e6e656c5f72656164792077656e7420626f74682077617973";
    let row = Vec::from_hex(first).expect("hex");
    let read = JournalRow::read(&row).expect("a row");
    assert_eq!(read, JournalRow { subject: JournalSubject::default(), ..journal(7, "Normal") });
}

#[test]
fn rows_are_the_golden_ones() {
    let written: Vec<String> =
        rows().iter().map(|(name, row)| format!("{name} {:x}", row.as_hex())).collect();
    let golden: Vec<&str> = include_str!("../golden/rows.hex").lines().collect();
    assert_eq!(written, golden, "what was written once must stay readable: a new version byte");
}

#[test]
fn golden_rows_are_read_as_what_they_were() {
    for (name, request) in requests() {
        let again = Request::resume(KEY.as_bytes(), &named(name), Monotonic(0));
        assert_eq!(again.as_ref(), Ok(&request), "{name}");
    }
    assert_eq!(JournalRow::read(&named("journal")), Ok(journal(7, "Normal")));
    assert_eq!(JournalRow::read(&named("journal_end")), Ok(journal(8, "")));
    let again = Channel::resume(&named("channel")).expect("the golden row");
    let ResumedChannel::Channel(again, None) = again else { panic!("{again:?}") };
    let channel = channel();
    assert_eq!((again.node_id, &again.state), (channel.node_id, &channel.state));
    assert_eq!((&again.request, &again.history), (&channel.request, &channel.history));
}

#[test]
fn every_undecided_request_has_the_row_of_one_that_waits() {
    let text = String::new();
    for status in [
        RequestStatus::WaitForCoin { text: text.clone() },
        RequestStatus::WaitForRetry { at: Monotonic(5), text },
        RequestStatus::Trying { keys_id: KeysId([7; 16]) },
    ] {
        assert_eq!(request(status, true).row(), named("request_open"));
    }
}

#[test]
fn a_row_of_a_later_version_is_refused_as_such_and_a_cut_one_as_damaged() {
    for (name, mut row) in golden() {
        for length in 0..row.len() {
            let error = read(name, &row[..length]).expect_err(name);
            assert!(error.to_string().contains("damaged"), "{name} {length}: {error}");
        }
        row.push(0);
        assert!(matches!(read(name, &row), Err(RecordError::Damaged(_))), "{name}");
        row[0] += 1;
        assert_eq!(read(name, &row), Err(RecordError::Newer(row[0])), "{name}");
        row[0] = 0;
        assert!(matches!(read(name, &row), Err(RecordError::Damaged(_))), "{name}");
    }
    let key = Request::resume(&[0xff], &named("request_open"), Monotonic(0));
    assert!(matches!(key, Err(RecordError::Damaged(_))), "{key:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for name in ["channel", "journal", "request"] {
            let _ = read(name, &bytes);
        }
    }

    #[test]
    fn a_row_with_any_byte_changed_is_read_or_refused(
        which in 0..9_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let (name, mut row) = golden().swap_remove(which);
        let at = at.index(row.len());
        row[at] = byte;
        if name == "channel" {
            let _ = read(name, &row);
        } else if name.starts_with("journal") {
            if let Ok(journal) = JournalRow::read(&row)
                && row[0] == 2
            {
                prop_assert_eq!(journal.row(), row);
            }
        } else if let Ok(request) = Request::resume(KEY.as_bytes(), &row, Monotonic(0)) {
            prop_assert_eq!(request.row(), row, "{} {}", name, at);
        }
    }
}

const KEY: &str = "payroll-7";
