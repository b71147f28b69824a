//! A real LND.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::process::{Process, free_port, program, wait_for};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running lnd.
pub struct Lnd {
    /// Its node id.
    pub node_id: String,
    /// Where it listens.
    pub address: String,
    folder: PathBuf,
    rpc: u16,
    process: Process,
}

impl Lnd {
    /// Starts one and waits until it follows the chain.
    pub fn start(folder: &Path, bitcoind: &Bitcoind) -> Self {
        let data = folder.join("lnd");
        let (listen, rpc, rest) = (free_port(), free_port(), free_port());
        let arguments = [
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
        let process = Process::start("lnd", folder, &program("NAVVY_LND_EXE"), &arguments);
        let mut lnd = Self {
            node_id: String::new(),
            address: format!("127.0.0.1:{listen}"),
            folder: data,
            rpc,
            process,
        };
        let info = wait_for("lnd to follow the chain", || {
            lnd.try_call(&["getinfo"]).filter(|info| info["synced_to_chain"] == true)
        });
        lnd.node_id = info["identity_pubkey"].as_str().expect("a node id").to_owned();
        lnd
    }

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

    /// A fresh address of its wallet.
    pub fn new_address(&self) -> String {
        self.call(&["newaddress", "p2wkh"])["address"].as_str().expect("an address").to_owned()
    }

    /// What its wallet has in blocks, in satoshi.
    pub fn confirmed(&self) -> u64 {
        number(&self.call(&["walletbalance"])["confirmed_balance"])
    }

    /// Waits until it lists a channel with this peer as active.
    pub fn wait_active(&self, peer: &str) -> Value {
        wait_for("lnd to list the channel as active", || {
            let channels = self.call(&["listchannels"]);
            let channels = channels["channels"].as_array()?.clone();
            channels.into_iter().find(|c| c["remote_pubkey"] == peer && c["active"] == true)
        })
    }

    /// Waits until it lists a pending open with this peer.
    pub fn wait_pending(&self, peer: &str) -> Value {
        wait_for("lnd to list the open as pending", || {
            let pending = self.call(&["pendingchannels"]);
            let pending = pending["pending_open_channels"].as_array()?.clone();
            pending.into_iter().find(|c| c["channel"]["remote_node_pub"] == peer)
        })
    }

    /// Waits until it lists the channel as closed.
    pub fn wait_closed(&self, channel_point: &str) -> Value {
        wait_for("lnd to list the channel as closed", || {
            let closed = self.call(&["closedchannels"]);
            let closed = closed["channels"].as_array()?.clone();
            closed.into_iter().find(|channel| channel["channel_point"] == channel_point)
        })
    }

    /// Prints what it said and heard.
    pub fn print_transcript(&self) {
        self.process.print_lines(&["Sending ", "Received ", "FNDG: ", "CHCL: "]);
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program("NAVVY_LNCLI_EXE"))
            .arg(format!("--lnddir={}", self.folder.display()))
            .arg(format!("--rpcserver=127.0.0.1:{}", self.rpc))
            .arg("--network=regtest")
            .args(arguments)
            .output()
            .expect("lncli");
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}

/// LND prints 64-bit numbers as strings.
pub fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
}
