//! What the node told, kept in a file: LDK forgets an event once it is handled.

use ldk_node::{Event, Node};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The journal of events.
pub struct Events {
    path: PathBuf,
}

impl Events {
    /// The journal in this folder.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join("events.jsonl");
        File::options().create(true).append(true).open(&path).map_err(|error| error.to_string())?;
        Ok(Self { path })
    }

    /// Writes down events as they come, for ever.
    pub fn collect(&self, node: &Node) {
        loop {
            let event = node.wait_next_event();
            let written = File::options().append(true).open(&self.path);
            let written = written.and_then(|mut file| writeln!(file, "{}", event_json(&event)));
            if let Err(error) = written.map_err(|error| error.to_string()) {
                eprintln!("the journal of events: {error}");
                std::process::exit(1);
            }
            let _ = node.event_handled();
        }
    }

    /// All events since the folder was made.
    pub fn all(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn event_json(event: &Event) -> Value {
    match event {
        Event::ChannelPending { channel_id, counterparty_node_id, funding_txo, .. } => json!({
            "event": "pending",
            "channel_id": channel_id.to_string(),
            "peer": counterparty_node_id.to_string(),
            "channel_point": funding_txo.to_string(),
        }),
        Event::ChannelReady { channel_id, counterparty_node_id, .. } => json!({
            "event": "ready",
            "channel_id": channel_id.to_string(),
            "peer": counterparty_node_id.map(|id| id.to_string()),
        }),
        Event::ChannelClosed { channel_id, counterparty_node_id, reason, .. } => json!({
            "event": "closed",
            "channel_id": channel_id.to_string(),
            "peer": counterparty_node_id.map(|id| id.to_string()),
            "reason": reason.as_ref().map(ToString::to_string),
        }),
        other => json!({ "event": "other", "text": format!("{other:?}") }),
    }
}
