//! The node, its peers, its wallet, its log and its end.

use crate::stage::Stage;
use rpc::proto::lnrpc::state_client::StateClient;
use rpc::proto::lnrpc::*;
use rpc::proto::navvy::MineRequest;
use rpc::proto::navvy::regtest_client::RegtestClient;
use rpc::proto::verrpc::VersionRequest;
use rpc::proto::verrpc::versioner_client::VersionerClient;
use rpc::tonic::Code;

#[test]
fn the_node_and_its_peers_are_described() {
    let stage = Stage::new();
    let mut alice = stage.alice.lightning.clone();
    for _ in 0..2 {
        // Connected twice is connected.
        stage.run(alice.connect_peer(stage.connect_request())).unwrap();
        let peers = stage.run(alice.list_peers(ListPeersRequest::default())).unwrap();
        let peers = peers.into_inner().peers;
        let [peer] = peers.as_slice() else { panic!("{peers:?}") };
        assert_eq!(peer.pub_key, stage.bob.daemon.node_id.to_string());
        assert_eq!(peer.address, stage.bob.daemon.address.to_string());
        assert!(!peer.inbound && peer.features.values().all(|feature| feature.is_known));
    }
    let bobs = stage.run(stage.bob.lightning.clone().list_peers(ListPeersRequest::default()));
    assert!(bobs.unwrap().into_inner().peers[0].inbound);
    let info = stage.run(alice.get_info(GetInfoRequest {})).unwrap().into_inner();
    assert_eq!(info.identity_pubkey, stage.alice.daemon.node_id.to_string());
    assert_eq!(info.block_hash, stage.chain.best().hash.to_string());
    assert!(info.best_header_timestamp > 0 && info.version.contains("navvy"), "{info:?}");
    assert_eq!((info.num_peers, info.chains[0].network.as_str()), (1, "regtest"));
    assert!(!info.alias.is_empty() && !info.color.is_empty() && info.synced_to_chain);
    assert!(!info.features.is_empty());

    let mut state = StateClient::new(stage.alice.channel.clone());
    let state = stage.run(state.get_state(GetStateRequest {})).unwrap();
    assert_eq!(state.into_inner().state(), WalletState::ServerActive);
    let mut version = VersionerClient::new(stage.alice.channel.clone());
    let version = stage.run(version.get_version(VersionRequest {})).unwrap().into_inner();
    assert!(version.version.contains("navvy") && version.build_tags.is_empty());
    stage.stop();
}

#[test]
fn a_peer_that_is_not_there_is_named_with_the_reason() {
    let stage = Stage::new();
    let mut request = stage.connect_request();
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    request.addr.as_mut().unwrap().host = address.to_string();
    let status = stage.run(stage.alice.lightning.clone().connect_peer(request)).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("refused"), "{status}");
    stage.stop();
}

#[test]
fn coins_are_listed_and_sent() {
    let stage = Stage::new();
    stage.fund_alice(80_000);
    let mut alice = stage.alice.lightning.clone();
    let unspent = |min_confs, max_confs| {
        let request = ListUnspentRequest { min_confs, max_confs, account: String::new() };
        let mut alice = stage.alice.lightning.clone();
        stage.run(alice.list_unspent(request)).unwrap().into_inner().utxos
    };
    let coins = unspent(1, i32::MAX);
    let [coin] = coins.as_slice() else { panic!("{coins:?}") };
    assert!(coin.amount_sat == 80_000 && coin.address.starts_with("bcrt1q"));
    assert!(unspent(coin.confirmations as i32 + 1, i32::MAX).is_empty());
    let to = stage.run(stage.bob.lightning.clone().new_address(NewAddressRequest::default()));
    let request = SendCoinsRequest {
        addr: to.unwrap().into_inner().address,
        amount: 50_000,
        sat_per_vbyte: 3,
        ..SendCoinsRequest::default()
    };
    let txid = stage.run(alice.send_coins(request)).unwrap().into_inner().txid;
    stage.wait_for("the payment", || (stage.chain.mempool().len() == 1).then_some(()));
    let balance = stage.run(alice.wallet_balance(WalletBalanceRequest::default())).unwrap();
    let balance = balance.into_inner();
    assert_eq!(balance.confirmed_balance, 0);
    assert!((29_000..30_000).contains(&balance.unconfirmed_balance), "{balance:?}");
    assert!(unspent(0, 0).iter().any(|coin| coin.outpoint.as_ref().unwrap().txid_str == txid));
    stage.mine(1);
    let bobs = WalletBalanceRequest::default();
    let bobs = stage.run(stage.bob.lightning.clone().wallet_balance(bobs)).unwrap().into_inner();
    assert_eq!((bobs.confirmed_balance, bobs.total_balance), (50_000, 50_000));
    assert_eq!(bobs.account_balance["default"].confirmed_balance, 50_000);
    stage.stop();
}

#[test]
fn the_log_and_the_end_are_the_client_s_to_choose() {
    let stage = Stage::new();
    let mut alice = stage.alice.lightning.clone();
    let show = DebugLevelRequest { show: true, level_spec: String::new() };
    let parts = stage.run(alice.debug_level(show)).unwrap().into_inner().sub_systems;
    assert!(parts.contains("FNDG"), "{parts}");
    let mut regtest = RegtestClient::new(stage.alice.channel.clone());
    let status = stage.run(regtest.mine(MineRequest { blocks: 0, ..MineRequest::default() }));
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
    assert!(!*stage.alice.asked_to_stop.borrow());
    let stopped = stage.run(alice.stop_daemon(StopRequest {})).unwrap().into_inner();
    assert!(stopped.status.contains("shutdown"));
    assert!(*stage.alice.asked_to_stop.borrow());
    stage.stop();
}

#[test]
fn what_went_over_a_connection_is_counted() {
    let stage = Stage::funded(1_000_000);
    let peer = |served: &crate::stage::Served| {
        let peers = stage.run(served.lightning.clone().list_peers(ListPeersRequest::default()));
        peers.unwrap().into_inner().peers.remove(0)
    };
    let before = peer(&stage.alice);
    assert!(before.bytes_sent > 0 && before.bytes_recv > 0, "the two init: {before:?}");
    assert_eq!((before.ping_time, before.sync_type()), (0, peer::SyncType::UnknownSync));
    assert_eq!(before.flap_count, 1);
    let bobs = peer(&stage.bob);
    assert!(bobs.inbound && bobs.address.starts_with("127.0.0.1:"), "{bobs:?}");
    assert_ne!(bobs.address, stage.alice.daemon.address.to_string(), "the end of the socket");

    // An open asks whether the peer lives.
    stage.open_channel();
    let after = peer(&stage.alice);
    assert!(after.ping_time > 0 && after.ping_time < 30_000_000, "{after:?}");
    // open_channel and funding_created against accept_channel and funding_signed.
    assert!(after.bytes_sent > before.bytes_sent + 400, "{after:?}");
    assert!(after.bytes_recv > before.bytes_recv + 300, "{after:?}");
    stage.wait_for("the same numbers at the other end", || {
        let (ours, theirs) = (peer(&stage.alice), peer(&stage.bob));
        let same = ours.bytes_sent == theirs.bytes_recv && ours.bytes_recv == theirs.bytes_sent;
        same.then_some(())
    });

    let pub_key = stage.bob.daemon.node_id.to_string();
    let mut alice = stage.alice.lightning.clone();
    stage.run(alice.disconnect_peer(DisconnectPeerRequest { pub_key })).unwrap();
    let back = stage.wait_for("the next connection", || {
        let peers = stage.run(alice.list_peers(ListPeersRequest::default())).unwrap().into_inner();
        peers.peers.into_iter().find(|peer| peer.flap_count == 3)
    });
    assert!(back.bytes_sent < after.bytes_sent, "a connection is counted from its begin");
    assert!(back.last_flap_ns > after.last_flap_ns && back.errors[0].timestamp > 1_700_000_000);
    stage.stop();
}
