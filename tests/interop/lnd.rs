//! A real LND.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::peer::{Open, Peer, PeerChannel, Refusal, Standing, Type};
use crate::process::{Process, free_port, program, wait_within};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running lnd.
pub struct Lnd {
    node_id: String,
    address: String,
    folder: PathBuf,
    rpc: u16,
    arguments: Vec<String>,
    process: Process,
}

impl Peer for Lnd {
    const NAME: &'static str = "lnd";
    const TYPES: &'static [Type] = &[Type::Anchors, Type::StaticRemotekey];
    const OPEN_TYPES: &'static [Type] = Self::TYPES;
    const MINIMUM_DEPTH: u32 = 4;
    const TOO_SMALL: Refusal = Refusal {
        options: &["--minchansize=100000"],
        funding_sat: 50_000,
        words: "below min chan size",
    };
    const TWO_PENDING: &'static [&'static str] = &["--maxpendingchannels=2"];
    const PENDING_LIMIT: (usize, &'static str) = (1, "pending channels exceed maximum");

    fn start(folder: &Path, bitcoind: &Bitcoind, options: &[&str]) -> Self {
        let data = folder.join("lnd");
        let (listen, rpc, rest) = (free_port(), free_port(), free_port());
        let mut arguments = vec![
            format!("--lnddir={}", data.display()),
            "--bitcoin.regtest".to_owned(),
            "--bitcoin.node=bitcoind".to_owned(),
            format!("--bitcoind.rpchost=127.0.0.1:{}", bitcoind.port),
            format!("--bitcoind.rpcuser={USER}"),
            format!("--bitcoind.rpcpass={PASSWORD}"),
            "--bitcoind.rpcpolling".to_owned(),
            "--bitcoind.blockpollinginterval=200ms".to_owned(),
            "--bitcoind.txpollinginterval=200ms".to_owned(),
            "--noseedbackup".to_owned(),
            "--nobootstrap".to_owned(),
            format!("--listen=127.0.0.1:{listen}"),
            format!("--rpclisten=127.0.0.1:{rpc}"),
            format!("--restlisten=127.0.0.1:{rest}"),
            "--debuglevel=info,PEER=debug,FNDG=debug,CHCL=debug".to_owned(),
        ];
        arguments.extend(options.iter().map(ToString::to_string));
        let process = Process::start("lnd", folder, &program("NAVVY_LND_EXE"), &arguments);
        let mut lnd = Self {
            node_id: String::new(),
            address: format!("127.0.0.1:{listen}"),
            folder: data,
            rpc,
            arguments,
            process,
        };
        let info = lnd.wait_ready();
        lnd.node_id = info["identity_pubkey"].as_str().expect("a node id").to_owned();
        lnd
    }

    fn node_id(&self) -> String {
        self.node_id.clone()
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn new_address(&self) -> String {
        text(&self.call(&["newaddress", "p2wkh"])["address"])
    }

    fn confirmed(&self) -> u64 {
        number(&self.call(&["walletbalance"])["confirmed_balance"])
    }

    fn has_height(&self, height: u64) -> bool {
        let info = self.call(&["getinfo"]);
        number(&info["block_height"]) >= height && info["synced_to_chain"] == true
    }

    fn connect(&self, node_id: &str, address: &str) -> Result<(), String> {
        match self.run(&["connect", &format!("{node_id}@{address}")]) {
            (false, text) if !text.contains("already connected") => Err(text),
            _ => Ok(()),
        }
    }

    fn disconnect(&self, node_id: &str) {
        let _ = self.run(&["disconnect", node_id]);
    }

    fn is_connected(&self, node_id: &str) -> bool {
        list(&self.call(&["listpeers"])["peers"]).iter().any(|peer| peer["pub_key"] == node_id)
    }

    fn open(&self, open: &Open) -> Result<(), String> {
        let mut arguments = vec![
            "openchannel".to_owned(),
            format!("--node_key={}", open.node_id),
            format!("--connect={}", open.address),
            format!("--local_amt={}", open.funding_sat),
            format!("--push_amt={}", open.push_sat),
            "--sat_per_vbyte=5".to_owned(),
        ];
        if !open.announce {
            arguments.push("--private".to_owned());
        }
        match open.channel_type {
            None => {}
            Some(Type::Anchors) => arguments.push("--channel_type=anchors".to_owned()),
            Some(Type::StaticRemotekey) => arguments.push("--channel_type=tweakless".to_owned()),
        }
        self.done(&arguments)
    }

    fn channels(&self) -> Vec<PeerChannel> {
        let pending = self.call(&["pendingchannels"]);
        let mut all = Vec::new();
        for (key, standing) in [
            ("pending_open_channels", Standing::Pending),
            ("waiting_close_channels", Standing::Closing),
            ("pending_force_closing_channels", Standing::Closing),
        ] {
            all.extend(list(&pending[key]).iter().map(|entry| pending_channel(entry, standing)));
        }
        all.extend(list(&self.call(&["listchannels"])["channels"]).iter().map(open_channel));
        all.extend(list(&self.call(&["closedchannels"])["channels"]).iter().map(closed_channel));
        all
    }

    fn announces(&self, channel_point: &str) -> bool {
        let graph = self.call(&["describegraph"]);
        list(&graph["edges"]).iter().any(|edge| edge["chan_point"] == channel_point)
    }

    /// The command ends with the transaction, which may be far away; an error comes at once.
    fn close(&self, channel_point: &str) -> Result<(), String> {
        let mut command = self.command();
        command.args(["closechannel", "--sat_per_vbyte=5"]);
        command.arg(format!("--chan_point={channel_point}"));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("lncli");
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody listens when it took longer.
            let _ = sender.send(child.wait_with_output().expect("an output"));
        });
        match ended.recv_timeout(AT_ONCE) {
            Ok(output) if !output.status.success() => {
                Err(String::from_utf8_lossy(&output.stderr).into_owned())
            }
            _ => Ok(()),
        }
    }

    fn force_close(&self, channel_point: &str) -> Result<(), String> {
        let point = format!("--chan_point={channel_point}");
        self.done(&["closechannel".to_owned(), "--force".to_owned(), point])
    }

    fn restart(&mut self) {
        self.process.terminate();
        self.start_again();
    }

    fn kill(&mut self) {
        self.process.kill();
    }

    fn start_again(&mut self) {
        let folder = self.folder.parent().expect("a folder");
        self.process = Process::start("lnd", folder, &program("NAVVY_LND_EXE"), &self.arguments);
        self.wait_ready();
    }

    fn data(&self) -> PathBuf {
        self.folder.clone()
    }

    fn print_transcript(&self) {
        self.process.print_lines(&["Sending ", "Received ", "FNDG: ", "CHCL: "]);
    }
}

impl Lnd {
    /// Calls lncli.
    pub fn call(&self, arguments: &[&str]) -> Value {
        let (ok, text) = self.run(arguments);
        assert!(ok, "lncli {arguments:?}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Calls lncli; `None` for an error.
    pub fn try_call(&self, arguments: &[&str]) -> Option<Value> {
        let (ok, text) = self.run(arguments);
        ok.then(|| serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn done(&self, arguments: &[String]) -> Result<(), String> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (ok, text) = self.run(&arguments);
        if ok { Ok(()) } else { Err(text.trim().to_owned()) }
    }

    fn wait_ready(&self) -> Value {
        // On a machine that does much else it takes its time.
        wait_within(Duration::from_secs(180), "lnd to follow the chain", || {
            self.try_call(&["getinfo"]).filter(|info| info["synced_to_chain"] == true)
        })
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command().args(arguments).output().expect("lncli");
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// lncli, which nobody waits for without end.
    fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg("60")
            .arg(program("NAVVY_LNCLI_EXE"))
            .arg(format!("--lnddir={}", self.folder.display()))
            .arg(format!("--rpcserver=127.0.0.1:{}", self.rpc))
            .arg("--network=regtest");
        command
    }
}

fn pending_channel(entry: &Value, standing: Standing) -> PeerChannel {
    let channel = &entry["channel"];
    PeerChannel {
        channel_point: text(&channel["channel_point"]),
        node_id: text(&channel["remote_node_pub"]),
        standing,
        active: false,
        announced: channel["private"] == false,
        capacity_sat: number(&channel["capacity"]),
        local_sat: number(&channel["local_balance"]),
        remote_sat: number(&channel["remote_balance"]),
        commit_fee_sat: entry.get("commit_fee").map_or(0, number),
        ending: String::new(),
    }
}

fn open_channel(channel: &Value) -> PeerChannel {
    PeerChannel {
        channel_point: text(&channel["channel_point"]),
        node_id: text(&channel["remote_pubkey"]),
        standing: Standing::Open,
        active: channel["active"] == true,
        announced: channel["private"] == false,
        capacity_sat: number(&channel["capacity"]),
        local_sat: number(&channel["local_balance"]),
        remote_sat: number(&channel["remote_balance"]),
        commit_fee_sat: number(&channel["commit_fee"]),
        ending: String::new(),
    }
}

fn closed_channel(channel: &Value) -> PeerChannel {
    PeerChannel {
        channel_point: text(&channel["channel_point"]),
        node_id: text(&channel["remote_pubkey"]),
        standing: Standing::Closed,
        active: false,
        announced: false,
        capacity_sat: number(&channel["capacity"]),
        local_sat: number(&channel["settled_balance"]),
        remote_sat: 0,
        commit_fee_sat: 0,
        ending: text(&channel["close_type"]),
    }
}

/// LND prints 64-bit numbers as strings.
pub fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// An error of a close that comes at all comes within this.
const AT_ONCE: Duration = Duration::from_secs(1);
