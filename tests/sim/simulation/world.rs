//! The world: the calendar and everything that its items move.

use super::backend::{Chain, Outage};
use super::calendar::{Calendar, Item};
use super::checkers::Checkers;
use super::dice::Dice;
use super::host::Host;
use super::network::Network;
use super::operator::Operator;
use super::settings::Settings;
use super::trace::Trace;

/// What is wrong, in one line.
pub type Violation = String;

/// See the file's head.
pub struct World {
    /// Chance.
    pub dice: Dice,
    /// What the run is like.
    pub settings: Settings,
    /// Milliseconds since the run began.
    pub now: u64,
    /// What is to happen.
    pub calendar: Calendar,
    /// What happened.
    pub trace: Trace,
    /// The machines.
    pub hosts: Vec<Host>,
    /// The connections.
    pub network: Network,
    /// The block chain.
    pub chain: Chain,
    /// Who gives the commands.
    pub operator: Operator,
    /// What is held against docs/promises.md.
    pub checkers: Checkers,
    /// Whether faults are over.
    pub is_calm: bool,
}

impl World {
    /// The world of a seed, before its first moment.
    pub fn new(seed: u64, settings: Settings, echo: bool) -> Self {
        let mut dice = Dice::new(seed);
        let chain = Chain::new(settings.scripts);
        let hosts = (0..settings.nodes)
            .map(|index| Host::new(index, &settings, &mut dice))
            .collect::<Vec<_>>();
        Self {
            dice,
            now: 0,
            calendar: Calendar::default(),
            trace: Trace::new(echo),
            checkers: Checkers::new(hosts.len()),
            hosts,
            network: Network::default(),
            chain,
            operator: Operator::default(),
            is_calm: false,
            settings,
        }
    }

    /// From the first moment to the last check.
    pub fn run(&mut self) -> Result<(), Violation> {
        self.begin()?;
        let mut items = 0_u64;
        while let Some((at, item)) = self.calendar.take() {
            self.now = at.max(self.now);
            self.trace.now = self.now;
            self.happen(item)?;
            if !self.is_calm && self.now >= self.settings.safety {
                self.calm_down();
            }
            if self.is_calm && self.operator.is_done {
                return self.check_the_end();
            }
            items += 1;
            if items > MOST_ITEMS {
                return Err(format!("still busy after {MOST_ITEMS} items: a livelock"));
            }
        }
        Err("nothing is left to happen and the run is not over".to_owned())
    }

    /// Whether a process of this life still runs.
    pub fn lives(&self, host: usize, life: u32) -> bool {
        self.hosts[host].life == life && self.hosts[host].process.is_some()
    }

    fn begin(&mut self) -> Result<(), Violation> {
        self.chain.begin();
        for host in 0..self.hosts.len() {
            self.start(host)?;
            self.command(host, node::Command::NewAddress);
        }
        let settings = &self.settings;
        self.calendar.plan(self.dice.until_next(settings.command_every), Item::Operate);
        self.calendar.plan(self.dice.until_next(settings.block_every), Item::Block);
        if settings.fault_every > 0 && settings.has_faults() {
            self.calendar.plan(self.dice.until_next(settings.fault_every), Item::Fault);
        }
        Ok(())
    }

    fn happen(&mut self, item: Item) -> Result<(), Violation> {
        if let Some(awake) = self.sleeper(&item) {
            if let Item::Turn { host, life } = item
                && self.lives(host, life)
            {
                self.sleep_in(host, awake);
            }
            self.calendar.plan(awake, item);
            return Ok(());
        }
        match item {
            Item::Turn { host, life } if self.lives(host, life) => self.turn(host)?,
            Item::Hear { host, life, event } if self.lives(host, life) => self.hear(host, *event),
            Item::Poll { host, life } if self.lives(host, life) => self.poll(host),
            Item::Work { host, life } if self.lives(host, life) => self.work(host),
            Item::Dialled { host, life, node_id } if self.lives(host, life) => {
                self.dialled(host, node_id);
            }
            Item::Turn { .. }
            | Item::Hear { .. }
            | Item::Poll { .. }
            | Item::Work { .. }
            | Item::Dialled { .. } => {}
            Item::Packet { link, end, bytes } => self.packet(link, end, &bytes),
            Item::Tick { link, end } => self.tick(link, end),
            Item::Lost { link, end, reason } => self.lost(link, end, &reason),
            Item::Start { host } => self.start(host)?,
            Item::Operate => self.operate(),
            Item::Block => self.block(),
            Item::Fault => self.fault(),
            Item::OutageOver => self.set_outage(Outage::Over),
            Item::Review => self.review()?,
        }
        Ok(())
    }
}

/// A run that takes more is one in which two nodes answer each other for ever.
const MOST_ITEMS: u64 = 400_000;
