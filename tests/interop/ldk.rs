//! A real LDK: the peer program of tests/peers/ldk.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::peer::{Open, Peer, PeerChannel, Refusal, Standing, Type};
use crate::process::{Process, free_port, program, wait_for};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A running LDK node.
pub struct Ldk {
    node_id: String,
    address: String,
    folder: PathBuf,
    arguments: Vec<String>,
    process: Process,
}

impl Peer for Ldk {
    const NAME: &'static str = "ldk";
    const TYPES: &'static [Type] = &[Type::Anchors, Type::StaticRemotekey];
    const OPEN_TYPES: &'static [Type] = &[Type::Anchors];
    const MINIMUM_DEPTH: u32 = 6;

    /// Nothing is but what navvyd refuses itself: no scenario asks.
    const TOO_SMALL: Refusal = Refusal { options: &[], funding_sat: 0, words: "" };
    const TWO_PENDING: &'static [&'static str] = &[];
    const PENDING_LIMIT: (usize, &'static str) = (4, "Refusing more than 4 unfunded channels");

    fn start(folder: &Path, bitcoind: &Bitcoind, options: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut arguments: Vec<String> = [
            ("--data-dir", folder.join("ldk").display().to_string()),
            ("--listen", address.clone()),
            ("--bitcoind", format!("127.0.0.1:{}", bitcoind.port)),
            ("--bitcoind-user", USER.to_owned()),
            ("--bitcoind-password", PASSWORD.to_owned()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
        arguments.extend(options.iter().map(ToString::to_string));
        let process = Process::start("ldk", folder, &program("NAVVY_LDK_EXE"), &arguments);
        let folder = folder.to_owned();
        let mut ldk = Self { node_id: String::new(), address, folder, arguments, process };
        let info = ldk.wait_info();
        ldk.node_id = info["node_id"].as_str().expect("a node id").to_owned();
        ldk
    }

    fn node_id(&self) -> String {
        self.node_id.clone()
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn new_address(&self) -> String {
        self.call(&json!({"command": "new_address"})).as_str().expect("an address").to_owned()
    }

    fn confirmed(&self) -> u64 {
        self.balance()["onchain_sat"].as_u64().expect("a balance")
    }

    /// It is told to look now: by itself it does so every 2 seconds.
    fn has_height(&self, height: u64) -> bool {
        self.ask(&json!({"command": "sync"})).is_ok()
            && self.call(&json!({"command": "info"}))["height"].as_u64() >= Some(height)
    }

    fn connect(&self, node_id: &str, address: &str) -> Result<(), String> {
        let command = json!({"command": "connect", "node_id": node_id, "address": address});
        self.ask(&command).map(|_| ())
    }

    fn disconnect(&self, node_id: &str) {
        let _ = self.ask(&json!({"command": "disconnect", "node_id": node_id}));
    }

    fn is_connected(&self, node_id: &str) -> bool {
        let info = self.call(&json!({"command": "info"}));
        info["peers"].as_array().expect("peers").iter().any(|peer| peer == node_id)
    }

    fn open(&self, open: &Open) -> Result<(), String> {
        let before = self.events().len();
        self.ask(&json!({
            "command": "open",
            "node_id": open.node_id,
            "address": open.address,
            "funding_sat": open.funding_sat,
            "push_sat": open.push_sat,
            "announce": open.announce,
        }))?;
        let answer = || {
            let events = self.events().split_off(before);
            events.iter().find_map(|event| match event["event"].as_str() {
                Some("pending") => Some(Ok(())),
                Some("closed") => Some(Err(event["reason"].to_string())),
                _ => None,
            })
        };
        wait_for("ldk to open a channel", || {
            answer().or_else(|| {
                // It keeps what was not answered yet, and offers it again on the next connection.
                let is_lost = !self.is_connected(&open.node_id);
                is_lost.then(|| answer().unwrap_or_else(|| Err("the connection ended".to_owned())))
            })
        })
    }

    fn channels(&self) -> Vec<PeerChannel> {
        let (events, balance) = (self.events(), self.balance());
        let listed = self.call(&json!({"command": "channels"}));
        let listed = listed.as_array().expect("channels");
        let mut channels: Vec<PeerChannel> = listed
            .iter()
            .filter(|channel| channel["channel_point"].is_string())
            .map(|channel| {
                let was_ready = events.iter().any(|event| {
                    event["event"] == "ready" && event["channel_id"] == channel["channel_id"]
                });
                self.open_channel(channel, was_ready, &balance)
            })
            .collect();
        let closed = events.iter().filter(|event| event["event"] == "closed");
        channels.extend(closed.filter_map(|closed| {
            let same = |event: &&Value| {
                event["event"] == "pending" && event["channel_id"] == closed["channel_id"]
            };
            Some(closed_channel(events.iter().find(same)?, closed, &balance))
        }));
        channels
    }

    fn announces(&self, channel_point: &str) -> bool {
        let channels = self.call(&json!({"command": "channels"}));
        let mut channels = channels.as_array().expect("channels").iter();
        let channel = channels.find(|channel| channel["channel_point"] == channel_point);
        let graph = self.call(&json!({"command": "graph"}));
        let graph = graph.as_array().expect("channels");
        channel.is_some_and(|channel| graph.contains(&channel["short_channel_id"]))
    }

    fn close(&self, channel_point: &str) -> Result<(), String> {
        let channel_id = self.channel_id(channel_point);
        self.ask(&json!({"command": "close", "channel_id": channel_id})).map(|_| ())
    }

    fn force_close(&self, channel_point: &str) -> Result<(), String> {
        let channel_id = self.channel_id(channel_point);
        self.ask(&json!({"command": "force_close", "channel_id": channel_id})).map(|_| ())
    }

    fn restart(&mut self) {
        self.call(&json!({"command": "stop"}));
        wait_for("ldk to end", || self.process.ended());
        self.start_again();
    }

    fn kill(&mut self) {
        self.process.kill();
    }

    fn start_again(&mut self) {
        let exe = program("NAVVY_LDK_EXE");
        self.process = Process::start("ldk", &self.folder, &exe, &self.arguments);
        self.wait_info();
    }

    fn data(&self) -> PathBuf {
        self.folder.join("ldk")
    }

    fn print_transcript(&self) {
        self.process.print_lines(&["Received message", "Enqueueing message", "clos", "Clos"]);
    }
}

impl Ldk {
    fn wait_info(&self) -> Value {
        wait_for("ldk to answer", || self.try_ask(&json!({"command": "info"}))?.ok())
    }

    /// What it answers to a command that must succeed.
    fn call(&self, command: &Value) -> Value {
        self.ask(command).unwrap_or_else(|text| panic!("ldk: {command}: {text}"))
    }

    /// What it answers; an error is its text.
    fn ask(&self, command: &Value) -> Result<Value, String> {
        self.try_ask(command).unwrap_or_else(|| panic!("ldk did not answer {command}"))
    }

    /// `None` while it is not there.
    fn try_ask(&self, command: &Value) -> Option<Result<Value, String>> {
        let mut stream = UnixStream::connect(self.folder.join("ldk/control.sock")).ok()?;
        stream.write_all(format!("{command}\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        let answer: Value = serde_json::from_str(&line).ok()?;
        match answer["error"].as_str() {
            Some(text) => Some(Err(text.to_owned())),
            None => Some(Ok(answer["done"].clone())),
        }
    }

    /// What happened to its channels since it was made.
    fn events(&self) -> Vec<Value> {
        self.call(&json!({"command": "events"})).as_array().expect("events").clone()
    }

    fn balance(&self) -> Value {
        self.call(&json!({"command": "balance"}))
    }

    fn channel_id(&self, channel_point: &str) -> Value {
        let mut events = self.events().into_iter();
        let pending = events.find(|event| event["channel_point"] == channel_point);
        pending.unwrap_or_else(|| panic!("ldk has no {channel_point}"))["channel_id"].clone()
    }

    /// One that was ready once, and says no more that it is, has begun to close.
    fn open_channel(&self, channel: &Value, was_ready: bool, balance: &Value) -> PeerChannel {
        let capacity_sat = channel["funding_sat"].as_u64().expect("an amount");
        let format = self.last_type();
        let (weight, anchors) = match format {
            Type::Anchors => (1_124, 660),
            Type::StaticRemotekey => (724, 0),
        };
        let commit_fee_sat = channel["sat_per_kw"].as_u64().expect("a feerate") * weight / 1_000;
        let lightning = balance["lightning"].as_array().expect("balances");
        let local = lightning.iter().find(|own| own["channel_id"] == channel["channel_id"]);
        let local_sat = local.map_or(0, |own| own["amount_sat"].as_u64().expect("an amount"));
        PeerChannel {
            channel_point: channel["channel_point"].as_str().expect("an outpoint").to_owned(),
            node_id: channel["node_id"].as_str().expect("a key").to_owned(),
            standing: match (channel["ready"] == true, was_ready) {
                (true, _) => Standing::Open,
                (false, true) => Standing::Closing,
                (false, false) => Standing::Pending,
            },
            active: channel["usable"] == true,
            announced: channel["announced"] == true,
            capacity_sat,
            local_sat,
            remote_sat: capacity_sat - local_sat - commit_fee_sat - anchors,
            commit_fee_sat,
            ending: String::new(),
        }
    }

    /// The type of its last channel: its list does not say.
    fn last_type(&self) -> Type {
        let lines = self.process.lines(&["AcceptChannel"]);
        let mut lines = lines.iter().filter(|line| line.contains("channel_type: "));
        let last = lines.next_back().cloned().unwrap_or_default();
        // Bit 12 alone, as LDK prints a set of features.
        let plain = last.contains("channel_type: Some([0, 16])");
        if plain { Type::StaticRemotekey } else { Type::Anchors }
    }
}

/// A channel that is over; something of it may still be on its way to the wallet.
fn closed_channel(pending: &Value, closed: &Value, balance: &Value) -> PeerChannel {
    let concerns = |own: &&Value| own["channel_id"] == closed["channel_id"];
    let lightning = balance["lightning"].as_array().expect("balances");
    let sweeps = balance["sweeps"].as_array().expect("balances");
    let rest = lightning.iter().any(|own| concerns(&own))
        || sweeps.iter().filter(concerns).any(|sweep| sweep["kind"] != "confirmed");
    PeerChannel {
        channel_point: pending["channel_point"].as_str().expect("an outpoint").to_owned(),
        node_id: pending["peer"].as_str().expect("a key").to_owned(),
        standing: if rest { Standing::Closing } else { Standing::Closed },
        active: false,
        announced: false,
        capacity_sat: 0,
        local_sat: 0,
        remote_sat: 0,
        commit_fee_sat: 0,
        ending: closed["reason"].as_str().unwrap_or_default().to_owned(),
    }
}
