//! Two nodes, a chain, a wire between the nodes that can be cut, and a clock.

use std::collections::VecDeque;

use bitcoin::constants::ChainHash;
use bitcoin::{Amount, OutPoint};
use chain::regtest::{Options, Regtest, faucet_script};
use chain::{Backend as _, BroadcastError, Untested};
use funding::{Policy, RequestId, Verdict};
use node::{
    ChannelView, CloseCommand, Command, CommandError, CommandId, ConnId, Effect, Event,
    OpenCommand, Reply, RequestView, Store as _, Table,
};
use transactions::KeysId;
use wire::{ChannelType, Features, Message};

use crate::machine::Machine;

pub struct Stage {
    /// What both say in `init`.
    pub features: Features,
    pub machines: [Machine; 2],
    pub chain: Regtest,
    /// Milliseconds.
    pub now: u64,
    /// Whether a dial succeeds.
    pub is_wired: bool,
    /// Whether blocks are told.
    pub hears_of_blocks: bool,
    /// Whether rows at rest are read when they are asked for.
    pub reads_rows: bool,
    /// When each dial was, by whom.
    pub dials: Vec<(usize, u64)>,
    /// Messages of these names are lost on their way.
    pub loses: Vec<&'static str>,
    /// Every message that was sent, by whom.
    pub wire: Vec<(usize, Message)>,
    conn: Option<ConnId>,
    next_conn: u64,
    queue: VecDeque<(usize, Event)>,
}

pub const ALICE: usize = 0;
pub const BOB: usize = 1;

impl Stage {
    /// Alice has one coin of a million; the two are not connected.
    pub fn new() -> Self {
        let mut stage = Self::without_coins();
        stage.give(Amount::from_sat(1_000_000));
        stage
    }

    pub fn without_coins() -> Self {
        Self::with_policy(Policy::new(ChainHash::REGTEST))
    }

    /// Bob has this policy.
    pub fn with_policy(policy: Policy) -> Self {
        let chain = Regtest::new(Options::default());
        chain.mine(110, &faucet_script());
        let birthday = chain.best();
        let bob = Machine::with_policy(2, birthday, 0, policy);
        let machines = [Machine::new(1, birthday, 0), bob];
        let mut stage = Self {
            features: Features::from_bits(&[13, 23]),
            machines,
            chain,
            now: 1_000,
            is_wired: true,
            hears_of_blocks: true,
            reads_rows: true,
            dials: Vec::new(),
            loses: Vec::new(),
            wire: Vec::new(),
            conn: None,
            next_conn: 1,
            queue: VecDeque::new(),
        };
        stage.tell_synced(ALICE);
        stage.tell_synced(BOB);
        stage.settle();
        stage
    }

    pub fn with_connection() -> Self {
        let mut stage = Self::new();
        stage.connect();
        stage
    }

    /// A coin for alice, in a block.
    pub fn give(&mut self, amount: Amount) {
        self.command(ALICE, Command::NewAddress);
        let replies = self.machines[ALICE].replies();
        let [Reply::Address(address)] = replies.as_slice() else { panic!("{replies:?}") };
        self.chain.fund(&address.script_pubkey(), amount).expect("the faucet pays");
        self.settle();
    }

    pub fn tell_synced(&mut self, who: usize) {
        self.queue.push_back((who, Event::ChainState { synced: true, problem: None }));
    }

    /// How the chain's backend is.
    pub fn tell_chain(&mut self, who: usize, synced: bool, problem: Option<String>) {
        self.queue.push_back((who, Event::ChainState { synced, problem }));
        self.settle();
    }

    /// Both hear of a new connection.
    pub fn connect(&mut self) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.conn = Some(conn);
        for who in [ALICE, BOB] {
            let node_id = self.machines[1 - who].node.node_id();
            let address = (who == ALICE).then(|| "bob:9735".to_owned());
            let features = self.features.clone();
            self.queue.push_back((who, Event::Connected { conn, node_id, features, address }));
        }
        self.settle();
    }

    /// The wire is cut; what was on it is lost.
    pub fn cut(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        self.queue
            .retain(|(_, event)| !matches!(event, Event::Message { .. } | Event::Alive { .. }));
        for who in [ALICE, BOB] {
            self.queue.push_back((who, Event::Lost { conn, reason: "cut".to_owned() }));
        }
        self.settle();
    }

    pub fn is_connected(&self) -> bool {
        self.conn.is_some()
    }

    /// The power of one of them is cut.
    pub fn crash(&mut self, who: usize) {
        let now = self.now;
        self.queue.retain(|(to, _)| *to != who);
        self.machines[who].crash(now);
        if let Some(conn) = self.conn.take() {
            let other = 1 - who;
            self.queue.push_back((other, Event::Lost { conn, reason: "reset".to_owned() }));
        }
        self.tell_synced(who);
        self.settle();
    }

    /// A message of the other side that its node did not send.
    pub fn inject(&mut self, to: usize, message: Message) {
        let conn = self.conn.expect("a connection");
        self.queue.push_back((to, Event::Message { conn, message }));
        self.settle();
    }

    pub fn inject_if_connected(&mut self, to: usize, message: Message) {
        if self.is_connected() {
            self.inject(to, message);
        }
    }

    pub fn command(&mut self, who: usize, command: Command) {
        self.queue.push_back((who, Event::Command { id: CommandId(1), command }));
        self.settle();
    }

    pub fn open_command(&self, name: &str) -> OpenCommand {
        OpenCommand {
            request: RequestId(name.to_owned()),
            node_id: self.machines[BOB].node.node_id(),
            address: Some("bob:9735".to_owned()),
            funding: Amount::from_sat(200_000),
            push: Amount::ZERO,
            announce: false,
            channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
            feerate: None,
            max_fee: Amount::from_sat(20_000),
            coins: Vec::new(),
            force: false,
        }
    }

    /// Alice opens to bob.
    pub fn open(&mut self, command: OpenCommand) -> Result<RequestView, CommandError> {
        self.command(ALICE, Command::Open(Box::new(command)));
        match self.machines[ALICE].replies().pop() {
            Some(Reply::Request(view)) => Ok(view),
            Some(Reply::Failed(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    pub fn close(&mut self, outpoint: OutPoint, force: bool) -> Result<(), CommandError> {
        let (feerate, cap, script) = (None, None, None);
        let close = CloseCommand { outpoint, force, feerate, cap, script };
        self.command(ALICE, Command::Close(close));
        match self.machines[ALICE].replies().pop() {
            Some(Reply::Done) => Ok(()),
            Some(Reply::Failed(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    /// The request as alice has it.
    pub fn request(&self, name: &str) -> RequestView {
        let id = RequestId(name.to_owned());
        self.machines[ALICE].node.requests().get(&id).expect("a request").view()
    }

    pub fn channels(&self, who: usize) -> Vec<ChannelView> {
        self.machines[who].node.channel_views()
    }

    pub fn states(&self, who: usize) -> Vec<&'static str> {
        self.channels(who).iter().map(|channel| channel.state).collect()
    }

    /// An open channel; its funding output.
    pub fn open_channel(&mut self, name: &str) -> OutPoint {
        self.open(self.open_command(name)).expect("a good wish");
        let outpoint = self.request(name).outpoint.expect("bob signs");
        self.mine(6);
        let is_normal = |who| {
            let channel = self.channels(who).into_iter().find(|c| c.outpoint == Some(outpoint));
            channel.is_some_and(|channel| channel.state == "Normal")
        };
        assert!(is_normal(ALICE) && is_normal(BOB), "{:?}", self.states(ALICE));
        outpoint
    }

    pub fn mine(&mut self, blocks: u32) {
        for _ in 0..blocks {
            self.chain.mine(1, &faucet_script());
            self.settle();
        }
    }

    /// Time passes, and what is due happens.
    pub fn wait(&mut self, seconds: u64) {
        let until = self.now + seconds * 1_000;
        loop {
            let due = self.machines.iter().filter_map(Machine::deadline).min();
            match due.filter(|at| *at <= until) {
                Some(at) => self.now = at.max(self.now),
                None => break,
            }
            for who in [ALICE, BOB] {
                if self.machines[who].deadline().is_some_and(|at| at <= self.now) {
                    self.turn(who, Vec::new());
                }
            }
            self.settle();
        }
        self.now = until;
    }

    /// The names of what one side sent since it was last asked.
    pub fn sent(&mut self, who: usize) -> Vec<&'static str> {
        let names = self.wire.iter().filter(|(from, _)| *from == who).map(|(_, m)| m.name());
        let names = names.collect();
        self.wire.retain(|(from, _)| *from != who);
        names
    }

    /// Until nothing is under way: each event is a turn of its own.
    pub fn settle(&mut self) {
        loop {
            while let Some((who, event)) = self.queue.pop_front() {
                self.turn(who, vec![event]);
            }
            for who in [ALICE, BOB] {
                let machine = &mut self.machines[who];
                let update = self.chain.poll(&machine.follower.locator()).expect("a chain");
                if let Some(update) = update.filter(|_| self.hears_of_blocks) {
                    machine.follower.apply(&update).expect("it fits");
                    self.queue.push_back((who, Event::Chain(update)));
                }
            }
            if self.queue.is_empty() {
                return;
            }
        }
    }

    fn turn(&mut self, who: usize, events: Vec<Event>) {
        for effect in self.machines[who].turn(self.now, events) {
            self.act(who, effect);
        }
    }

    fn act(&mut self, who: usize, effect: Effect) {
        let other = 1 - who;
        match effect {
            Effect::Send { conn, message } if self.conn == Some(conn) => {
                if !self.loses.contains(&message.name()) {
                    let message = (*message).clone();
                    self.queue.push_back((other, Event::Message { conn, message }));
                }
                self.wire.push((who, *message));
            }
            Effect::Ping { conn } if self.conn == Some(conn) => {
                self.queue.push_back((who, Event::Alive { conn }));
            }
            Effect::Send { .. } | Effect::Ping { .. } => {}
            Effect::Broadcast(transactions) => {
                let txid = transactions[0].compute_txid();
                let result = match self.chain.broadcast(&transactions) {
                    Ok(()) => Ok(()),
                    Err(BroadcastError::Refused(refusal)) => Err(refusal.to_string()),
                    Err(other) => panic!("{other}"),
                };
                self.queue.push_back((who, Event::Broadcasted { txid, result }));
            }
            Effect::TestAccept(transaction) => {
                let txid = transaction.compute_txid();
                let verdict = match self.chain.test_accept(&transaction) {
                    chain::Verdict::Accepted => Verdict::Accepted,
                    chain::Verdict::Refused(refusal) => Verdict::Refused(refusal.to_string()),
                    chain::Verdict::Unknown(Untested::Unsupported) => Verdict::Unknown,
                    chain::Verdict::Unknown(Untested::Unavailable(text)) => panic!("{text}"),
                };
                self.queue.push_back((who, Event::Tested { txid, verdict }));
            }
            Effect::LookFor { transactions, outputs } => {
                let look = chain::look_for(&mut self.chain, &transactions, &outputs);
                self.queue.push_back((who, Event::Looked(look.expect("a mempool"))));
            }
            Effect::Thaw { .. } if !self.reads_rows => {}
            Effect::Thaw { keys_id } => {
                let row =
                    self.machines[who].store.read(Table::Dormant, &keys_id.0).expect("a disk");
                self.queue.push_back((who, Event::Thawed { keys_id, row }));
            }
            Effect::Decide { keys_id, .. } => self.decide(who, keys_id, Ok(())),
            Effect::Dial { node_id, address } => self.dial(who, node_id, &address),
            Effect::Disconnect { conn, reason } => {
                if self.conn == Some(conn) {
                    self.conn = None;
                    for side in [who, other] {
                        let reason = reason.clone();
                        self.queue.push_back((side, Event::Lost { conn, reason }));
                    }
                }
            }
            effect @ (Effect::Reply { .. } | Effect::Notify(_) | Effect::Acquaint { .. }) => {
                self.machines[who].said.push(effect);
            }
        }
    }

    fn decide(&mut self, who: usize, keys_id: KeysId, decision: Result<(), String>) {
        self.queue.push_back((who, Event::Decided { keys_id, decision }));
    }

    fn dial(&mut self, who: usize, node_id: secp256k1::PublicKey, address: &str) {
        self.dials.push((who, self.now));
        if !self.is_wired {
            let reason = "refused".to_owned();
            self.queue.push_back((who, Event::DialFailed { node_id, reason }));
            return;
        }
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.conn = Some(conn);
        for side in [who, 1 - who] {
            let node_id = self.machines[1 - side].node.node_id();
            let address = (side == who).then(|| address.to_owned());
            let features = self.features.clone();
            self.queue.push_back((side, Event::Connected { conn, node_id, features, address }));
        }
    }
}
