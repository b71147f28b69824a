//! The daemon under test, as it is released.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::process::{Process, free_port, wait_for};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A running navvyd.
pub struct Navvyd {
    /// Its node id.
    pub node_id: String,
    /// Where it listens.
    pub address: String,
    folder: PathBuf,
    arguments: Vec<String>,
    process: Process,
}

impl Navvyd {
    /// Starts one and waits until it follows the chain.
    pub fn start(folder: &Path, bitcoind: &Bitcoind) -> Self {
        let password = folder.join("bitcoind-password");
        std::fs::write(&password, PASSWORD).expect("a password file");
        let address = format!("127.0.0.1:{}", free_port());
        let arguments = vec![
            "--data-dir".to_owned(),
            folder.join("navvyd").display().to_string(),
            "--listen".to_owned(),
            address.clone(),
            "--bitcoind".to_owned(),
            format!("127.0.0.1:{}", bitcoind.port),
            "--bitcoind-user".to_owned(),
            USER.to_owned(),
            "--bitcoind-password-file".to_owned(),
            password.display().to_string(),
        ];
        let process = Process::start("navvyd", folder, &executable(), &arguments);
        let mut navvyd =
            Self { node_id: String::new(), address, folder: folder.to_owned(), arguments, process };
        let info = navvyd.wait_synced();
        navvyd.node_id = info["node_id"].as_str().expect("a node id").to_owned();
        navvyd
    }

    /// SIGKILL and a new start.
    pub fn kill_and_start(&mut self) {
        self.process.kill();
        self.process = Process::start("navvyd", &self.folder, &executable(), &self.arguments);
        self.wait_synced();
    }

    /// SIGTERM; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.process.terminate()
    }

    /// Prints what became of its channels.
    pub fn print_transcript(&self) {
        self.process.print_lines(&[
            "channel keys_id",
            "connected",
            "connection lost",
            "listens on",
        ]);
    }

    /// Asks over the control socket.
    pub fn ask(&self, command: &Value) -> Value {
        self.try_ask(command).unwrap_or_else(|| panic!("navvyd did not answer {command}"))
    }

    /// Asks over the control socket; `None` while it is not there.
    pub fn try_ask(&self, command: &Value) -> Option<Value> {
        let socket = self.folder.join("navvyd/regtest/control.sock");
        let mut stream = UnixStream::connect(socket).ok()?;
        stream.write_all(format!("{command}\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Waits until it says that there is nothing more to follow.
    pub fn wait_synced(&self) -> Value {
        wait_for("navvyd to follow the chain", || {
            let answer = self.try_ask(&json!({"command": "info"}))?;
            Some(answer["info"].clone()).filter(|info| info["synced"] == true)
        })
    }

    /// Waits until it has followed the chain to this height.
    pub fn wait_height(&self, height: u64) {
        wait_for("navvyd to reach the tip", || {
            let answer = self.try_ask(&json!({"command": "info"}))?;
            (answer["info"]["height"].as_u64()? >= height).then_some(())
        });
    }

    /// A fresh address.
    pub fn new_address(&self) -> String {
        let answer = self.ask(&json!({"command": "new_address"}));
        answer["address"].as_str().expect("an address").to_owned()
    }

    /// What its wallet has in blocks, in satoshi.
    pub fn confirmed(&self) -> u64 {
        let answer = self.ask(&json!({"command": "balance"}));
        answer["balance"]["confirmed_sat"].as_u64().expect("a balance")
    }

    /// Its channels.
    pub fn channels(&self) -> Vec<Value> {
        let answer = self.ask(&json!({"command": "channels"}));
        answer["channels"].as_array().expect("channels").clone()
    }

    /// Waits until its only channel is in a state.
    pub fn wait_state(&self, state: &str) -> Value {
        wait_for(&format!("navvyd to have a channel in {state}"), || {
            self.channels().into_iter().find(|channel| channel["state"] == state)
        })
    }
}

/// `navvyd` as `tests/run` has built it, beside this test.
fn executable() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let target = test.ancestors().nth(3).expect("the target folder");
    let path = target.join("release/navvyd");
    assert!(path.exists(), "{} is missing: start these tests with tests/run", path.display());
    path
}
