//! `navvy regtest` on a real bitcoind, which has no wallet.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::navvy;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Chain {
    bitcoind: Bitcoind,
    folder: TempDir,
}

impl Chain {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let password = folder.path().join("password");
        std::fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
        Self { bitcoind: Bitcoind::start(folder.path(), &[]), folder }
    }

    fn run(&self, arguments: &[&str]) -> Result<Value, (i32, String)> {
        let address = format!("127.0.0.1:{}", self.bitcoind.port);
        let password = self.folder.path().join("password").display().to_string();
        let flags = [
            "regtest",
            "--bitcoind",
            &address,
            "--bitcoind-user",
            USER,
            "--bitcoind-password-file",
            &password,
        ];
        navvy::run(&[&flags, arguments].concat())
    }

    /// What an address has in blocks, in satoshi.
    fn has(&self, address: &str) -> u64 {
        let wanted = json!([format!("addr({address})")]).to_string();
        let scan = self.bitcoind.call(&["scantxoutset", "start", &wanted]);
        (scan["total_amount"].as_f64().expect("an amount") * 1e8).round() as u64
    }
}

#[test]
fn navvy_mines_pays_and_reorganises_on_a_bitcoind() {
    let chain = Chain::new();
    let mined = chain.run(&["mine", "3"]).expect("blocks");
    assert_eq!((&mined["height"], chain.bitcoind.height()), (&json!(3), 3));
    chain.run(&["mine", "1", "--address", MINER]).expect("a block");
    assert_eq!(chain.has(MINER), 5_000_000_000);

    let coin = chain.run(&["fund", SOMEBODY, "123456"]).expect("a coin");
    assert_eq!(chain.has(SOMEBODY), 123_456);
    chain.run(&["fund", SOMEBODY, "7000000000"]).expect("more than one reward");
    assert_eq!(chain.has(SOMEBODY), 7_000_123_456);

    // A block is replaced by two empty ones: what was paid last waits again, and comes again.
    let before = chain.bitcoind.height();
    let new = chain.run(&["reorg", "1"]).expect("a reorganisation");
    assert_eq!(new["height"], json!(before + 1));
    assert_eq!(chain.has(SOMEBODY), 123_456);
    assert_eq!(chain.bitcoind.mempool().len(), 1);
    chain.run(&["mine"]).expect("a block");
    assert_eq!(chain.has(SOMEBODY), 7_000_123_456);
    let txid = coin["txid"].as_str().expect("a txid");
    let index = coin["output_index"].to_string();
    assert_eq!(chain.bitcoind.call(&["gettxout", txid, &index])["value"], json!(0.00123456));
}

#[test]
fn what_cannot_be_is_said() {
    let chain = Chain::new();
    let (code, text) = chain.run(&["reorg", "5"]).expect_err("no blocks");
    assert_eq!(code, 1);
    assert!(text.contains("there are 0 blocks, 5 cannot be taken away"), "{text}");
    let address = format!("127.0.0.1:{}", chain.bitcoind.port);
    let cookie = chain.folder.path().join("no-cookie").display().to_string();
    let wrong = ["regtest", "--bitcoind", &address, "--bitcoind-cookie", &cookie, "mine"];
    let (code, text) = navvy::run(&wrong).expect_err("no cookie");
    assert_eq!(code, 1);
    assert!(text.contains("cannot read the cookie"), "{text}");
    let (code, text) = navvy::run(&wrong[..3]).expect_err("no deed");
    assert_eq!(code, 2, "{text}");
}

/// The key 1, by BIP 173's example.
const SOMEBODY: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
/// Its script, by the same example.
const MINER: &str = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
