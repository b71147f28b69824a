//! Channels between the two nodes of `demo --keep`.

use crate::world::{Daemon, Demo, NOBODY, Navvy, interrupt, read_all, read_until, rest, wait_for};
use serde_json::{Value, json};
use std::io::BufReader;

#[test]
fn an_open_and_a_close_are_followed_step_by_step() {
    let demo = Demo::keep();
    let open = demo.alice.spawn(&[
        "openchannel",
        &demo.bob_uri(),
        "400000",
        "100000",
        "--request",
        "first",
        "--wait",
    ]);
    wait_for("the open to be pending", || pending(&demo.alice));
    in_the_mempool(&demo.alice);
    demo.mine(2);
    demo.mine(4);
    let open = rest(open);
    assert_eq!(open.code, 0, "{open:?}");
    let lines = open.lines();
    let steps: Vec<&str> = lines.iter().filter_map(|line| line["to"].as_str()).collect();
    for state in ["WaitForAcceptChannel", "WaitForFundingSigned", "WaitForChannelReady", "Normal"] {
        assert!(steps.contains(&state), "{state} is missing in {steps:?}");
    }
    let mut confirmations = lines.iter().filter(|line| line["event"] == "confirmations");
    let last = confirmations.next_back().expect("confirmations");
    assert_eq!(last["confirmations"], "3/3", "{lines:?}");
    let end = lines.last().unwrap();
    assert_eq!((&end["event"], &end["request_id"]), (&json!("open"), &json!("first")));

    let point = end["channel_point"].as_str().unwrap();
    let channel = &demo.alice.json(&["listchannels"])["channels"][0];
    assert_eq!(channel["channel_point"], point);
    assert_eq!(
        (&channel["capacity"], &channel["push_amount_sat"]),
        (&json!("400000"), &json!("100000"))
    );
    assert_eq!(channel["commitment_type"], "ANCHORS");
    shown(&demo.alice, point);
    held(&demo);

    // The same name is the same open.
    let again =
        demo.alice.run(&["openchannel", &demo.bob_uri(), "400000", "100000", "--request", "first"]);
    assert_eq!(again.json()["channel_point"], point);
    assert_eq!(demo.alice.json(&["listchannels"])["channels"].as_array().unwrap().len(), 1);

    let close = demo.alice.spawn(&["closechannel", point, "--wait"]);
    wait_for("the close to be pending", || {
        let pending = demo.alice.json(&["pendingchannels"]);
        let close = pending["waiting_close_channels"].get(0)?.clone();
        (close["closing_txid"] != "").then_some(())
    });
    demo.mine(6);
    let close = rest(close);
    assert_eq!(close.code, 0, "{close:?}");
    let end = close.lines().pop().unwrap();
    assert_eq!((&end["event"], &end["ending"]), (&json!("closed"), &json!("mutual close")));
    let closed = &demo.bob.json(&["closedchannels"])["channels"][0];
    assert_eq!(closed["closing_tx_hash"], end["closing_txid"]);
    assert_eq!(closed["close_type"], "COOPERATIVE_CLOSE");
    assert_eq!(demo.interrupt(), Some(0));
}

fn pending(navvy: &Navvy) -> Option<Value> {
    navvy.json(&["pendingchannels"])["pending_open_channels"].get(0).cloned()
}

/// The funding transaction, in all places that speak of it.
fn in_the_mempool(navvy: &Navvy) {
    let pending = wait_for("the backend's answer", || {
        let pending = navvy.json(&["pendingchannels"]);
        (pending["navvy"]["unconfirmed"][0]["standing"] == "held").then_some(pending)
    });
    let point = &pending["pending_open_channels"][0]["channel"]["channel_point"];
    assert_eq!(&pending["navvy"]["unconfirmed"][0]["channel_point"], point);
    let point = point.as_str().unwrap();
    for verb in [vec!["pendingchannels"], vec!["show", point], vec!["getinfo"]] {
        let table = navvy.run(&[verb.as_slice(), &["-o", "table"]].concat()).out;
        assert!(table.contains("in the mempool"), "{verb:?}: {table}");
    }
}

/// By each of its three names, for people and for programs, and in the journal.
fn shown(navvy: &Navvy, point: &str) {
    let first = navvy.json(&["show", "first"]);
    assert_eq!(first["opens"][0]["state"], "Normal");
    let keys_id = first["opens"][0]["keys_id"].as_str().unwrap();
    for name in [point, keys_id] {
        let shown = navvy.json(&["show", name]);
        assert_eq!(shown["opens"][0]["channel_point"], point, "{name}");
    }
    let text = navvy.run(&["show", "first", "-o", "table"]).out;
    for words in ["Normal", "confirmations", "WaitForFundingSigned -> WaitForChannelReady"] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    let events = navvy.run(&["events"]).lines();
    let numbers: Vec<u64> =
        events.iter().map(|event| event["number"].as_str().unwrap().parse().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers.len() > 3, "{numbers:?}");
    let last = numbers.last().unwrap().to_string();
    let newest = navvy.run(&["events", "--since", &last]).lines();
    assert_eq!(newest.last(), events.last());
    let requests = navvy.json(&["requests"]);
    assert_eq!(requests["requests"][0]["status"], "funded");
}

/// All opens at a glance, and the coin that an open waits with.
fn held(demo: &Demo) {
    let all = demo.alice.json(&["show"]);
    assert_eq!(all["opens"].as_array().unwrap().len(), 1);
    demo.alice.json(&["connect", "--perm", &format!("{NOBODY}@127.0.0.1:1")]);
    demo.alice.json(&["openchannel", NOBODY, "200000", "--request", "waits", "--no_wait"]);
    let requests = demo.alice.json(&["requests", "--undecided_only"]);
    assert_eq!(requests["requests"][0]["status"], "wait_for_peer");
    demo.alice.json(&["cancel", "waits"]);
    let requests = demo.alice.json(&["requests", "--undecided_only"]);
    assert_eq!(requests, json!({"requests": []}));
    let failed = demo.alice.run(&["openchannel", NOBODY, "200000", "--request", "waits", "--wait"]);
    failed.fails(22, "the open failed");
    let coins = demo.alice.json(&["coins"]);
    assert!(coins["coins"].as_array().unwrap().iter().all(|coin| coin["leased_by"] == ""));
}

#[test]
fn people_see_a_bar_and_ctrl_c_ends_only_the_waiting() {
    let demo = Demo::keep();
    let uri = demo.bob_uri();
    let mut open = demo.alice.spawn(&[
        "openchannel",
        &uri,
        "300000",
        "--request",
        "mine",
        "--wait",
        "-o",
        "table",
    ]);
    let mut out = BufReader::new(open.stdout.take().unwrap());
    read_until(&mut out, "-> WaitForChannelReady");
    wait_for("the open to be pending", || pending(&demo.alice));
    demo.mine(1);
    wait_for("one confirmation", || {
        (pending(&demo.alice)?["confirmations_until_active"] == 2).then_some(())
    });
    wait_for("the bar", || {
        // The bar has no end of line: what there is of it is read after the end.
        (demo.alice.json(&["show", "mine"])["opens"][0]["confirmations"] == 1).then_some(())
    });
    interrupt(&open);
    let bar = read_all(&mut out);
    let said = rest(open);
    said.fails(130, "the open goes on without this command");
    assert!(said.errors.contains("navvy show mine"), "{said:?}");
    assert!(bar.contains("/3 confirmations"), "{bar:?}");
    demo.mine(5);
    wait_for("the open to have gone on", || {
        (demo.alice.json(&["show", "mine"])["opens"][0]["state"] == "Normal").then_some(())
    });
}

#[test]
fn the_commands_that_the_demo_prints_work_as_they_stand() {
    let demo = Demo::keep();
    let commands = demo.commands();
    assert!(commands.len() >= 5, "{}", demo.said);
    for command in commands {
        let is_wait = command.contains(&"--wait") || command.contains(&"--follow");
        if is_wait {
            continue;
        }
        let said = demo.alice.run(&command[2..]);
        assert_eq!(said.code, 0, "{command:?}: {said:?}");
    }
}

#[test]
fn a_wait_goes_on_over_a_restart_of_the_daemon() {
    let mut daemon = Daemon::start();
    let navvy = &daemon.navvy;
    navvy.json(&["regtest", "fund", &navvy.address(), "1000000"]);
    wait_for("the coin", || {
        (navvy.json(&["walletbalance"])["confirmed_balance"] == "1000000").then_some(())
    });
    navvy.json(&["connect", "--perm", &format!("{NOBODY}@127.0.0.1:1")]);
    let mut open =
        navvy.spawn(&["openchannel", NOBODY, "200000", "--request", "patient", "--wait"]);
    let mut out = BufReader::new(open.stdout.take().unwrap());
    wait_for("the request", || {
        (navvy.json(&["requests"])["requests"][0]["status"] == "wait_for_peer").then_some(())
    });
    daemon.kill();
    read_until(&mut out, r#""event":"away""#);
    daemon.start_again();
    daemon.navvy.json(&["cancel", "patient"]);
    let said = rest(open);
    said.fails(22, "the open failed");
}

#[test]
fn an_open_that_does_not_confirm_is_bumped_or_cancelled() {
    let demo = Demo::keep();
    let uri = demo.bob_uri();
    demo.alice.json(&["openchannel", &uri, "300000", "--request", "slow"]);
    let bumped = demo.alice.json(&["bump", "slow", "--sat_per_vbyte", "20"]);
    assert_eq!(bumped["txid"].as_str().unwrap().len(), 64, "{bumped}");
    let said = demo.alice.run(&["cancel", "slow", "--sat_per_vbyte", "60", "-o", "table"]);
    assert!(said.code == 0 && said.out.starts_with("txid"), "{said:?}");
    demo.mine(6);
    wait_for("the open to be over", || {
        let pending = demo.alice.json(&["pendingchannels"]);
        pending["pending_open_channels"].as_array()?.is_empty().then_some(())
    });
    demo.alice.run(&["bump", "no-such-open"]).fails(20, "");
}
