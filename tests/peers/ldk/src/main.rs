//! A Lightning node of LDK, driven line by line: a connection to `<data-dir>/control.sock` sends JSON objects,
//! one a line, and gets one JSON object for each: `{"done": ...}` or `{"error": "..."}`. Its log goes to
//! standard output. What it says is what LDK says: nothing is waited for here, and nothing tried again.

mod commands;
mod events;
mod options;

use crate::events::Events;
use crate::options::Options;
use ldk_node::logger::{LogLevel, LogRecord, LogWriter};
use ldk_node::{Builder, Node};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

/// What one connection needs.
struct Peer {
    node: Node,
    events: Events,
}

fn main() {
    let options = Options::parse(std::env::args().skip(1)).unwrap_or_else(|text| end(&text));
    let Some(options) = options else {
        println!("ldk-peer over ldk-node {}", env!("CARGO_PKG_VERSION"));
        return;
    };
    let node = build(&options).unwrap_or_else(|text| end(&text));
    node.start().unwrap_or_else(|error| end(&error.to_string()));
    let events = Events::open(&options.data_dir).unwrap_or_else(|text| end(&text));
    let peer = Arc::new(Peer { node, events });
    let listener = peer.clone();
    std::thread::spawn(move || listener.events.collect(&listener.node));
    serve(&peer, &options).unwrap_or_else(|error| end(&error.to_string()));
}

fn end(text: &str) -> ! {
    eprintln!("{text}");
    std::process::exit(1)
}

fn build(options: &Options) -> Result<Node, String> {
    let mut builder = Builder::from_config(options.config());
    builder
        .set_storage_dir_path(options.data_dir.display().to_string())
        .set_chain_source_bitcoind_rpc(
            options.bitcoind.0.clone(),
            options.bitcoind.1,
            options.bitcoind_user.clone(),
            options.bitcoind_password.clone(),
        )
        .set_custom_logger(Arc::new(Log));
    builder.build().map_err(|error| format!("building the node: {error}"))
}

/// Commands come at any number of connections; each is answered in its turn.
fn serve(peer: &Arc<Peer>, options: &Options) -> std::io::Result<()> {
    let path = options.data_dir.join("control.sock");
    let _ = std::fs::remove_file(&path);
    for stream in UnixListener::bind(&path)?.incoming() {
        let (stream, peer) = (stream?, peer.clone());
        std::thread::spawn(move || answer(&stream, &peer));
    }
    Ok(())
}

fn answer(stream: &UnixStream, peer: &Peer) {
    let mut writer = stream;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let command = serde_json::from_str(&line).unwrap_or(Value::Null);
        let stop = command["command"] == "stop";
        let answer = match commands::run(peer, &command) {
            Ok(answer) => json!({ "done": answer }),
            Err(text) => json!({ "error": text }),
        };
        if writeln!(writer, "{answer}").is_err() {
            return;
        }
        if stop {
            std::process::exit(0);
        }
    }
}

/// Everything but the chatter of every message and of gossip.
struct Log;

impl LogWriter for Log {
    fn log(&self, record: LogRecord<'_>) {
        let wire = record.module_path == "lightning::ln::peer_handler";
        if record.level >= LogLevel::Debug || wire && record.level >= LogLevel::Trace {
            println!("{} [{}:{}] {}", record.level, record.module_path, record.line, record.args);
        }
    }
}
