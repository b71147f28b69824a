//! A stand-in for bitcoind: an embedded chain behind JSON-RPC on a loopback port, which misbehaves
//! on request.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Address, Block, BlockHash, OutPoint, Transaction, Txid};
use chain::regtest::Regtest;
use chain::{Backend, BroadcastError, Seen, Tip, Verdict};
use serde_json::{Value, json};

/// A running stand-in; its thread ends with the process.
#[derive(Clone)]
pub struct Fake {
    pub address: String,
    pub chain: Regtest,
    state: Arc<Mutex<State>>,
}

pub struct State {
    /// Sent instead of the next answers, byte by byte; then the connection is closed.
    pub raw: VecDeque<Raw>,
    /// Results and errors for the next calls of a method.
    pub scripted: BTreeMap<String, VecDeque<Scripted>>,
    /// What `Authorization` has to be, if anything.
    pub authorization: Option<String>,
    /// Close the connection after each answer without saying so.
    pub closes: bool,
    /// Answer in chunks.
    pub chunked: bool,
    /// The node is older than the second argument of `waitfornewblock`.
    pub old: bool,
    pub network: &'static str,
    /// Height of the best header while in the first download.
    pub downloading: Option<u32>,
    /// The first block, if it is another one than that of the embedded chain.
    pub genesis: Option<BlockHash>,
    /// The lowest block that was not pruned.
    pub kept_from: Option<u32>,
    /// So many requests are refused for being too many.
    pub busy: usize,
    /// Requests that were answered.
    pub requests: usize,
    /// Methods that were called.
    pub calls: Vec<String>,
    pub connections: usize,
}

pub enum Raw {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes again and again.
    Endless(Vec<u8>),
    /// One byte of these each 20 milliseconds.
    Drip(Vec<u8>),
    /// Nothing, with an open connection.
    Silence,
}

pub type Scripted = Result<Value, (i64, &'static str)>;
type Answer = Result<Value, (i64, String)>;

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State {
            raw: VecDeque::new(),
            scripted: BTreeMap::new(),
            authorization: None,
            closes: false,
            chunked: false,
            old: false,
            network: "regtest",
            downloading: None,
            genesis: None,
            kept_from: None,
            busy: 0,
            requests: 0,
            calls: Vec::new(),
            connections: 0,
        };
        let chain = Regtest::default();
        let fake = Self { address, chain, state: Arc::new(Mutex::new(state)) };
        let server = fake.clone();
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                server.state().connections += 1;
                let server = server.clone();
                spawn(move || server.serve(stream));
            }
        });
        fake
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn script(&self, method: &str, answers: Vec<Scripted>) {
        self.state().scripted.insert(method.into(), answers.into());
    }

    pub fn calls_of(&self, method: &str) -> usize {
        self.state().calls.iter().filter(|call| *call == method).count()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some((authorization, body)) = read_request(&mut reader) {
            let raw = self.state().raw.pop_front();
            if let Some(raw) = raw {
                return send_raw(stream, &raw);
            }
            let right = self.state().authorization.clone();
            let (status, body) = match &right {
                Some(right) if *right != authorization => ("401 Unauthorized", String::new()),
                _ if self.is_busy() => {
                    ("503 Service Unavailable", "Work queue depth exceeded".into())
                }
                _ => ("", body),
            };
            let (status, body) = match status {
                "" => self.answer_all(&serde_json::from_str(&body).unwrap()),
                status => (status, body),
            };
            let (closes, chunked) = {
                let state = self.state();
                (state.closes, state.chunked)
            };
            let framed = match chunked {
                true => {
                    let (a, b) = body.split_at(body.len() / 2);
                    format!(
                        "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:X};x=y\r\n{b}\r\n\
                         0\r\n\r\n",
                        a.len(),
                        b.len()
                    )
                }
                false => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
            };
            let answer = format!("HTTP/1.1 {status}\r\nServer: stand-in\r\n{framed}");
            if (&stream).write_all(answer.as_bytes()).is_err() || closes {
                return;
            }
        }
    }

    fn is_busy(&self) -> bool {
        let mut state = self.state();
        let is_busy = state.busy > 0;
        state.busy = state.busy.saturating_sub(1);
        is_busy
    }

    fn answer_all(&self, request: &Value) -> (&'static str, String) {
        self.state().requests += 1;
        if let Some(calls) = request.as_array() {
            // In another order than asked, as the protocol allows.
            let mut answers: Vec<Value> = calls.iter().map(|call| self.answer(call).1).collect();
            answers.reverse();
            return ("200 OK", Value::Array(answers).to_string());
        }
        let (is_ok, answer) = self.answer(request);
        (if is_ok { "200 OK" } else { "500 Error" }, answer.to_string())
    }

    fn answer(&self, call: &Value) -> (bool, Value) {
        let method = call["method"].as_str().unwrap();
        self.state().calls.push(method.into());
        let scripted = self.state().scripted.get_mut(method).and_then(VecDeque::pop_front);
        let answer = match scripted {
            Some(answer) => answer.map_err(|(code, message)| (code, message.to_owned())),
            None => self.call(method, &call["params"]),
        };
        let id = &call["id"];
        match answer {
            Ok(result) => (true, json!({ "result": result, "error": null, "id": id })),
            Err((code, message)) => {
                let error = json!({ "code": code, "message": message });
                (false, json!({ "result": null, "error": error, "id": id }))
            }
        }
    }

    fn call(&self, method: &str, params: &Value) -> Answer {
        let mut chain = self.chain.clone();
        match method {
            "getblockchaininfo" => {
                let (best, state) = (chain.best(), self.state());
                Ok(json!({
                    "chain": state.network,
                    "blocks": best.height,
                    "headers": state.downloading.unwrap_or(best.height),
                    "bestblockhash": best.hash,
                    "initialblockdownload": state.downloading.is_some(),
                    "pruneheight": state.kept_from,
                }))
            }
            "getbestblockhash" => Ok(json!(chain.best().hash)),
            "getblockhash" if params[0] == 0 && self.state().genesis.is_some() => {
                Ok(json!(self.state().genesis))
            }
            "getblockhash" => match chain.tip_at(number(&params[0])).unwrap() {
                Some(tip) => Ok(json!(tip.hash)),
                None => Err((-8, "Block height out of range".into())),
            },
            "getblock" => match chain.block(hash(&params[0])).unwrap() {
                Some(block) => Ok(json!(serialize_hex::<Block>(&block))),
                None => Err((-5, "Block not found".into())),
            },
            "getblockheader" => Ok(json!({ "height": 7 })),
            "waitfornewblock" => self.wait(params),
            "sendrawtransaction" => self.send(params),
            "testmempoolaccept" => Ok(self.test(params)),
            "getmempoolentry" => match chain.seen(&[txid(&params[0])]).unwrap().first_key_value() {
                Some((_, Seen::Mempool)) => Ok(json!({})),
                _ => Err((-5, "Transaction not in mempool".into())),
            },
            "gettxout" => Ok(txout(&mut chain, params)),
            "generatetoaddress" => {
                let text = params[1].as_str().unwrap();
                let address = text.parse::<Address<_>>().unwrap().assume_checked();
                Ok(json!(chain.mine(number(&params[0]), &address.script_pubkey())))
            }
            _ => Err((-32601, "Method not found".into())),
        }
    }

    fn wait(&self, params: &Value) -> Answer {
        if self.state().old && params.as_array().unwrap().len() > 1 {
            return Err((-1, "waitfornewblock ( timeout )\n\nWaits for any new block".into()));
        }
        let mut left = params[0].as_u64().unwrap();
        while self.chain.best().hash == hash(&params[1]) && left > 0 {
            sleep(1);
            left -= 1;
        }
        let Tip { height, hash } = self.chain.best();
        Ok(json!({ "hash": hash, "height": height }))
    }

    fn send(&self, params: &Value) -> Answer {
        assert_eq!(params[1], json!("0.10000000"), "the highest feerate");
        let transaction: Transaction = transaction(&params[0]);
        match self.chain.clone().broadcast(std::slice::from_ref(&transaction)) {
            Ok(()) => Ok(json!(transaction.compute_txid())),
            Err(BroadcastError::Refused(refusal)) => Err((-26, refusal.text)),
            Err(BroadcastError::Unavailable(text)) => Err((-7, text)),
        }
    }

    fn test(&self, params: &Value) -> Value {
        let transaction: Transaction = transaction(&params[0][0]);
        let txid = transaction.compute_txid();
        match self.chain.clone().test_accept(&transaction) {
            Verdict::Accepted => json!([{ "txid": txid, "allowed": true }]),
            Verdict::Refused(refusal) => {
                json!([{ "txid": txid, "allowed": false, "reject-reason": refusal.text }])
            }
            Verdict::Unknown(why) => panic!("{why:?}"),
        }
    }
}

fn txout(chain: &mut Regtest, params: &Value) -> Value {
    let outpoint = OutPoint { txid: txid(&params[0]), vout: number(&params[1]) };
    match chain.txout(outpoint).unwrap() {
        Some(output) if output.confirmations > 0 || params[2] == json!(true) => json!({
            "bestblock": chain.best().hash,
            "confirmations": output.confirmations,
            "value": output.txout.value.to_btc(),
            "scriptPubKey": { "hex": output.txout.script_pubkey },
            "coinbase": output.coinbase,
        }),
        _ => Value::Null,
    }
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn hash(value: &Value) -> BlockHash {
    value.as_str().unwrap().parse().unwrap()
}

fn txid(value: &Value) -> Txid {
    value.as_str().unwrap().parse().unwrap()
}

fn transaction(value: &Value) -> Transaction {
    deserialize_hex(value.as_str().unwrap()).unwrap()
}

/// The credentials and the body.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut authorization, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Authorization", value)) => authorization = value.to_owned(),
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None if line == "\r\n" => break,
            None => assert_eq!(line, "POST / HTTP/1.1\r\n"),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((authorization, String::from_utf8(body).unwrap()))
}

fn send_raw(mut stream: TcpStream, raw: &Raw) {
    match raw {
        Raw::Bytes(bytes) => drop(stream.write_all(bytes)),
        Raw::Endless(bytes) => while stream.write_all(bytes).is_ok() {},
        Raw::Drip(bytes) => {
            for byte in bytes {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                sleep(20);
            }
        }
        Raw::Silence => sleep(2_000),
    }
}

#[expect(clippy::disallowed_methods, reason = "a server needs threads")]
fn spawn(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

#[expect(clippy::disallowed_methods, reason = "a slow server")]
pub fn sleep(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
