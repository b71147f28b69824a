//! Coins of lost channels: a node that was made of its words alone has no database that knows them. Its peers are
//! asked to close when they connect; what their commitments pay to us is looked for here, in every block since
//! the seed was new, and swept into the wallet.
//!
//! The file `recovery` in the data folder says how far the chain was read and what was found. While it is there,
//! each start goes on from it. It is a note beside the node, not a part of it: nothing is lost with it but time.

mod found;
mod note;

use crate::client::Client;
use crate::exit::{Exit, Failure};
use bitcoin::{ScriptBuf, Transaction, Txid};
use chain::{Backend, BroadcastError, ChainEvent, ChainUpdate, Follower, Tip};
use found::Found;
use node::{Command, InfoView, Reply};
use note::Note;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wallet::{FoundOutput, Recovery, Seed};

/// Begins to look from a block on; the next starts go on by themselves.
///
/// # Errors
/// When the note cannot be written.
pub fn begin(path: &Path, from: Tip) -> Result<(), Failure> {
    Note { read_to: from, found: Found::default() }
        .write(path)
        .map_err(|error| failed(path, &error))
}

/// Reads the chain as long as the node runs, if a note says so.
///
/// # Errors
/// When the note cannot be read, or there is no thread.
pub fn follow(
    path: &Path,
    seed: &Seed,
    backend: Box<dyn Backend>,
    client: Client,
    stop: Arc<AtomicBool>,
    network: bitcoin::Network,
) -> Result<(), Failure> {
    if !path.exists() {
        // As at nearly every start: no reason to derive 2,000 scripts.
        return Ok(());
    }
    let recovery = Recovery::new(seed, network);
    let Some(note) = Note::read(path, &recovery).map_err(|error| failed(path, &error))? else {
        return Ok(());
    };
    let task = Task {
        follower: Follower::new(note.read_to),
        found: note.found,
        recovery,
        sweeps: Vec::new(),
        saved: note.read_to,
        said: None,
        has_ended: false,
        path: path.to_owned(),
        backend,
        client,
    };
    let spawned = std::thread::Builder::new()
        .name("navvy-recovery".to_owned())
        .spawn(move || task.run(&stop));
    spawned.map(drop).map_err(|error| Failure::new(Exit::Failed, format!("no thread: {error}")))
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let text = format!(
        "the file {}: {error}; without it the node starts, but looks for no coins of lost channels",
        path.display()
    );
    Failure::new(Exit::Failed, text)
}

struct Task {
    follower: Follower,
    recovery: Recovery,
    found: Found,
    /// What went out and is in no block yet.
    sweeps: Vec<Transaction>,
    /// Where the next start would go on.
    saved: Tip,
    said: Option<Instant>,
    /// Whether the end of the chain was reached once.
    has_ended: bool,
    path: PathBuf,
    backend: Box<dyn Backend>,
    client: Client,
}

impl Task {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match self.backend.next(&self.follower.locator(), WAIT) {
                Ok(ChainEvent::Update(update)) => self.on_update(&update),
                Ok(ChainEvent::Idle { .. } | ChainEvent::Syncing { .. }) => {}
                // The node says what is wrong.
                Err(_) => std::thread::sleep(AFTER_ERROR),
            }
        }
        self.save();
    }

    fn on_update(&mut self, update: &ChainUpdate) {
        let applied = match self.follower.apply(update) {
            Ok(applied) => applied,
            Err(error) => {
                tracing::warn!(%error, "the search for lost channels cannot follow the chain");
                return std::thread::sleep(AFTER_ERROR);
            }
        };
        if !applied.disconnected.is_empty() {
            self.found.rewind(applied.fork.height);
        }
        let mut has_changed = false;
        for connected in applied.connected(update) {
            let transactions = &connected.block.txdata;
            for output in self.recovery.find(transactions) {
                let (outpoint, value) = (output.input.outpoint, output.input.output.value);
                if self.found.add(output, connected.height) {
                    tracing::info!(%outpoint, %value, "found what a peer's close pays to this seed");
                    has_changed = true;
                }
            }
            has_changed |= self.found.spend(transactions, connected.height);
        }
        let tip = self.follower.tip();
        if has_changed || tip.height.saturating_sub(self.saved.height) >= SAVE_EVERY {
            self.save();
        }
        if update.remaining > 0 {
            return self.say_progress(tip.height, update.remaining);
        }
        if !std::mem::replace(&mut self.has_ended, true) {
            let (outputs, amount) = self.found.sum();
            tracing::info!(
                height = tip.height,
                outputs,
                %amount,
                "the chain was searched for what closes of lost channels pay; a channel that its peer has not \
                 closed cannot be seen: connect to the peer, and it is asked to"
            );
        }
        self.sweep(tip.height);
    }

    fn say_progress(&mut self, height: u32, remaining: u32) {
        let now = Instant::now();
        if self.said.is_none_or(|said| now.saturating_duration_since(said) >= PROGRESS_EVERY) {
            self.said = Some(now);
            let end = height.saturating_add(remaining);
            tracing::info!(height, end, "searching the chain for closes of lost channels");
        }
    }

    /// What is found and unspent goes to the wallet: again with each block until it is in one.
    fn sweep(&mut self, height: u32) {
        let found = &self.found;
        self.sweeps.retain(|sweep| {
            sweep.input.iter().all(|input| found.is_unspent(&input.previous_output))
        });
        let mut taken: BTreeSet<_> = BTreeSet::new();
        for sweep in &self.sweeps {
            taken.extend(sweep.input.iter().map(|input| input.previous_output));
        }
        let (Some(info), Some(known)) = (self.info(), self.closes_of_the_node()) else { return };
        let fee = info.fee_normal.fee_ceil(INPUT_WEIGHT);
        let wanted: Vec<FoundOutput> = found
            .unspent()
            .filter(|output| !taken.contains(&output.input.outpoint))
            .filter(|output| !known.contains(&output.input.outpoint.txid))
            .filter(|output| output.input.output.value > fee)
            .cloned()
            .collect();
        if !wanted.is_empty()
            && let Some(to) = self.address()
            && let Some(sweep) = self.recovery.sweep(&wanted, &to, info.fee_normal, height)
        {
            self.sweeps.push(sweep);
        }
        for sweep in std::mem::take(&mut self.sweeps) {
            let txid = sweep.compute_txid();
            match self.backend.broadcast(std::slice::from_ref(&sweep)) {
                Ok(()) => {
                    tracing::info!(%txid, "coins of lost channels are on their way to the wallet")
                }
                Err(BroadcastError::Refused(reason)) => {
                    // Built anew with the next block, at the feerate of then.
                    tracing::warn!(%txid, %reason, "a sweep of lost channels was refused");
                    continue;
                }
                Err(BroadcastError::Unavailable(_)) => {}
            }
            self.sweeps.push(sweep);
        }
    }

    fn info(&self) -> Option<InfoView> {
        let Reply::Info(info) = self.client.ask_blocking(Command::Info) else { return None };
        Some(info)
    }

    /// Channels that the node knows are swept by itself.
    fn closes_of_the_node(&self) -> Option<BTreeSet<Txid>> {
        let Reply::Channels(channels) = self.client.ask_blocking(Command::Channels) else {
            return None;
        };
        Some(channels.iter().filter_map(|channel| channel.closing_txid).collect())
    }

    fn address(&self) -> Option<ScriptBuf> {
        let Reply::Address(address) = self.client.ask_blocking(Command::NewAddress) else {
            return None;
        };
        Some(address.script_pubkey())
    }

    fn save(&mut self) {
        // So deep that no reorganisation takes it away.
        let read_to = self.follower.oldest();
        self.found.forget_below(read_to.height);
        let note = Note { read_to, found: self.found.clone() };
        match note.write(&self.path) {
            Ok(()) => self.saved = self.follower.tip(),
            Err(error) => tracing::warn!(%error, "how far the search has come is not saved"),
        }
    }
}

/// More than either form of input adds to a sweep.
const INPUT_WEIGHT: u64 = 330;
/// How long one look waits for a block.
const WAIT: Duration = Duration::from_secs(2);
/// After an error of the backend.
const AFTER_ERROR: Duration = Duration::from_secs(2);
/// How often a long way is spoken of.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// After so many blocks without a find.
const SAVE_EVERY: u32 = 500;
