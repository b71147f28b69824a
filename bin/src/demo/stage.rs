//! The stage: the embedded chain, two nodes, and how to wait for them.

use super::chance::Chance;
use super::printer::Printer;
use crate::daemon::{Daemon, Setup, store_failure};
use crate::exit::{Exit, Failure};
use bitcoin::{Amount, Network, ScriptBuf};
use chain::regtest::{Options, Regtest, faucet_script};
use chain::{Backend, Tip};
use node::{BalanceView, ChannelView, Command, Reply};
use std::path::Path;
use std::time::{Duration, Instant};
use storage::{Database, FaultyDisk};
use wallet::Seed;

/// The chain and what everything is printed with.
pub struct Stage {
    /// The chain.
    pub chain: Regtest,
    /// The lines.
    pub printer: Printer,
    seed: u64,
}

/// A node on the stage.
pub struct Actor {
    /// Its name.
    pub name: &'static str,
    /// It.
    pub daemon: Daemon,
    disk: FaultyDisk,
}

impl Stage {
    /// An empty chain.
    pub fn new(seed: u64) -> Self {
        Self { chain: Regtest::new(Options::default()), printer: Printer::default(), seed }
    }

    /// Starts a new node.
    pub fn start(&self, name: &'static str) -> Result<Actor, Failure> {
        let disk = FaultyDisk::new();
        let database =
            Database::with_backend(disk.clone()).map_err(|error| store_failure(&error))?;
        let birthday = self.chain.another().birthday().map_err(|e| failed(&e.to_string()))?;
        let daemon = self.daemon(name, database, Some(birthday), false)?;
        Ok(Actor { name, daemon, disk })
    }

    /// Cuts a node's power and starts it again from what had reached its disk.
    pub fn power_cut(&self, actor: Actor) -> Result<Actor, Failure> {
        let Actor { name, daemon, disk } = actor;
        daemon.kill();
        let image = disk.durable_image();
        let path = std::env::temp_dir().join(format!("navvy-demo-{}.redb", std::process::id()));
        std::fs::write(&path, &image).map_err(|error| failed(&error.to_string()))?;
        self.printer.line(name, &format!("is dead; {} bytes had reached its disk", image.len()));
        let result = self.reopen(name, &path);
        // The open file stays readable; the name is not needed any more.
        let _ = std::fs::remove_file(&path);
        result.map(|daemon| Actor { name, daemon, disk })
    }

    fn reopen(&self, name: &'static str, path: &Path) -> Result<Daemon, Failure> {
        let database = Database::open(path).map_err(|error| store_failure(&error))?;
        self.printer.line(name, "reopens its file: every page is as it was committed");
        self.daemon(name, database, None, true)
    }

    fn daemon(
        &self,
        name: &'static str,
        database: Database,
        birthday: Option<Tip>,
        again: bool,
    ) -> Result<Daemon, Failure> {
        let seed = Seed::from_entropy(Chance::new(self.seed, name).bytes());
        let life = if again { "second life of " } else { "first life of " };
        Daemon::start(Setup {
            network: Network::Regtest,
            backend: self.chain.another(),
            listen: ([127, 0, 0, 1], 0).into(),
            seed,
            database,
            birthday,
            features: peer::offered_features(),
            entropy: Box::new(Chance::new(self.seed, &format!("{life}{name}"))),
            tap: Some(self.printer.tap(name)),
            limits: Default::default(),
            reset_sockets: true,
        })
    }

    /// Mines blocks.
    pub fn mine(&self, blocks: u32) {
        self.chain.mine(blocks, &faucet_script());
        let text = format!("mines {blocks}, height {}", self.chain.best().height);
        self.printer.line("chain", &text);
    }

    /// Waits until `f` has an answer.
    pub fn wait<T>(
        &self,
        what: &str,
        mut f: impl FnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            if let Some(answer) = f()? {
                return Ok(answer);
            }
            if start.elapsed() >= PATIENCE {
                return Err(failed(&format!("waited in vain for {what}")));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until a node has followed the chain to its end.
    pub fn wait_synced(&self, actor: &Actor) -> Result<(), Failure> {
        self.wait("the chain to be followed", || {
            let tip = self.chain.best();
            let Reply::Info(info) = actor.ask(Command::Info)? else { return Ok(None) };
            Ok((info.synced && info.block_hash == tip.hash).then_some(()))
        })
    }

    /// Waits until the only channel of a node is in a state.
    pub fn wait_state(&self, actor: &Actor, state: &str) -> Result<ChannelView, Failure> {
        self.wait(&format!("{} to be in {state}", actor.name), || {
            Ok(actor.channels()?.into_iter().find(|channel| channel.state == state))
        })
    }
}

impl Actor {
    /// Asks it.
    pub fn ask(&self, command: Command) -> Result<Reply, Failure> {
        let reply = self.daemon.client().ask_blocking(command);
        if let Reply::Failed(error) = reply {
            return Err(Failure::new(Exit::Refused, error.text));
        }
        Ok(reply)
    }

    /// Its channels.
    pub fn channels(&self) -> Result<Vec<ChannelView>, Failure> {
        let Reply::Channels(views) = self.ask(Command::Channels)? else {
            return Err(failed("no channels in the answer"));
        };
        Ok(views)
    }

    /// Its balance.
    pub fn balance(&self) -> Result<BalanceView, Failure> {
        let Reply::Balance(view) = self.ask(Command::Balance)? else {
            return Err(failed("no balance in the answer"));
        };
        Ok(view)
    }

    /// The scripts of its coins' owner: a fresh one.
    pub fn script(&self) -> Result<ScriptBuf, Failure> {
        let Reply::Address(address) = self.ask(Command::NewAddress)? else {
            return Err(failed("no address in the answer"));
        };
        Ok(address.script_pubkey())
    }

    /// All its money, in blocks.
    pub fn confirmed(&self) -> Result<Amount, Failure> {
        Ok(self.balance()?.confirmed)
    }
}

/// A failure of the demo itself.
pub fn failed(text: &str) -> Failure {
    Failure::new(Exit::Failed, text)
}

const PATIENCE: Duration = Duration::from_secs(30);
