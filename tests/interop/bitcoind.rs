//! A real Bitcoin Core on regtest, without wallet and without ZMQ.

use crate::process::{Process, free_port, program, wait_for};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A running bitcoind.
pub struct Bitcoind {
    /// The port of its RPC.
    pub port: u16,
    folder: PathBuf,
    cli: PathBuf,
    arguments: Vec<String>,
    /// User and password; with none of them there is a cookie.
    login: Vec<String>,
    process: Process,
}

impl Bitcoind {
    /// Starts one with these flags and waits until it answers.
    pub fn start(folder: &Path, options: &[&str]) -> Self {
        let login = vec![format!("-rpcuser={USER}"), format!("-rpcpassword={PASSWORD}")];
        Self::start_as(folder, login, options)
    }

    /// Starts one that makes a cookie, with these flags too.
    pub fn start_with_cookie(folder: &Path, options: &[&str]) -> Self {
        Self::start_as(folder, Vec::new(), options)
    }

    fn start_as(folder: &Path, login: Vec<String>, options: &[&str]) -> Self {
        let exe = program("BITCOIND_EXE");
        let cli = exe.with_file_name("bitcoin-cli");
        let data = folder.join("bitcoind");
        std::fs::create_dir_all(&data).expect("a folder");
        let port = free_port();
        let mut arguments = vec![
            "-regtest".to_owned(),
            format!("-datadir={}", data.display()),
            format!("-rpcport={port}"),
            "-listen=0".to_owned(),
            "-dnsseed=0".to_owned(),
            "-fixedseeds=0".to_owned(),
            "-discover=0".to_owned(),
            // Each node that waits for a block holds one of them.
            "-rpcthreads=64".to_owned(),
        ];
        arguments.extend_from_slice(&login);
        arguments.extend(options.iter().map(ToString::to_string));
        let process = Process::start("bitcoind", folder, &exe, &arguments);
        let bitcoind = Self { port, folder: data, cli, arguments, login, process };
        bitcoind.wait_ready();
        bitcoind
    }

    /// Where its cookie is, if it makes one.
    pub fn cookie(&self) -> PathBuf {
        self.folder.join("regtest/.cookie")
    }

    /// The hash of the block at this height.
    pub fn hash_at(&self, height: u64) -> String {
        let hash = self.call(&["getblockhash", &height.to_string()]);
        hash.as_str().expect("a hash").to_owned()
    }

    /// Mines a block without any transaction of the mempool.
    pub fn mine_empty(&self) {
        self.call(&["generateblock", NOBODY, "[]"]);
    }

    fn wait_ready(&self) {
        wait_for("bitcoind to answer", || self.try_call(&["getblockcount"]));
    }

    /// Its clock, and so its blocks, are three hours behind.
    pub fn turn_clock_back(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        self.call(&["setmocktime", &(now - 3 * 60 * 60).to_string()]);
    }

    /// Its clock goes right.
    pub fn set_clock_right(&self) {
        self.call(&["setmocktime", "0"]);
    }

    /// Stops, and starts with the same data and these flags too.
    pub fn restart_with(&mut self, flags: &[&str]) {
        self.stop();
        self.start_again(flags);
    }

    /// SIGTERM, and the end.
    pub fn stop(&mut self) {
        assert_eq!(self.process.terminate(), Some(0));
    }

    /// A new start after [`Self::stop`], with further flags.
    pub fn start_again(&mut self, flags: &[&str]) {
        let folder = self.folder.parent().expect("a folder");
        let mut arguments = self.arguments.clone();
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let exe = program("BITCOIND_EXE");
        self.process = Process::start("bitcoind", folder, &exe, &arguments);
        self.wait_ready();
    }

    /// Calls an RPC.
    pub fn call(&self, arguments: &[&str]) -> Value {
        self.try_call(arguments).unwrap_or_else(|| panic!("bitcoin-cli {arguments:?} failed"))
    }

    /// Calls an RPC; `None` for an error.
    pub fn try_call(&self, arguments: &[&str]) -> Option<Value> {
        let output = Command::new(&self.cli)
            .arg("-regtest")
            .arg(format!("-datadir={}", self.folder.display()))
            .arg(format!("-rpcport={}", self.port))
            .args(&self.login)
            .args(arguments)
            .output()
            .expect("bitcoin-cli");
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Some(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.trim().to_owned())))
    }

    /// Mines to an address.
    pub fn mine_to(&self, blocks: u32, address: &str) {
        self.call(&["generatetoaddress", &blocks.to_string(), address]);
    }

    /// Mines to nobody in particular.
    pub fn mine(&self, blocks: u32) {
        self.mine_to(blocks, NOBODY);
    }

    /// Mines a block with these transactions, given in full or by id, and no others. Its coinbase is like no
    /// other's, so that it is not a block again that was taken back in the same second.
    pub fn mine_only(&self, transactions: &[&str]) {
        let list = serde_json::to_string(transactions).expect("a list");
        let number = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed);
        self.call(&["generateblock", &format!("raw(6a04{number:08x})"), &list]);
    }

    /// Takes back the last blocks; what was in them waits in the mempool.
    pub fn take_back(&self, blocks: u32) {
        let height = self.height() + 1 - u64::from(blocks);
        let hash = self.call(&["getblockhash", &height.to_string()]);
        self.call(&["invalidateblock", hash.as_str().expect("a hash")]);
    }

    /// The tip's height.
    pub fn height(&self) -> u64 {
        self.call(&["getblockcount"]).as_u64().expect("a height")
    }

    /// The transactions in the mempool.
    pub fn mempool(&self) -> Vec<String> {
        let txids = self.call(&["getrawmempool"]);
        let txids = txids.as_array().expect("txids").iter();
        txids.filter_map(|txid| txid.as_str().map(str::to_owned)).collect()
    }

    /// Waits for so many transactions in the mempool.
    pub fn wait_mempool(&self, count: usize) -> Vec<String> {
        wait_for(&format!("{count} transactions in the mempool"), || {
            Some(self.mempool()).filter(|txids| txids.len() >= count)
        })
    }

    /// A transaction that is in one of the last blocks.
    pub fn transaction(&self, txid: &str) -> Value {
        let tip = self.height();
        let found = (tip.saturating_sub(300)..=tip).rev().find_map(|height| {
            let hash = self.call(&["getblockhash", &height.to_string()]);
            self.try_call(&["getrawtransaction", txid, "1", hash.as_str()?])
        });
        found.unwrap_or_else(|| panic!("{txid} is in no block"))
    }

    /// What its outputs hold, in satoshi.
    pub fn outputs(&self, txid: &str) -> Vec<u64> {
        let transaction = self.transaction(txid);
        let outputs = transaction["vout"].as_array().expect("outputs").iter();
        outputs.map(|output| satoshi(&output["value"])).collect()
    }

    /// Its weight.
    pub fn weight(&self, txid: &str) -> u64 {
        self.transaction(txid)["weight"].as_u64().expect("a weight")
    }

    /// The fee of every transaction in the blocks from `height` on, in satoshi.
    pub fn fees_since(&self, height: u64) -> BTreeMap<String, u64> {
        let mut fees = BTreeMap::new();
        for height in height..=self.height() {
            let hash = self.call(&["getblockhash", &height.to_string()]);
            let block = self.call(&["getblock", hash.as_str().expect("a hash"), "2"]);
            for transaction in block["tx"].as_array().expect("transactions") {
                if transaction["fee"].is_number() {
                    let txid = transaction["txid"].as_str().expect("a txid").to_owned();
                    fees.insert(txid, satoshi(&transaction["fee"]));
                }
            }
        }
        fees
    }
}

/// bitcoind prints amounts in bitcoin.
pub fn satoshi(value: &Value) -> u64 {
    (value.as_f64().expect("an amount") * 1e8).round() as u64
}

/// The user of the RPC.
pub const USER: &str = "navvy";
/// Its password.
pub const PASSWORD: &str = "regtest";
/// An address whose key nobody has.
const NOBODY: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";
/// Which block of its own [`Bitcoind::mine_only`] makes next.
static NEXT_BLOCK: AtomicU32 = AtomicU32::new(0);
