//! LND's own command drives navvyd over its socket, and says of a channel what LND says of it.

use crate::lnd::{Lnd, list, number};
use crate::navvyd::Navvyd;
use crate::peer::Peer;
use crate::process::{program, wait_for};
use crate::world::{COIN, World};
use serde_json::Value;
use std::process::Command;

fn run(navvyd: &Navvyd, arguments: &[&str]) -> (bool, String) {
    let socket = navvyd.rpc_socket();
    let output = Command::new(program("NAVVY_LNCLI_EXE"))
        .arg(format!("--rpcserver=unix://{}", socket.display()))
        .args(["--insecure", "--no-macaroons"])
        .args(arguments)
        .output()
        .expect("lncli");
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn lncli(navvyd: &Navvyd, arguments: &[&str]) -> Value {
    let (ok, text) = run(navvyd, arguments);
    assert!(ok, "lncli {arguments:?}: {text}");
    println!("lncli {} -> {}", arguments.join(" "), text.replace(['\n', ' '], ""));
    serde_json::from_str(&text).expect("JSON")
}

fn only(value: &Value) -> Value {
    let all = list(value);
    assert_eq!(all.len(), 1, "{value}");
    all[0].clone()
}

/// Both sides say the same of a channel, each from its side.
fn assert_mirrored(ours: &Value, theirs: &Value, same: &[&str], crossed: &[(&str, &str)]) {
    for key in same {
        assert_eq!(ours[key], theirs[key], "{key}: {ours} {theirs}");
    }
    for (one, other) in crossed {
        assert_eq!(ours[one], theirs[other], "{one}: {ours} {theirs}");
        assert_eq!(ours[other], theirs[one], "{other}: {ours} {theirs}");
    }
}

const BALANCES: (&str, &str) = ("local_balance", "remote_balance");
const RESERVES: (&str, &str) = ("local_chan_reserve_sat", "remote_chan_reserve_sat");

#[test]
fn lncli_opens_lists_and_closes_a_channel_of_navvyd() {
    let mut world = World::<Lnd>::new();
    let navvyd = &world.navvyd;
    let info = lncli(navvyd, &["getinfo"]);
    assert_eq!(info["identity_pubkey"], navvyd.node_id.as_str());
    assert_eq!(number(&info["block_height"]), world.bitcoind.height());
    assert_eq!((&info["synced_to_chain"], number(&info["num_peers"])), (&Value::Bool(true), 0));
    assert_eq!(lncli(navvyd, &["state"])["state"], "SERVER_ACTIVE");
    let address = lncli(navvyd, &["newaddress", "p2wkh"]);
    assert!(address["address"].as_str().is_some_and(|text| text.starts_with("bcrt1q")));
    assert_eq!(number(&lncli(navvyd, &["walletbalance"])["confirmed_balance"]), COIN);
    let coin = only(&lncli(navvyd, &["listunspent"])["utxos"]);
    assert_eq!(number(&coin["amount_sat"]), COIN);
    for _ in 0..2 {
        let to = format!("{}@{}", world.peer.node_id(), world.peer.address());
        lncli(navvyd, &["connect", &to]);
    }
    let peer = only(&lncli(navvyd, &["listpeers"])["peers"]);
    assert_eq!(peer["pub_key"], world.peer.node_id().as_str());
    refused_opens_say_why(&world);
    let point = opened(&world);
    closed(&world, &point);
    let stopped = lncli(&world.navvyd, &["stop"]);
    assert!(stopped["status"].as_str().is_some_and(|text| text.contains("shutdown")));
    assert_eq!(wait_for("navvyd to end", || world.navvyd.ended()), Some(0));
    assert!(!world.navvyd.rpc_socket().exists());
}

fn refused_opens_say_why(world: &World<Lnd>) {
    let key = format!("--node_key={}", world.peer.node_id());
    for (flag, words) in [
        ("--zero_conf", "zero_conf is not served by navvy"),
        ("--memo=rent", "memo is not served by navvy"),
        ("--push_amt=9000000", "push_sat"),
        ("--sat_per_vbyte=1000000", "sat_per_vbyte"),
    ] {
        let arguments = ["openchannel", &key, "--local_amt=1000000", flag];
        let (ok, text) = run(&world.navvyd, &arguments);
        assert!(!ok && text.contains(words), "{flag}: {text}");
    }
    let nobody = "--node_key=0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let (ok, text) = run(&world.navvyd, &["openchannel", nobody, "--local_amt=1000000"]);
    assert!(!ok && text.contains("is not online"), "{text}");
}

/// Opens a channel, and gives its channel point.
fn opened(world: &World<Lnd>) -> String {
    let navvyd = &world.navvyd;
    let key = format!("--node_key={}", world.peer.node_id());
    let amounts = ["--local_amt=1000000", "--push_amt=300000", "--sat_per_vbyte=3", "--private"];
    let opened = lncli(navvyd, &[&["openchannel", &key], &amounts[..]].concat());
    let funding_txid = opened["funding_txid"].as_str().expect("a txid").to_owned();
    world.bitcoind.wait_mempool(1);
    assert_pending_alike(world);
    let pending = only(&lncli(navvyd, &["pendingchannels"])["pending_open_channels"]);
    let point = pending["channel"]["channel_point"].as_str().expect("a point").to_owned();
    assert!(point.starts_with(&funding_txid), "{point} {funding_txid}");

    world.mine(6);
    world.wait_peer_active();
    let ours = wait_for("an active channel", || {
        let channels = lncli(navvyd, &["listchannels"]);
        list(&channels["channels"]).first().filter(|channel| channel["active"] == true).cloned()
    });
    let theirs = only(&world.peer.call(&["listchannels"])["channels"]);
    let same = [
        "active",
        "channel_point",
        "chan_id",
        "scid",
        "capacity",
        "commit_fee",
        "commit_weight",
        "fee_per_kw",
        "private",
        "commitment_type",
        "push_amount_sat",
        "unsettled_balance",
        "pending_htlcs",
    ];
    let crossed = [BALANCES, RESERVES, ("local_constraints", "remote_constraints")];
    assert_mirrored(&ours, &theirs, &same, &crossed);
    assert_eq!((&ours["initiator"], &theirs["initiator"]), (&true.into(), &false.into()));
    assert_eq!(ours["remote_pubkey"], world.peer.node_id().as_str());
    let balance = lncli(navvyd, &["channelbalance"]);
    assert_eq!(balance["local_balance"]["sat"], ours["local_balance"]);
    point
}

fn assert_pending_alike(world: &World<Lnd>) {
    let pending = |answer: &Value| list(&answer["pending_open_channels"]).first().cloned();
    let theirs =
        wait_for("lnd to list the open", || pending(&world.peer.call(&["pendingchannels"])));
    let ours = pending(&lncli(&world.navvyd, &["pendingchannels"])).expect("a pending open");
    let same = [
        "commit_fee",
        "commit_weight",
        "fee_per_kw",
        "confirmations_until_active",
        "confirmation_height",
        "funding_expiry_blocks",
    ];
    assert_mirrored(&ours, &theirs, &same, &[]);
    let same = ["channel_point", "capacity", "commitment_type", "private"];
    let (ours, theirs) = (&ours["channel"], &theirs["channel"]);
    assert_mirrored(ours, theirs, &same, &[BALANCES, RESERVES]);
    assert_eq!(
        (&ours["initiator"], &theirs["initiator"]),
        (&"INITIATOR_LOCAL".into(), &"INITIATOR_REMOTE".into(),)
    );
}

fn closed(world: &World<Lnd>, point: &str) {
    let navvyd = &world.navvyd;
    let chan_point = format!("--chan_point={point}");
    let closing = lncli(navvyd, &["closechannel", &chan_point, "--sat_per_vbyte=5"]);
    let closing_txid = closing["closing_txid"].as_str().expect("a txid").to_owned();
    assert_eq!(world.bitcoind.wait_mempool(1).first(), Some(&closing_txid));
    let waiting = only(&lncli(navvyd, &["pendingchannels"])["waiting_close_channels"]);
    assert_eq!(waiting["closing_txid"], closing_txid.as_str());
    let theirs = only(&world.peer.call(&["pendingchannels"])["waiting_close_channels"]);
    assert_mirrored(
        &waiting["channel"],
        &theirs["channel"],
        &["channel_point", "capacity"],
        &[BALANCES],
    );
    let crossed =
        [("local_txid", "remote_txid"), ("local_commit_fee_sat", "remote_commit_fee_sat")];
    assert_mirrored(&waiting["commitments"], &theirs["commitments"], &[], &crossed);
    world.mine(6);
    let find = |answer: &Value| list(&answer["channels"]).first().cloned();
    let ours =
        wait_for("navvyd to list it as closed", || find(&lncli(navvyd, &["closedchannels"])));
    let theirs =
        wait_for("lnd to list it as closed", || find(&world.peer.call(&["closedchannels"])));
    let same = [
        "channel_point",
        "chan_id",
        "chain_hash",
        "closing_tx_hash",
        "capacity",
        "close_height",
        "close_type",
        "time_locked_balance",
    ];
    assert_mirrored(&ours, &theirs, &same, &[]);
    assert_eq!(ours["open_initiator"], "INITIATOR_LOCAL");
    assert_eq!(ours["close_initiator"], "INITIATOR_LOCAL");
    let fee = world.fee_of(&closing_txid);
    let paid = number(&ours["settled_balance"]) + number(&theirs["settled_balance"]);
    assert_eq!(paid + fee, 1_000_000, "{ours} {theirs}");
    let gone = lncli(navvyd, &["pendingchannels"]);
    assert_eq!(number(&gone["total_limbo_balance"]), 0);
}
