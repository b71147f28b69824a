//! Verbs of one node: shapes of answers, refusals, and a daemon that is not there.

use crate::world::{Daemon, NOBODY, Navvy, Said, wait_for};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn json_has_the_shape_of_lncli_and_tables_are_for_people() {
    let daemon = Daemon::start();
    let navvy = &daemon.navvy;
    let info = navvy.json(&["getinfo"]);
    assert_eq!(info["chains"], json!([{"chain": "bitcoin", "network": "regtest"}]));
    assert_eq!(info["num_pending_channels"], 0);
    assert!(info["version"].as_str().unwrap().contains("navvy"), "{info}");
    assert_eq!(info["identity_pubkey"].as_str().unwrap().len(), 66);
    for (verb, list) in [
        ("listpeers", "peers"),
        ("listchannels", "channels"),
        ("closedchannels", "channels"),
        ("listunspent", "utxos"),
        ("requests", "requests"),
    ] {
        assert_eq!(navvy.json(&[verb]), json!({list: []}), "{verb}");
    }
    let pending = navvy.json(&["pendingchannels"]);
    assert_eq!(pending["total_limbo_balance"], "0");
    assert_eq!(pending["waiting_close_channels"], json!([]));
    assert_eq!(navvy.json(&["channelbalance"])["local_balance"], json!({"sat": "0", "msat": "0"}));
    let table = navvy.run(&["--output", "table", "getinfo"]);
    assert!(table.out.starts_with("node"), "{table:?}");
    assert!(table.out.contains("0 active, 0 inactive, 0 pending"), "{table:?}");
    for verb in ["listpeers", "listchannels", "closedchannels", "listunspent", "requests"] {
        let said = navvy.run(&[verb, "-o", "table"]);
        assert_eq!((said.code, said.out.lines().count()), (0, 1), "{verb}: {said:?}");
    }
}

#[test]
fn money_comes_from_the_faucet_and_goes_where_it_is_sent() {
    let daemon = Daemon::start();
    let navvy = &daemon.navvy;
    let coin = navvy.json(&["regtest", "fund", &navvy.address(), "500000"]);
    wait_for("the coin", || has_confirmed(navvy, 500_000));
    let coins = navvy.json(&["listunspent"]);
    let coin_of_list = &coins["utxos"][0];
    assert_eq!(coin_of_list["amount_sat"], "500000");
    assert_eq!(coin_of_list["outpoint"]["txid_str"], coin["txid"]);
    assert_eq!(coin_of_list["outpoint"]["output_index"], coin["output_index"]);
    assert_eq!(coin_of_list["confirmations"], "1");
    let table = navvy.run(&["walletbalance", "-o", "table"]);
    assert!(table.out.contains("500,000"), "{table:?}");

    let sent = navvy.json(&["sendcoins", &navvy.address(), "100000", "--sat_per_vbyte", "2"]);
    assert_eq!(sent["txid"].as_str().unwrap().len(), 64);
    let mined = navvy.json(&["regtest", "mine", "2"]);
    assert_eq!(mined["block_hashes"].as_array().unwrap().len(), 2);
    wait_for("the payment", || {
        let coins = navvy.json(&["listunspent"]);
        let coins = coins["utxos"].as_array()?.clone();
        coins.into_iter().find(|coin| coin["amount_sat"] == "100000")
    });
    // Two blocks away and three in their place: the payment waits again, and nothing is lost.
    let new = navvy.json(&["regtest", "reorg", "2"]);
    assert_eq!(new["height"].as_u64(), mined["height"].as_u64().map(|height| height + 1));
    wait_for("the reorganisation", || {
        let info = navvy.json(&["getinfo"]);
        (info["block_height"] == new["height"]).then_some(())
    });
    assert!(has_confirmed(navvy, 500_000).is_none());
}

fn has_confirmed(navvy: &Navvy, amount: u64) -> Option<()> {
    (number(&navvy.json(&["walletbalance"])["confirmed_balance"]) == amount).then_some(())
}

#[test]
fn what_the_daemon_refuses_is_20_with_its_reason() {
    let daemon = Daemon::start();
    let navvy = &daemon.navvy;
    navvy.run(&["openchannel", NOBODY, "200000"]).fails(20, "is not online");
    navvy.json(&["connect", "--perm", &format!("{NOBODY}@127.0.0.1:1")]);
    for amount in ["353", "90000000"] {
        navvy.run(&["openchannel", NOBODY, amount]).fails(20, "choose 0.0002");
    }
    navvy.run(&["openchannel", NOBODY, "200000"]).fails(20, "fund it");
    assert_eq!(navvy.json(&["requests"]), json!({"requests": []}), "nothing happened");
    navvy.run(&["sendcoins", &navvy.address(), "200000"]).fails(20, "the wallet has 0 BTC free");
    navvy.run(&["sendcoins", "nonsense", "200000"]).fails(20, "addr");
    navvy.run(&["connect", &format!("{NOBODY}@127.0.0.1:1")]).fails(20, "refused");
    let own = navvy.json(&["getinfo"])["identity_pubkey"].as_str().unwrap().to_owned();
    navvy.run(&["connect", &format!("{own}@127.0.0.1:1")]).fails(20, "self");
    navvy.run(&["disconnect", NOBODY]).fails(20, "not connected");
    navvy.run(&["show", "no-such-request"]).fails(20, "");
    navvy.run(&["cancel", "no-such-request"]).fails(20, "");
    let point = format!("{}:0", "ab".repeat(32));
    navvy.run(&["closechannel", &point]).fails(20, "");
    navvy.run(&["debuglevel", "nonsense=loud"]).fails(20, "");
}

#[test]
fn what_makes_no_sense_is_2_and_never_asked() {
    let nowhere = Navvy { socket: "/nonexistent/rpc.sock".into() };
    let daemon = Daemon::start();
    let navvy = &daemon.navvy;
    for (arguments, words) in [
        (vec!["openchannel", "02zz", "200000"], "no node key"),
        (vec!["openchannel", NOBODY], "--local_amt"),
        (vec!["openchannel", NOBODY, "much"], "no amount"),
        (vec!["closechannel", "ab:0"], "TXID:INDEX"),
        (vec!["closechannel"], "which channel"),
        (vec!["connect", NOBODY], "@"),
        (vec!["sendcoins", "--amt", "5"], "--addr"),
    ] {
        navvy.run(&arguments).fails(2, words);
    }
    for arguments in [vec!["nonsense"], vec!["openchannel", "--nonsense"], vec![]] {
        let said = nowhere.run(&arguments);
        assert_eq!(said.code, 2, "{said:?}");
    }
}

#[test]
fn a_daemon_that_is_not_there_is_21_with_its_socket() {
    let nowhere = Navvy { socket: "/nonexistent/rpc.sock".into() };
    nowhere.run(&["getinfo"]).fails(21, "no daemon at /nonexistent/rpc.sock");
    nowhere.run(&["regtest", "mine"]).fails(21, "start navvyd");
    let by_folder = Command::new(crate::world::NAVVY)
        .args(["--data-dir", "/nonexistent", "--network", "signet", "getinfo"])
        .env_remove("NAVVY_RPC")
        .output();
    Said::new(by_folder.unwrap()).fails(21, "no daemon at /nonexistent/signet/rpc.sock");
    let by_environment = Command::new(crate::world::NAVVY)
        .arg("getinfo")
        .env("NAVVY_RPC", "/nonexistent/by-environment.sock")
        .output();
    Said::new(by_environment.unwrap()).fails(21, "by-environment.sock");
}

#[test]
fn stop_is_polite_and_the_next_start_goes_on() {
    let mut daemon = Daemon::start();
    let before = daemon.navvy.json(&["getinfo"]);
    daemon.navvy.json(&["stop"]);
    assert_eq!(daemon.wait_end(), Some(0));
    daemon.navvy.run(&["getinfo"]).fails(21, "start navvyd");
    daemon.start_again();
    let after = daemon.navvy.json(&["getinfo"]);
    assert_eq!(before["identity_pubkey"], after["identity_pubkey"]);
}

#[test]
fn levels_of_the_log_can_be_changed() {
    let daemon = Daemon::start();
    daemon.navvy.json(&["debuglevel", "--level=info,funding=debug"]);
    let shown = daemon.navvy.json(&["debuglevel", "--show"]);
    assert_ne!(shown["sub_systems"], Value::String(String::new()));
}

#[test]
fn every_verb_has_a_help() {
    let text = Said::new(Command::new(crate::world::NAVVY).arg("--help").output().unwrap()).out;
    let verbs = text.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs: Vec<&str> = verbs
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.contains(&"openchannel") && verbs.contains(&"closechannel"), "{text}");
    for verb in verbs {
        let said =
            Said::new(Command::new(crate::world::NAVVY).args(["help", verb]).output().unwrap());
        assert!(said.code == 0 && said.out.contains("Usage: navvy"), "{said:?}");
    }
}

/// 64-bit numbers are strings.
fn number(value: &Value) -> u64 {
    value.as_str().expect("a string").parse().expect("a number")
}

#[test]
fn a_daemon_that_ran_out_of_files_answers_when_it_has_some_again() {
    let daemon = Daemon::start();
    daemon.limit_files(&daemon.open_files().to_string());
    let waiting = daemon.navvy.spawn(&["getinfo"]);
    wait_for("the socket to be refused a file", || {
        daemon.log().contains("the rpc socket").then_some(())
    });
    daemon.limit_files("1024");
    let said = Said::new(waiting.wait_with_output().unwrap());
    assert_eq!(said.json()["synced_to_chain"], true);
    daemon.navvy.json(&["listpeers"]);
}

#[test]
fn a_bitcoind_that_is_away_is_one_line_of_getinfo_with_what_helps() {
    let mut daemon = Daemon::start();
    let info = daemon.navvy.json(&["getinfo"]);
    let uri = info["uris"][0].as_str().unwrap();
    assert!(uri.starts_with(info["identity_pubkey"].as_str().unwrap()), "{uri}");
    assert!(daemon.log().contains(uri.split_once('@').unwrap().1), "{uri}");
    assert_eq!(
        (&info["navvy"]["synced"], &info["navvy"]["chain_problem"]),
        (&json!(true), &json!(""))
    );
    assert_eq!(info["navvy"]["end_height"], info["block_height"]);
    daemon.navvy.json(&["stop"]);
    daemon.wait_end();
    let bitcoind = ["--bitcoind", "127.0.0.1:1", "--bitcoind-cookie", "/nonexistent/.cookie"];
    let names = ["--alias", "the digger", "--external", "node.example.org"];
    daemon.launch(&[bitcoind, names].concat());
    let navvy = &daemon.navvy;
    let away = wait_for("the problem", || {
        let said = navvy.run(&["getinfo"]);
        let info = (said.code == 0).then(|| said.json())?;
        (info["navvy"]["chain_problem"] != "").then_some(info)
    });
    assert_eq!(away["synced_to_chain"], false);
    assert_eq!(away["alias"], "the digger");
    let id = info["identity_pubkey"].as_str().unwrap();
    assert_eq!(away["uris"], json!([format!("{id}@node.example.org:9735")]));
    let since = number(&away["navvy"]["chain_problem_since_ms"]);
    assert!(since > 1_700_000_000_000, "{away}");
    let table = navvy.run(&["getinfo", "-o", "table"]).out;
    let line = table.lines().find(|line| line.starts_with("chain")).unwrap();
    for words in ["no news since 20", "/nonexistent/.cookie", "is bitcoind running", "by itself"] {
        assert!(line.contains(words), "{line}");
    }
    // The time is that of the first failure in a row.
    wait_for("another look at bitcoind", || {
        let info = navvy.json(&["getinfo"]);
        assert_eq!(number(&info["navvy"]["chain_problem_since_ms"]), since);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        (now.as_millis() > u128::from(since) + 2_500).then_some(())
    });
}

#[test]
fn what_the_operator_limits_is_limited() {
    let mut daemon = Daemon::prepare();
    let file = daemon.folder.path().join("navvy.toml");
    std::fs::write(&file, "min-channel-size = 300000\nmax-channel-size = 400_000\n").unwrap();
    daemon.launch(&["--embedded-chain"]);
    daemon.wait_synced();
    daemon.navvy.json(&["connect", "--perm", &format!("{NOBODY}@127.0.0.1:1")]);
    for amount in ["299999", "400001"] {
        let said = daemon.navvy.run(&["openchannel", NOBODY, amount]);
        said.fails(20, "choose 0.00300000");
        assert!(said.errors.contains("0.00400000"), "{said:?}");
    }
    daemon.navvy.run(&["openchannel", NOBODY, "300000"]).fails(20, "fund it");
}
