//! What a client may send and cannot have: a code, and a line that names the field.

use crate::stage::Stage;
use rpc::proto::lnrpc::channel_point::FundingTxid;
use rpc::proto::lnrpc::*;
use rpc::tonic::metadata::MetadataValue;
use rpc::tonic::{Code, Request, Status};

fn check(status: &Status, code: Code, words: &str) {
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(words), "{:?} does not say {words:?}", status.message());
}

type Change = fn(&mut OpenChannelRequest);

const BAD_FIELDS: &[(Change, &str)] = &[
    (|r| r.node_pubkey.clear(), "node_pubkey: the peer's node id is missing"),
    (|r| r.node_pubkey.truncate(32), "this has 32"),
    (|r| r.node_pubkey = vec![0xff; 33], "no node id"),
    (|r| r.node_pubkey_string = "00".to_owned(), "node_pubkey_string"),
    (
        |r| {
            r.node_pubkey_string =
                "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798".to_owned();
        },
        "names another peer",
    ),
    (|r| r.local_funding_amount = 0, "local_funding_amount"),
    (|r| r.local_funding_amount = -5, "negative"),
    (|r| r.local_funding_amount = i64::MAX, "more than there will ever be"),
    (|r| r.local_funding_amount = 2_000_000_000_000, "choose"),
    (|r| r.local_funding_amount = 100, "choose"),
    (|r| r.push_sat = -1, "push_sat"),
    (|r| r.push_sat = 300_000, "push_sat"),
    (|r| r.sat_per_vbyte = u64::MAX, "sat_per_vbyte"),
    (|r| r.sat_per_byte = -1, "sat_per_byte"),
    (|r| (r.sat_per_byte, r.sat_per_vbyte) = (1, 1), "sat_per_byte"),
    (|r| r.target_conf = -1, "target_conf"),
    (|r| r.min_confs = -1, "min_confs"),
    (|r| r.min_confs = 3, "min_confs above 1 is not served"),
    (|r| r.spend_unconfirmed = true, "spend_unconfirmed is not served"),
    (|r| r.commitment_type = 1, "commitment_type LEGACY is not served"),
    (|r| r.commitment_type = 5, "commitment_type SIMPLE_TAPROOT is not served"),
    (|r| r.commitment_type = 99, "no such type"),
    (|r| r.funding_shim = Some(FundingShim::default()), "funding_shim is not served"),
    (|r| r.fund_max = true, "fund_max is not served"),
    (|r| r.close_address = "x".to_owned(), "close_address is not served"),
    (|r| r.min_htlc_msat = 1, "min_htlc_msat is not served"),
    (|r| r.remote_csv_delay = 1, "remote_csv_delay is not served"),
    (|r| r.remote_max_value_in_flight_msat = 1, "remote_max_value_in_flight_msat is not"),
    (|r| r.remote_max_htlcs = 1, "remote_max_htlcs is not served"),
    (|r| r.max_local_csv = 1, "max_local_csv is not served"),
    (|r| r.remote_chan_reserve_sat = 1, "remote_chan_reserve_sat is not served"),
    (|r| r.zero_conf = true, "zero_conf is not served"),
    (|r| r.scid_alias = true, "scid_alias is not served"),
    (|r| r.base_fee = 1, "base_fee is not served"),
    (|r| r.use_base_fee = true, "base_fee is not served"),
    (|r| r.fee_rate = 1, "fee_rate is not served"),
    (|r| r.memo = "mine".to_owned(), "memo is not served"),
    (|r| r.outpoints = vec![OutPoint::default()], "outpoints: a txid is missing"),
    (
        |r| {
            r.outpoints = vec![OutPoint { txid_str: "00".to_owned(), ..OutPoint::default() }];
        },
        "outpoints",
    ),
];

#[test]
fn an_open_with_a_bad_field_is_refused_by_its_name() {
    let stage = Stage::funded(1_000_000);
    let mut alice = stage.alice.lightning.clone();
    for (change, words) in BAD_FIELDS {
        let mut request = stage.open_request();
        change(&mut request);
        let streamed = stage.run(alice.open_channel(request.clone())).unwrap_err();
        check(&streamed, Code::InvalidArgument, words);
        let at_once = stage.run(alice.open_channel_sync(request)).unwrap_err();
        check(&at_once, Code::InvalidArgument, words);
    }
    for (name, value) in [(rpc::REQUEST_ID, ""), (rpc::MAX_FEE_SAT, "much"), (rpc::FORCE, "yes")] {
        let mut request = Request::new(stage.open_request());
        request.metadata_mut().insert(name, MetadataValue::from_static(value));
        let status = stage.run(alice.open_channel_sync(request)).unwrap_err();
        check(&status, Code::InvalidArgument, name);
    }
    // Nothing of all that left a trace.
    let balance = stage.run(alice.wallet_balance(WalletBalanceRequest::default())).unwrap();
    assert_eq!(balance.into_inner().locked_balance, 0);
    stage.stop();
}

#[test]
fn what_the_node_refuses_has_the_words_that_clients_of_lnd_know() {
    let stage = Stage::new();
    let mut alice = stage.alice.lightning.clone();
    let status = stage.run(alice.open_channel_sync(stage.open_request())).unwrap_err();
    check(&status, Code::FailedPrecondition, "is not online");
    let own = stage.alice.daemon.node_id;
    let to_self =
        OpenChannelRequest { node_pubkey: own.serialize().to_vec(), ..stage.open_request() };
    let status = stage.run(alice.open_channel_sync(to_self)).unwrap_err();
    check(&status, Code::InvalidArgument, "cannot open channel to self");
    let mut connect = stage.connect_request();
    connect.addr.as_mut().unwrap().pubkey = own.to_string();
    let status = stage.run(alice.connect_peer(connect)).unwrap_err();
    check(&status, Code::InvalidArgument, "connection to self");
    stage.run(alice.connect_peer(stage.connect_request())).unwrap();
    let status = stage.run(alice.open_channel_sync(stage.open_request())).unwrap_err();
    check(&status, Code::FailedPrecondition, "not enough witness outputs to create funding");
    let send = SendCoinsRequest { addr: "x".to_owned(), amount: 1, ..SendCoinsRequest::default() };
    let status = stage.run(alice.send_coins(send)).unwrap_err();
    check(&status, Code::InvalidArgument, "addr");
    stage.stop();
}

#[test]
fn other_calls_refuse_by_name_too() {
    let stage = Stage::new();
    let mut alice = stage.alice.lightning.clone();
    let no_channel = ChannelPoint {
        funding_txid: Some(FundingTxid::FundingTxidBytes(vec![7; 32])),
        output_index: 0,
    };
    let close = |change: fn(&mut CloseChannelRequest)| {
        let mut request = CloseChannelRequest {
            channel_point: Some(no_channel.clone()),
            ..CloseChannelRequest::default()
        };
        change(&mut request);
        let mut alice = stage.alice.lightning.clone();
        stage.run(alice.close_channel(request)).unwrap_err()
    };
    check(&close(|_| {}), Code::NotFound, "unable to find channel");
    check(&close(|r| r.channel_point = None), Code::InvalidArgument, "channel_point");
    check(
        &close(|r| {
            r.channel_point.as_mut().unwrap().funding_txid =
                Some(FundingTxid::FundingTxidStr("garbage".to_owned()));
        }),
        Code::InvalidArgument,
        "64 hex digits",
    );
    check(&close(|r| r.max_fee_per_vbyte = u64::MAX), Code::InvalidArgument, "max_fee_per_vbyte");
    check(
        &close(|r| (r.force, r.delivery_address) = (true, "x".to_owned())),
        Code::InvalidArgument,
        "delivery_address",
    );
    check(
        &close(|r| r.delivery_address = "x".to_owned()),
        Code::InvalidArgument,
        "delivery_address",
    );
    for (kind, words) in
        [(1, "NESTED_PUBKEY_HASH"), (4, "TAPROOT_PUBKEY"), (2, "UNUSED"), (77, "type")]
    {
        let request = NewAddressRequest { r#type: kind, account: String::new() };
        check(&stage.run(alice.new_address(request)).unwrap_err(), Code::InvalidArgument, words);
    }
    let request = NewAddressRequest { r#type: 0, account: "savings".to_owned() };
    check(&stage.run(alice.new_address(request)).unwrap_err(), Code::NotFound, "savings");
    let request = ListUnspentRequest { min_confs: 2, max_confs: 1, account: String::new() };
    check(&stage.run(alice.list_unspent(request)).unwrap_err(), Code::InvalidArgument, "max_confs");
    let request = ListChannelsRequest { peer: vec![1], ..ListChannelsRequest::default() };
    check(&stage.run(alice.list_channels(request)).unwrap_err(), Code::InvalidArgument, "peer");
    let request = DisconnectPeerRequest { pub_key: stage.bob.daemon.node_id.to_string() };
    check(
        &stage.run(alice.disconnect_peer(request)).unwrap_err(),
        Code::NotFound,
        "is not connected",
    );
    let request = DebugLevelRequest { show: false, level_spec: "loud".to_owned() };
    check(&stage.run(alice.debug_level(request)).unwrap_err(), Code::InvalidArgument, "loud");
    stage.stop();
}
