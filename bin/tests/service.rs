//! What the service manager hears: the real daemon, and a socket in the place of systemd's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test ends at the first surprise"
)]

#[path = "service/nodes.rs"]
mod nodes;
#[path = "service/systemd.rs"]
mod systemd;

use bin::service::{Notify, attend, see_off};
use node::{Effect, Notice};
use nodes::{Gate, Nodes};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use systemd::{Manager, Navvyd};
use tempfile::TempDir;
use wire::Message;

#[test]
fn it_is_ready_when_it_serves_then_says_how_it_is_and_that_it_lives() {
    let folder = TempDir::new().unwrap();
    let manager = Manager::new(folder.path());
    let mut navvyd = Navvyd::start(folder.path(), &manager, Some("400000"), &["--embedded-chain"]);
    manager.wait("READY=1");
    // Both are there now, not soon.
    TcpStream::connect(navvyd.address()).unwrap();
    assert!(navvyd.sockets().next().is_some(), "no socket for clients");
    let status = manager.wait("STATUS=block 1, synced");
    assert!(status.ends_with("0 opens pending, 0 channels open, 0 peers"), "{status}");
    for _ in 0..5 {
        manager.wait("WATCHDOG=1");
    }
    navvyd.signal("TERM");
    manager.wait("STOPPING=1");
    assert_eq!(navvyd.ended(), Some(0));
}

#[test]
fn a_new_node_waits_for_its_backend_and_an_old_one_is_up_without() {
    let folder = TempDir::new().unwrap();
    let manager = Manager::new(folder.path());
    let nobody = ["--bitcoind", "127.0.0.1:1", "--bitcoind-cookie", "/nonexistent"];
    let mut waiting = Navvyd::start(folder.path(), &manager, None, &nobody);
    let status = manager.wait("STATUS=a new node waits for its chain backend: ");
    assert!(status.contains("/nonexistent"), "{status}");
    manager.wait("EXTEND_TIMEOUT_USEC=");
    waiting.signal("TERM");
    assert_eq!(waiting.ended(), None, "a signal ends it");
    assert!(!manager.has_heard("READY=1"));

    let mut first = Navvyd::start(folder.path(), &manager, None, &["--embedded-chain"]);
    manager.wait("READY=1");
    first.signal("TERM");
    assert_eq!(first.ended(), Some(0));
    let mut again = Navvyd::start(folder.path(), &manager, None, &nobody);
    manager.wait("READY=1");
    TcpStream::connect(again.address()).unwrap();
    let status = manager.wait("no news of the chain: ");
    assert!(status.contains("/nonexistent"), "{status}");
    again.signal("TERM");
    assert_eq!(again.ended(), Some(0));
}

#[test]
fn a_hang_up_opens_the_log_file_anew_and_reads_the_level() {
    let folder = TempDir::new().unwrap();
    let manager = Manager::new(folder.path());
    let (config, log) = (folder.path().join("navvy.toml"), folder.path().join("log"));
    let write = |level: &str| {
        let log = log.display();
        let text =
            format!("embedded-chain = true\nlog-file = \"{log}\"\nlog-level = \"{level}\"\n");
        std::fs::write(&config, text).unwrap();
    };
    write("info");
    let arguments = ["--config", config.to_str().unwrap()];
    let mut navvyd = Navvyd::start(folder.path(), &manager, None, &arguments);
    manager.wait("READY=1");
    std::fs::rename(&log, folder.path().join("log.1")).unwrap();
    for (level, words) in
        [("debug", "read log-level anew levels=\"debug\""), ("loud", "log-level stays as it was")]
    {
        write(level);
        navvyd.signal("HUP");
        manager.wait("RELOADING=1");
        manager.wait("READY=1");
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.contains(words), "{text}");
        assert!(!text.contains('\u{1b}'), "escape codes in a file: {text}");
    }
    let before = std::fs::read_to_string(folder.path().join("log.1")).unwrap();
    assert!(before.contains("listening for peers"), "{before}");
    navvyd.signal("TERM");
    assert_eq!(navvyd.ended(), Some(0));
}

#[test]
fn a_core_that_is_stuck_does_not_ping() {
    let folder = TempDir::new().unwrap();
    let manager = Manager::new(folder.path());
    let gate = Gate::default();
    let at_gate = gate.clone();
    let nodes = Nodes::start(
        folder.path(),
        Some(Box::new(move |effect| {
            if let Effect::Notify(notice) = effect
                && matches!(**notice, Notice::Block { .. })
            {
                at_gate.pass();
            }
        })),
    );
    let notify = Arc::new(Notify::new(manager.path(), Some("400000")));
    let task = nodes.bob.runtime().spawn(attend(notify, nodes.bob.client()));
    manager.wait("WATCHDOG=1");
    gate.close();
    nodes.mine(1);
    gate.wait_for_someone();
    manager.forget();
    // Longer than a manager with this watchdog would wait.
    assert_eq!(manager.next(Duration::from_millis(1_500)), None);
    gate.open();
    manager.wait("WATCHDOG=1");
    task.abort();
    nodes.stop();
}

#[test]
fn a_stop_asks_for_time_while_funding_created_is_unanswered() {
    let folder = TempDir::new().unwrap();
    let manager = Manager::new(folder.path());
    let gate = Gate::default();
    let at_gate = gate.clone();
    let nodes = Nodes::start(
        folder.path(),
        Some(Box::new(move |effect| {
            if let Effect::Send { message, .. } = effect
                && matches!(**message, Message::FundingSigned(_))
            {
                at_gate.pass();
            }
        })),
    );
    nodes.fund_alice();
    gate.close();
    nodes.open();
    gate.wait_for_someone();
    let notify = Arc::new(Notify::new(manager.path(), None));
    let Nodes { alice, bob, .. } = nodes;
    alice.runtime().spawn(see_off(notify, alice.client()));
    let client = alice.client();
    let stop = std::thread::spawn(move || alice.stop());
    manager.wait("STOPPING=1");
    manager.wait("EXTEND_TIMEOUT_USEC=");
    manager.wait("STATUS=stopping: funding_signed is awaited for 1");
    assert!(!stop.is_finished(), "it waits for funding_signed");
    gate.open();
    stop.join().unwrap().unwrap();
    assert!(matches!(client.ask_blocking(node::Command::Info), node::Reply::Failed(_)));
    bob.stop().unwrap();
}
