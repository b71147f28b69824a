//! One turn of a process: a batch, one step, one commit, its effects, and a crash at any point of it.

use super::bugs::Bug;
use super::calendar::Item;
use super::rows::Recorder;
use super::world::{Violation, World};
use node::{CommitError, Effect, Event, Store, Table, Write};

/// How far a turn gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// To its end.
    Whole,
    /// Not to the commit.
    BeforeCommit,
    /// The power goes after so many accesses to the disk.
    InCommit(u64),
    /// The disk is full after so many accesses: the process ends as one that cannot go on.
    FullDisk(u64),
    /// So many effects after the commit.
    AfterEffects(usize),
}

impl World {
    /// Something reaches a process's inbox.
    pub fn hear(&mut self, index: usize, event: Event) {
        let delay = self.dice.below(20);
        let now = self.now;
        let Some(process) = &mut self.hosts[index].process else { return };
        process.lanes.push(event);
        self.plan_turn(index, now + delay);
    }

    /// The process takes its next batch.
    pub fn turn(&mut self, index: usize) -> Result<(), Violation> {
        let most = self.settings.batch;
        let most = usize::try_from(self.dice.between(1, most)).unwrap_or(1);
        let now = self.time_of(index);
        let host = &mut self.hosts[index];
        let Some(process) = &mut host.process else { return Ok(()) };
        if process.turn_at != Some(self.now) {
            return Ok(());
        }
        process.turn_at = None;
        let planned = process.node.next_deadline().map(|at| process.started + at.0);
        let overshoot = planned.map_or(0, |planned| self.now.saturating_sub(planned));
        if overshoot > SLEPT {
            process.node.overslept(overshoot);
        }
        let batch = process.lanes.take(most);
        for event in &batch {
            if let Event::Chain(update) = event {
                process.view.follow(update);
            }
        }
        let step = process.node.handle(now, batch.clone(), &mut host.entropy);
        self.trace_batch(index, &batch);
        let fate = self.fate(step.has_writes());
        if fate == Fate::BeforeCommit {
            drop(step);
            self.crash(index, "before a commit");
            return Ok(());
        }
        let Some(effects) = self.commit(index, step, fate)? else { return Ok(()) };
        self.check_answers(index, &batch, &effects)?;
        self.act(index, effects, fate)?;
        if self.hosts[index].process.is_some() {
            self.check_step(index)?;
            self.plan_deadline(index);
        }
        Ok(())
    }

    /// Plans a turn for when the process has something to do.
    pub fn plan_deadline(&mut self, index: usize) {
        let Some(process) = &self.hosts[index].process else { return };
        let deadline = process.node.next_deadline().map(|at| process.started + at.0);
        if !process.lanes.is_empty() {
            let delay = 1 + self.dice.below(10);
            self.plan_turn(index, self.now + delay);
        } else if let Some(at) = deadline {
            self.plan_turn(index, at.max(self.now + 1));
        }
    }

    fn plan_turn(&mut self, index: usize, at: u64) {
        let host = &mut self.hosts[index];
        let life = host.life;
        let Some(process) = &mut host.process else { return };
        if process.turn_at.is_some_and(|planned| planned <= at) {
            return;
        }
        process.turn_at = Some(at);
        self.calendar.plan(at, Item::Turn { host: index, life });
    }

    /// A turn whose machine sleeps comes when it wakes.
    pub fn sleep_in(&mut self, index: usize, awake: u64) {
        let now = self.now;
        if let Some(process) = &mut self.hosts[index].process
            && process.turn_at == Some(now)
        {
            process.turn_at = Some(awake);
        }
    }

    fn trace_batch(&mut self, index: usize, batch: &[Event]) {
        if !batch.is_empty() {
            let names: Vec<String> = batch.iter().map(name_of).collect();
            self.trace.line(format_args!("n{index} hears {}", names.join(", ")));
        }
    }

    fn fate(&mut self, has_writes: bool) -> Fate {
        // Most turns only answer a ping or a block; a crash in one that writes says more.
        let full_disks = self.settings.full_disks;
        if !self.is_calm && has_writes && self.dice.per_mille(full_disks) {
            return Fate::FullDisk(self.dice.below(12));
        }
        let chance = if has_writes { self.settings.crashes } else { self.settings.crashes / 8 };
        if self.is_calm || !self.dice.per_mille(chance) {
            return Fate::Whole;
        }
        match self.dice.below(4) {
            0 => Fate::BeforeCommit,
            1 if has_writes => Fate::InCommit(self.dice.below(12)),
            _ => Fate::AfterEffects(self.dice.index(4)),
        }
    }

    /// Commits a step; none if the process died of it.
    fn commit(
        &mut self,
        index: usize,
        step: node::Step,
        fate: Fate,
    ) -> Result<Option<Vec<Effect>>, Violation> {
        let bug = self.settings.bug;
        let host = &mut self.hosts[index];
        let Some(process) = &mut host.process else { return Ok(None) };
        if bug == Some(Bug::EffectsBeforeCommit) {
            return self.act_and_commit(index, step);
        }
        if bug == Some(Bug::TipsApart) {
            return self.commit_late(index, step);
        }
        match fate {
            Fate::InCommit(accesses) => host.disk.fail_after(accesses),
            Fate::FullDisk(accesses) => host.disk.fill_up_after(accesses),
            Fate::Whole | Fate::BeforeCommit | Fate::AfterEffects(_) => {}
        }
        let mut recorder = Recorder { inner: Some(&mut process.database), writes: Vec::new() };
        let result = step.commit(&mut recorder);
        let writes = recorder.writes;
        host.disk.heal();
        match result {
            Ok(effects) => {
                self.committed(index, &writes)?;
                Ok(Some(effects))
            }
            Err(CommitError::Broken(text)) => Err(text),
            Err(CommitError::Store(_)) => {
                host.uncertain = Some(writes);
                let is_full = matches!(fate, Fate::FullDisk(_));
                self.crash(index, if is_full { "on a full disk" } else { "in a commit" });
                Ok(None)
            }
        }
    }

    /// The effects, in their order, as far as the process lives.
    fn act(&mut self, index: usize, effects: Vec<Effect>, fate: Fate) -> Result<(), Violation> {
        for (number, effect) in effects.into_iter().enumerate() {
            if fate == Fate::AfterEffects(number) {
                self.crash(index, "between effects");
                return Ok(());
            }
            self.run_effect(index, effect)?;
        }
        if matches!(fate, Fate::AfterEffects(_)) {
            self.crash(index, "after a turn");
        }
        Ok(())
    }

    /// The planted bug: the world sees the effects while the commit is still to come.
    fn act_and_commit(
        &mut self,
        index: usize,
        step: node::Step,
    ) -> Result<Option<Vec<Effect>>, Violation> {
        let mut only_looks = Recorder { inner: None, writes: Vec::new() };
        let effects = step.commit(&mut only_looks).map_err(|error| error.to_string())?;
        self.act(index, effects, Fate::Whole)?;
        self.write(index, &only_looks.writes)?;
        Ok(Some(Vec::new()))
    }

    /// The planted bug: the wallet's rows follow with the next commit.
    fn commit_late(
        &mut self,
        index: usize,
        step: node::Step,
    ) -> Result<Option<Vec<Effect>>, Violation> {
        let mut only_looks = Recorder { inner: None, writes: Vec::new() };
        let effects = step.commit(&mut only_looks).map_err(|error| error.to_string())?;
        let is_of_wallet = |write: &Write| write.table == Table::Wallet;
        let (late, mut now): (Vec<Write>, Vec<Write>) =
            only_looks.writes.into_iter().partition(is_of_wallet);
        let host = &mut self.hosts[index];
        now.append(&mut host.held_back);
        host.held_back = late;
        self.write(index, &now)?;
        Ok(Some(effects))
    }

    fn write(&mut self, index: usize, writes: &[Write]) -> Result<(), Violation> {
        if let Some(process) = &mut self.hosts[index].process {
            process.database.write(writes).map_err(|error| error.to_string())?;
            self.committed(index, writes)?;
        }
        Ok(())
    }
}

fn name_of(event: &Event) -> String {
    match event {
        Event::Connected { .. } => "Connected".to_owned(),
        Event::Message { message, .. } => message.name().to_owned(),
        Event::Alive { .. } => "Alive".to_owned(),
        Event::Lost { .. } => "Lost".to_owned(),
        Event::DialFailed { .. } => "DialFailed".to_owned(),
        Event::Chain(update) => {
            format!("Chain to {} from {}", update.tip().height, update.fork.height)
        }
        Event::ChainState { synced, .. } => format!("ChainState {synced}"),
        Event::Fees(fees) => format!("Fees {}", fees.normal.0),
        Event::Tested { verdict, .. } => format!("Tested {verdict:?}"),
        Event::Broadcasted { txid, result } => {
            format!("Broadcasted {} {}", &txid.to_string()[..8], result.is_ok())
        }
        Event::Looked(look) => {
            let held = look.transactions.values().filter(|is_there| **is_there).count();
            let seen = look.outputs.values().filter(|output| output.is_some()).count();
            let (own, promised) = (look.transactions.len(), look.outputs.len());
            format!("Looked {held} of {own}, {seen} of {promised}")
        }
        Event::Thawed { row, .. } => format!("Thawed {}", row.is_some()),
        Event::Decided { decision, .. } => format!("Decided {}", decision.is_ok()),
        Event::Command { .. } => "Command".to_owned(),
    }
}

/// As the daemon sees it: a wake-up that comes so much later than planned means that the machine slept.
const SLEPT: u64 = 10_000;
