//! The daemon under test, as it is released.

use crate::bitcoind::{PASSWORD, USER};
use crate::navvy;
use crate::peer::Open;
use crate::process::{Process, free_port, wait_for, wait_within};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Starts one on the bitcoind with this RPC port, and waits until it follows the chain.
    pub fn start(folder: &Path, bitcoind: u16, options: &[&str]) -> Self {
        let password = folder.join("bitcoind-password");
        std::fs::write(&password, PASSWORD).expect("a password file");
        let address = format!("127.0.0.1:{bitcoind}");
        let password = password.display().to_string();
        let mut flags = vec!["--bitcoind", &address, "--bitcoind-user", USER];
        flags.extend(["--bitcoind-password-file", &password]);
        flags.extend(options);
        let mut navvyd = Self::launch(folder, &flags);
        navvyd.learn_node_id();
        navvyd
    }

    /// Starts one with these flags beside those of its folder and address, and does not wait.
    pub fn launch(folder: &Path, flags: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut arguments = vec![
            "--data-dir".to_owned(),
            folder.join("navvyd").display().to_string(),
            "--listen".to_owned(),
            address.clone(),
        ];
        arguments.extend(flags.iter().map(ToString::to_string));
        let process = Process::start("navvyd", folder, &executable(), &arguments);
        Self { node_id: String::new(), address, folder: folder.to_owned(), arguments, process }
    }

    /// Waits until it follows the chain, and asks for its name.
    pub fn learn_node_id(&mut self) {
        let info = self.wait_synced();
        self.node_id = info["node_id"].as_str().expect("a node id").to_owned();
    }

    /// The height of its chain.
    pub fn height(&self) -> u64 {
        let answer = self.ask(&json!({"command": "info"}));
        answer["info"]["height"].as_u64().expect("a height")
    }

    /// Waits until its log has a line with all these words; the line.
    pub fn wait_logged(&self, words: &[&str]) -> String {
        wait_for(&format!("navvyd to log {words:?}"), || {
            let log = self.log();
            let mut lines = log.lines();
            lines.find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
        })
    }

    /// Waits until it says that this is wrong with the chain; all that it says.
    pub fn wait_problem(&self, words: &str) -> String {
        self.wait_logged(&["chain backend", words])
    }

    /// Waits until it ends by itself; its exit code.
    pub fn wait_end(&mut self) -> Option<i32> {
        wait_for("navvyd to end", || self.process.ended())
    }

    /// What it has printed and logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("navvyd.log")).unwrap_or_default()
    }

    /// Its memory, in megabytes.
    pub fn megabytes(&self) -> f64 {
        self.process.megabytes()
    }

    /// Another value of a flag, from the next start on.
    pub fn set_flag(&mut self, flag: &str, value: &str) {
        let at = self.arguments.iter().position(|argument| argument == flag).expect("the flag");
        value.clone_into(&mut self.arguments[at + 1]);
    }

    /// A new start with the same data, which does not wait.
    pub fn relaunch(&mut self) {
        self.process = Process::start("navvyd", &self.folder, &executable(), &self.arguments);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// A new start with the same data.
    pub fn start_again(&mut self) {
        self.process = Process::start("navvyd", &self.folder, &executable(), &self.arguments);
        self.wait_synced();
    }

    /// A new start with more flags, this once.
    pub fn start_with(&mut self, more: &[&str]) {
        let mut arguments = self.arguments.clone();
        arguments.extend(more.iter().map(ToString::to_string));
        self.process = Process::start("navvyd", &self.folder, &executable(), &arguments);
        self.wait_synced();
    }

    /// SIGKILL and a new start.
    pub fn kill_and_start(&mut self) {
        self.kill();
        self.start_again();
    }

    /// All its data, to be copied while it does not run.
    pub fn data(&self) -> PathBuf {
        self.folder.join("navvyd")
    }

    /// SIGTERM; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.process.terminate()
    }

    /// Whether it has ended, with its code.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        self.process.ended()
    }

    /// Where its RPC is.
    pub fn rpc_socket(&self) -> PathBuf {
        self.folder.join("navvyd/regtest/rpc.sock")
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

    /// Asks with the command `navvy`, in the words of [`crate::navvy`].
    pub fn ask(&self, command: &Value) -> Value {
        self.try_ask(command).unwrap_or_else(|| panic!("navvyd did not answer {command}"))
    }

    /// The same; `None` while the daemon is not there.
    pub fn try_ask(&self, command: &Value) -> Option<Value> {
        navvy::ask(&self.folder.join("navvyd/regtest/rpc.sock"), command)
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

    /// What of its coins belongs to opens, in satoshi.
    pub fn leased(&self) -> u64 {
        let answer = self.ask(&json!({"command": "balance"}));
        answer["balance"]["leased_sat"].as_u64().expect("a balance")
    }

    /// What its wallet has in blocks, in satoshi.
    pub fn confirmed(&self) -> u64 {
        let answer = self.ask(&json!({"command": "balance"}));
        answer["balance"]["confirmed_sat"].as_u64().expect("a balance")
    }

    /// Asks for an open under a name; the answer to an open that is refused at once is its text.
    pub fn try_open(&self, request: &str, open: &Open) -> Result<(), String> {
        let mut command = json!({
            "command": "open",
            "request": request,
            "node_id": open.node_id,
            "address": open.address,
            "funding_sat": open.funding_sat,
            "push_sat": open.push_sat,
            "announce": open.announce,
            "force": open.force,
        });
        if let Some(channel_type) = open.channel_type {
            command["channel_type"] = json!(channel_type.name());
        }
        if let Some(sat_per_kw) = open.sat_per_kw {
            command["sat_per_kw"] = json!(sat_per_kw);
        }
        done(&self.ask(&command))
    }

    /// Asks for an open under a name.
    pub fn open(&self, request: &str, open: &Open) {
        self.try_open(request, open).expect("an open that is not refused at once");
    }

    /// What became of an open.
    pub fn request(&self, request: &str) -> Value {
        self.requests().into_iter().find(|view| view["id"] == request).expect("the request")
    }

    /// All opens that it was ever asked for.
    pub fn requests(&self) -> Vec<Value> {
        let answer = self.ask(&json!({"command": "requests"}));
        answer["requests"].as_array().expect("requests").clone()
    }

    /// Waits until an open has this status.
    pub fn wait_request(&self, request: &str, status: &str) -> Value {
        self.wait_request_within(request, status, Duration::from_secs(60))
    }

    /// Waits so long until an open has this status.
    pub fn wait_request_within(&self, request: &str, status: &str, time: Duration) -> Value {
        wait_within(time, &format!("the request {request} to be {status}"), || {
            Some(self.request(request)).filter(|view| view["status"] == status)
        })
    }

    /// Its coins.
    pub fn coins(&self) -> Vec<Value> {
        let answer = self.ask(&json!({"command": "coins"}));
        answer["coins"].as_array().expect("coins").clone()
    }

    /// Whether this peer is connected.
    pub fn is_connected(&self, node_id: &str) -> bool {
        let answer = self.ask(&json!({"command": "peers"}));
        let peers = answer["peers"].as_array().expect("peers");
        peers.iter().any(|peer| peer["node_id"] == node_id && peer["connected"] == true)
    }

    /// Asks it to dial a peer and keep it.
    pub fn connect(&self, node_id: &str, address: &str) -> Result<(), String> {
        let command = json!({"command": "connect", "node_id": node_id, "address": address});
        done(&self.ask(&command))
    }

    /// Closes a channel.
    pub fn close(&self, channel_point: &Value, close: Close) {
        self.try_close(channel_point, close).expect("a close");
    }

    /// Asks for a close, which may be refused.
    pub fn try_close(&self, channel_point: &Value, close: Close) -> Result<(), String> {
        let answer = self.ask(&json!({
            "command": "close",
            "channel_point": channel_point,
            "force": close.force,
            "sat_per_kw": close.sat_per_kw,
        }));
        done(&answer)
    }

    /// Closes together with the peer, for this much if possible, and for no more than the limit.
    pub fn close_within(&self, channel_point: &Value, sat_per_kw: u32, limit: u32) {
        let answer = self.ask(&json!({
            "command": "close",
            "channel_point": channel_point,
            "sat_per_kw": sat_per_kw,
            "max_sat_per_kw": limit,
        }));
        done(&answer).expect("a close");
    }

    /// Waits until the peer of a channel is connected.
    pub fn wait_connected(&self) -> Value {
        wait_for("navvyd to be connected with the peer of a channel", || {
            self.channels().into_iter().find(|channel| channel["connected"] == true)
        })
    }

    /// Its channels.
    pub fn channels(&self) -> Vec<Value> {
        let answer = self.ask(&json!({"command": "channels"}));
        answer["channels"].as_array().expect("channels").clone()
    }

    /// Waits until this channel is in a state.
    pub fn wait_channel_state(&self, channel_point: &Value, state: &str) -> Value {
        self.wait_channel(channel_point, |channel| channel["state"] == state)
    }

    /// Waits until this channel is so.
    pub fn wait_channel(&self, channel_point: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(&format!("navvyd to list {channel_point} as wanted"), || {
            let mut channels = self.channels().into_iter();
            channels.find(|view| view["channel_point"] == *channel_point && wanted(view))
        })
    }

    /// Waits until a channel is in a state.
    pub fn wait_state(&self, state: &str) -> Value {
        wait_for(&format!("navvyd to have a channel in {state}"), || {
            self.channels().into_iter().find(|channel| channel["state"] == state)
        })
    }
}

/// How a channel is closed.
#[derive(Clone, Copy, Debug)]
pub struct Close {
    /// By force.
    pub force: bool,
    /// The feerate that is aimed at.
    pub sat_per_kw: u32,
}

fn done(answer: &Value) -> Result<(), String> {
    answer["error"]["text"].as_str().map_or(Ok(()), |text| Err(text.to_owned()))
}

/// `navvyd` as `tests/run` has built it, beside this test.
fn executable() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let target = test.ancestors().nth(3).expect("the target folder");
    let path = target.join("release/navvyd");
    assert!(path.exists(), "{} is missing: start these tests with tests/run", path.display());
    path
}
