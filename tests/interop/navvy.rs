//! The command `navvy`, as it is released: scenarios ask in the node's own words, this puts it into verbs and
//! flags, and reads the JSON of the answers.

use crate::lnd::number;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Asks the daemon at `socket`; `None` while it is not there.
pub fn ask(socket: &Path, command: &Value) -> Option<Value> {
    let navvy = Navvy { socket };
    let answer = match command["command"].as_str().expect("a command") {
        "info" => navvy.call(&["getinfo"]).map(|info| json!({"info": information(&info)})),
        "new_address" => navvy.call(&["newaddress"]),
        "balance" => navvy.call(&["walletbalance"]).map(|it| json!({"balance": balance(&it)})),
        "coins" => navvy.call(&["coins"]).map(|it| json!({"coins": all(&it["coins"], coin)})),
        "channels" => {
            navvy.call(&["show"]).map(|it| json!({"channels": all(&it["opens"], channel)}))
        }
        "requests" => {
            navvy.call(&["requests"]).map(|it| json!({"requests": all(&it["requests"], request)}))
        }
        "peers" => navvy.call(&["listpeers"]).map(|it| json!({"peers": all(&it["peers"], peer)})),
        "connect" => navvy.connect(command),
        "disconnect" => navvy.call(&["disconnect", text(&command["node_id"])]),
        "open" => navvy.open(command),
        "close" => navvy.close(command),
        other => panic!("{other} is not translated"),
    };
    match answer {
        Ok(answer) => Some(answer),
        Err(No::Refused(text)) => Some(json!({"error": {"text": text}})),
        Err(No::Away) => None,
    }
}

/// Runs the command; its answer, or its code with its line.
pub fn run(arguments: &[&str]) -> Result<Value, (i32, String)> {
    let output = Command::new(executable()).args(arguments).output().expect("navvy");
    let errors = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    match output.status.code().expect("a code") {
        0 => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        code => Err((code, errors.trim_start_matches("navvy: ").to_owned())),
    }
}

enum No {
    Refused(String),
    Away,
}

struct Navvy<'a> {
    socket: &'a Path,
}

impl Navvy<'_> {
    fn call(&self, arguments: &[&str]) -> Result<Value, No> {
        let socket = self.socket.to_str().expect("a path");
        match run(&[&["--rpc", socket], arguments].concat()) {
            Ok(answer) => Ok(answer),
            Err((20, text)) => Err(No::Refused(text)),
            Err((21, _)) => Err(No::Away),
            Err((code, text)) => panic!("navvy {arguments:?}: {code}: {text}"),
        }
    }

    /// Keeps the peer, and does not wait for it: a scenario may have something in the way.
    fn connect(&self, command: &Value) -> Result<Value, No> {
        let peer = format!("{}@{}", text(&command["node_id"]), text(&command["address"]));
        self.call(&["connect", "--perm", &peer])?;
        Ok(json!({"done": true}))
    }

    fn open(&self, command: &Value) -> Result<Value, No> {
        if command["address"].is_string() {
            self.connect(command)?;
        }
        let mut arguments = vec![
            "openchannel".to_owned(),
            "--no_wait".to_owned(),
            format!("--node_key={}", text(&command["node_id"])),
            format!("--local_amt={}", command["funding_sat"]),
            format!("--request={}", text(&command["request"])),
        ];
        if let Some(push) = command["push_sat"].as_u64() {
            arguments.push(format!("--push_amt={push}"));
        }
        if command["announce"] != true {
            arguments.push("--private".to_owned());
        }
        if let Some(kind) = command["channel_type"].as_str() {
            arguments.push(format!("--channel_type={kind}"));
        }
        if command["force"] == true {
            arguments.push("--force".to_owned());
        }
        arguments.extend(feerate("--sat_per_vbyte", &command["sat_per_kw"]));
        self.call(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn close(&self, command: &Value) -> Result<Value, No> {
        let point = text(&command["channel_point"]);
        let mut arguments =
            vec!["closechannel".to_owned(), "--no_wait".to_owned(), point.to_owned()];
        if command["force"] == true {
            arguments.push("--force".to_owned());
        }
        arguments.extend(feerate("--sat_per_vbyte", &command["sat_per_kw"]));
        arguments.extend(feerate("--max_fee_rate", &command["max_sat_per_kw"]));
        self.call(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(json!({"done": true}))
    }
}

/// The command knows whole satoshis per vbyte.
fn feerate(flag: &str, sat_per_kw: &Value) -> Option<String> {
    sat_per_kw.as_u64().map(|rate| {
        assert_eq!(rate % 250, 0, "{flag}: choose a multiple of 250 sat/kw");
        format!("{flag}={}", rate / 250)
    })
}

fn information(info: &Value) -> Value {
    json!({
        "node_id": info["identity_pubkey"],
        "height": info["block_height"],
        "synced": info["synced_to_chain"],
    })
}

fn balance(balance: &Value) -> Value {
    json!({
        "confirmed_sat": number(&balance["confirmed_balance"]),
        "unconfirmed_sat": number(&balance["unconfirmed_balance"]),
        "leased_sat": number(&balance["locked_balance"]),
        "reserved_sat": number(&balance["reserved_balance_anchor_chan"]),
    })
}

fn peer(peer: &Value) -> Value {
    json!({"node_id": peer["pub_key"], "address": peer["address"], "connected": true})
}

fn coin(coin: &Value) -> Value {
    json!({
        "outpoint": coin["outpoint"],
        "amount_sat": number(&coin["amount_sat"]),
        "leased_by": maybe(&coin["leased_by"]),
    })
}

fn request(request: &Value) -> Value {
    json!({
        "id": request["request_id"],
        "node_id": request["remote_pubkey"],
        "funding_sat": number(&request["funding_sat"]),
        "status": request["status"],
        "text": request["text"],
        "origin": maybe(&request["origin"]),
        "channel_point": maybe(&request["channel_point"]),
        "attempts": request["attempts"],
    })
}

fn channel(open: &Value) -> Value {
    let position = &open["position"];
    json!({
        "keys_id": open["keys_id"],
        "request": maybe(&open["request_id"]),
        "node_id": open["remote_pubkey"],
        "role": open["role"],
        "state": open["state"],
        "channel_point": maybe(&open["channel_point"]),
        "channel_id": maybe(&open["channel_id"]),
        "short_channel_id": maybe(&open["short_channel_id"]),
        "channel_type": open["channel_type"],
        "announced": open["announced"],
        "capacity_sat": number(&open["capacity_sat"]),
        "local_balance_msat": number(&open["local_balance_msat"]),
        "remote_balance_msat": number(&open["remote_balance_msat"]),
        "commit_fee_sat": number(&open["commit_fee_sat"]),
        "funding": {
            "position": position["name"],
            "height": position["height"],
            "refused": position["refused"],
            "by": position["spent_by"],
        },
        "confirmations": format!("{}/{}", open["confirmations"], open["minimum_depth"]),
        "connected": open["connected"],
        "peer_update_pending": open["peer_update_pending"],
        "text": open["text"],
        "closing_txid": maybe(&open["closing_txid"]),
        "ending": maybe(&open["ending"]),
        "sweep_txid": maybe(&open["sweep_txid"]),
        "history": open["transitions"],
    })
}

fn all(list: &Value, f: impl Fn(&Value) -> Value) -> Vec<Value> {
    list.as_array().expect("a list").iter().map(f).collect()
}

/// An empty text is none.
fn maybe(value: &Value) -> Value {
    if value == "" { Value::Null } else { value.clone() }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// `navvy` as `tests/run` has built it, beside this test.
fn executable() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let target = test.ancestors().nth(3).expect("the target folder");
    let path = target.join("release/navvy");
    assert!(path.exists(), "{} is missing: start these tests with tests/run", path.display());
    path
}
