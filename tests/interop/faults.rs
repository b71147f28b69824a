//! One message of an open or a close is lost, with the connection or with navvyd itself: what both sides list at
//! once, after they have met again, and after six blocks.

use crate::navvyd::{Close, Navvyd};
use crate::peer::{Open, Peer, PeerChannel, Standing};
use crate::process::wait_for;
use crate::proxy::{End, Proxy, Side, number};
use crate::table::Table;
use crate::world::World;
use serde_json::Value;

/// What happens when the message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends.
    Cut,
    /// navvyd gets SIGKILL.
    Kill,
}

/// When the message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the funding transaction is broadcast.
    Opening,
    /// When it is deep enough.
    Ready,
    /// On a later connection.
    Reestablish,
    /// When the opener closes.
    Closing,
    /// When the accepter closes.
    ClosingByAccepter,
}

/// A message that is lost.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Whose open it is.
    pub opener: Side,
    /// Who sends.
    pub from: Side,
    /// What.
    pub message: &'static str,
    /// When.
    pub stage: Stage,
}

/// Every message of an open, of what follows it and of the two mutual closes, on either side, in either role.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for opener in [Side::Navvyd, Side::Peer] {
        let accepter = opener.other();
        for (from, message, stage) in [
            (opener, "init", Stage::Opening),
            (accepter, "init", Stage::Opening),
            (opener, "open_channel", Stage::Opening),
            (accepter, "accept_channel", Stage::Opening),
            (opener, "funding_created", Stage::Opening),
            (accepter, "funding_signed", Stage::Opening),
            (opener, "channel_ready", Stage::Ready),
            (accepter, "channel_ready", Stage::Ready),
            (opener, "channel_reestablish", Stage::Reestablish),
            (accepter, "channel_reestablish", Stage::Reestablish),
            (opener, "shutdown", Stage::Closing),
            (accepter, "shutdown", Stage::Closing),
            (opener, "closing_signed", Stage::Closing),
            (accepter, "closing_signed", Stage::Closing),
            (accepter, "shutdown", Stage::ClosingByAccepter),
            (opener, "shutdown", Stage::ClosingByAccepter),
            (opener, "closing_signed", Stage::ClosingByAccepter),
            (accepter, "closing_signed", Stage::ClosingByAccepter),
        ] {
            rows.push(Row { opener, from, message, stage });
        }
    }
    rows
}

/// A row with its own man in the middle: to both sides it is a peer of its own.
pub struct Run {
    opener: Side,
    closer: Side,
    row: Option<Row>,
    /// Between the two.
    pub proxy: Proxy,
    /// The row's name, and that of navvyd's request.
    pub name: String,
}

impl Run {
    /// Begins with what the row needs.
    pub fn start<P: Peer>(world: &World<P>, row: Row) -> Self {
        let by_accepter = row.stage == Stage::ClosingByAccepter;
        let closer = if by_accepter { row.opener.other() } else { row.opener };
        let closes =
            if closer == row.opener { String::new() } else { format!(" {closer} closes,") };
        let name = format!("{} opens,{closes} {} {}", row.opener, row.from, row.message);
        Self { row: Some(row), ..Self::named(world, row.opener, closer, name) }
    }

    /// One that loses no message.
    pub fn named<P: Peer>(world: &World<P>, opener: Side, closer: Side, name: String) -> Self {
        let navvyd =
            End { node_id: world.navvyd.node_id.clone(), address: world.navvyd.address.clone() };
        let peer = End { node_id: world.peer.node_id(), address: world.peer.address() };
        Self { opener, closer, row: None, proxy: Proxy::start(&navvyd, &peer), name }
    }

    /// Its name in the table.
    pub fn key(&self, when: &str) -> String {
        format!("{:<44} {when:<8}", self.name)
    }

    /// What navvyd is asked for.
    pub fn open_of_navvyd<P: Peer>(&self, world: &World<P>) -> Open {
        Open {
            node_id: self.proxy.node_id.clone(),
            address: self.proxy.for_navvyd.clone(),
            push_sat: 100_000,
            ..world.open_to_peer()
        }
    }

    /// An open that nothing disturbs, until both have it as pending.
    pub fn open<P: Peer>(&self, world: &World<P>) {
        let before = world.bitcoind.mempool().len();
        match self.opener {
            Side::Navvyd => world.navvyd.open(&self.name, &self.open_of_navvyd(world)),
            Side::Peer => world.peer.open(&self.open_of_peer(world)).expect("an open"),
        }
        self.wait_ours(world, "WaitForChannelReady");
        self.wait_theirs(world, "pending", |channel| channel.standing == Standing::Pending);
        // Before LDK has seen its own transaction there it would spend the same coin once more.
        world.bitcoind.wait_mempool(before + 1);
        world.settle();
    }

    fn open_of_peer<P: Peer>(&self, world: &World<P>) -> Open {
        Open { address: self.proxy.for_peer.clone(), ..self.open_of_navvyd(world) }
    }

    /// Whoever opened connects: the other does not know where to.
    pub fn connect<P: Peer>(&self, world: &World<P>) {
        let node_id = &self.proxy.node_id;
        match self.opener {
            Side::Navvyd => {
                let address = &self.proxy.for_navvyd;
                let _ = world.navvyd.connect(node_id, address);
            }
            Side::Peer => wait_for("the peer to connect", || {
                world.peer.connect(node_id, &self.proxy.for_peer).ok()?;
                world.navvyd.is_connected(node_id).then_some(())
            }),
        }
    }

    /// Waits until neither side takes the connection that was cut for one that still lives.
    pub fn wait_apart<P: Peer>(&self, navvyd: &Navvyd, peer: &P) {
        let node_id = &self.proxy.node_id;
        wait_for("both to see that the connection is lost", || {
            (!navvyd.is_connected(node_id) && !peer.is_connected(node_id)).then_some(())
        });
    }

    fn hold(&self) {
        let row = self.row.expect("a message to lose");
        self.proxy.hold(row.from, number(row.message));
    }

    /// navvyd's channels with this peer.
    pub fn ours<P: Peer>(&self, world: &World<P>) -> Vec<Value> {
        let channels = world.navvyd.channels().into_iter();
        channels.filter(|channel| channel["node_id"] == self.proxy.node_id.as_str()).collect()
    }

    /// The peer's channels with navvyd.
    pub fn theirs<P: Peer>(&self, world: &World<P>) -> Vec<PeerChannel> {
        let channels = world.peer.channels().into_iter();
        channels.filter(|channel| channel.node_id == self.proxy.node_id).collect()
    }

    /// Waits until navvyd has it in a state.
    pub fn wait_ours<P: Peer>(&self, world: &World<P>, state: &str) -> Value {
        wait_for(&format!("{}: navvyd to have it in {state}", self.name), || {
            self.ours(world).into_iter().find(|channel| channel["state"] == state)
        })
    }

    /// Waits until the peer lists it so.
    pub fn wait_theirs<P: Peer>(
        &self,
        world: &World<P>,
        what: &str,
        f: impl Fn(&PeerChannel) -> bool,
    ) {
        wait_for(&format!("{}: the peer to list it as {what}", self.name), || {
            self.theirs(world).into_iter().find(&f)
        });
    }

    /// Of the two `channel_ready` the one that is not lost has arrived.
    fn wait_other_channel_ready<P: Peer>(&self, world: &World<P>) {
        if self.row.is_some_and(|row| row.from == Side::Navvyd) {
            self.wait_ours(world, "Normal");
        } else {
            wait_for("navvyd to be ready", || {
                self.proxy.said(Side::Navvyd).contains(&"channel_ready").then_some(())
            });
        }
    }

    /// A mutual close begins.
    pub fn close<P: Peer>(&self, world: &World<P>) {
        let point = self.wait_ours(world, "Normal")["channel_point"].clone();
        match self.closer {
            Side::Navvyd => {
                world.navvyd.close(&point, Close { force: false, sat_per_kw: 2_500 });
            }
            Side::Peer => world.peer.close(point.as_str().expect("a point")).expect("a close"),
        }
    }

    /// What both said since they met again: the same twice in a row once.
    pub fn said(&self) -> String {
        let [navvyd, peer] = [Side::Navvyd, Side::Peer].map(|side| {
            let mut said = self.proxy.said(side);
            said.dedup();
            said.join(" ")
        });
        format!("navvyd: {navvyd}; peer: {peer}")
    }

    /// Waits until navvyd has said what it knows since they met again.
    pub fn wait_told(&self) {
        wait_for("navvyd to say what it knows", || {
            let said = self.proxy.said(Side::Navvyd);
            said.iter().any(|name| ["error", "channel_reestablish"].contains(name)).then_some(())
        });
    }

    /// How it ended: nothing but these ends is allowed.
    fn verdict<P: Peer>(&self, world: &World<P>) -> &'static str {
        let (ours, theirs) = (self.ours(world), self.theirs(world));
        let is_told = self.proxy.said(Side::Navvyd).contains(&"error");
        let state = ours.first().and_then(|channel| channel["state"].as_str()).unwrap_or("none");
        let leases = ours.iter().any(|channel| has_lease(world, channel));
        match (state, theirs.first()) {
            ("Normal", Some(theirs)) if theirs.active => "a channel",
            ("Closed", Some(theirs)) if theirs.standing == Standing::Closed => "closed",
            ("none", None) => "nothing on either side",
            ("Tombstone", Some(theirs))
                if !leases && is_told && theirs.standing == Standing::Closing =>
            {
                "coins free, the peer was told and has ended it"
            }
            ("Tombstone", None) if !leases && is_told => "coins free, the peer was told",
            ("Tombstone", Some(theirs))
                if !leases && is_told && theirs.standing == Standing::Pending =>
            {
                "coins free, the peer was told and keeps it for 2016 blocks all the same"
            }
            ("WaitForChannelReady", None) if ours[0]["role"] == "accepter" => {
                "nothing of ours is in it, navvyd forgets it after 2016 blocks"
            }
            other => panic!("{}: no way out: {other:?}", self.name),
        }
    }

    /// Where the coins of a closed channel are.
    pub fn coins<P: Peer>(&self, world: &World<P>) -> Option<String> {
        let channels = self.ours(world);
        let channel = channels.iter().find(|channel| channel["closing_txid"].is_string())?;
        let mut outputs = world.bitcoind.outputs(channel["closing_txid"].as_str()?);
        outputs.sort_unstable();
        let fee = CHANNEL.checked_sub(outputs.iter().sum()).expect("no more than it holds");
        let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
        let swept = channel["sweep_txid"].as_str().map_or(String::new(), |txid| {
            format!("; navvyd sweeps {} sat", world.bitcoind.outputs(txid).iter().sum::<u64>())
        });
        Some(format!("{} sat and a fee of {fee} sat{swept}", outputs.join(" and ")))
    }

    /// What both list, in one line.
    pub fn look<P: Peer>(&self, world: &World<P>) -> String {
        let channels = self.ours(world);
        let mut ours: Vec<String> = channels.iter().map(our_channel).collect();
        for request in world.navvyd.requests() {
            if request["id"] == self.name.as_str() {
                ours.push(our_request(&request));
            }
        }
        if channels.iter().any(|channel| has_lease(world, channel)) {
            ours.push("a coin leased".to_owned());
        }
        let theirs: Vec<String> = self.theirs(world).iter().map(their_channel).collect();
        format!("navvyd: {}; {}: {}", listed(ours), P::NAME, listed(theirs))
    }
}

fn has_lease<P: Peer>(world: &World<P>, channel: &Value) -> bool {
    let coins = world.navvyd.coins();
    coins.iter().any(|coin| !coin["leased_by"].is_null() && coin["leased_by"] == channel["keys_id"])
}

fn our_channel(channel: &Value) -> String {
    let state = channel["state"].as_str().expect("a state");
    match (channel["ending"].as_str(), channel["funding"]["position"].as_str()) {
        (Some(ending), _) => format!("{state} ({ending})"),
        (None, Some(position)) => format!("{state} ({position})"),
        (None, None) => state.to_owned(),
    }
}

fn our_request(request: &Value) -> String {
    match request["status"].as_str().expect("a status") {
        // One follows the other while the peer cannot be reached.
        "wait_for_peer" | "wait_for_retry" | "trying" => "request tries".to_owned(),
        status => format!("request {status}"),
    }
}

fn their_channel(channel: &PeerChannel) -> String {
    let standing = format!("{:?}", channel.standing);
    if channel.active { format!("{standing} and active") } else { standing }
}

fn listed(mut parts: Vec<String>) -> String {
    parts.sort();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// All rows in one world.
pub fn run<P: Peer>(world: &mut World<P>, fault: Fault, table: &mut Table) -> Vec<Run> {
    let mut runs = openings(world, fault, table);
    runs.extend(later(world, fault, table));
    runs
}

fn of_stages<P: Peer>(stages: &'static [Stage]) -> impl Iterator<Item = Row> {
    rows().into_iter().filter(move |row| stages.contains(&row.stage) && !is_a_race::<P>(row))
}

/// LDK has broadcast the close that navvyd never hears of, and says that it knows no channel: navvyd's commitment and
/// what was agreed meet in the mempool, and either may win.
fn is_a_race<P: Peer>(row: &Row) -> bool {
    P::NAME == "ldk"
        && (row.opener, row.from, row.message) == (Side::Navvyd, Side::Peer, "closing_signed")
}

/// Rows before the broadcast: one after the other up to the fault, then all together.
fn openings<P: Peer>(world: &mut World<P>, fault: Fault, table: &mut Table) -> Vec<Run> {
    let mut runs = Vec::new();
    for row in of_stages::<P>(&[Stage::Opening]) {
        let run = begin(world, row, fault);
        table.observe(run.key("at once"), || run.look(world));
        runs.push(run);
    }
    meet_again(world, &runs, table);
    runs
}

/// An open up to the fault.
fn begin<P: Peer>(world: &mut World<P>, row: Row, fault: Fault) -> Run {
    let run = Run::start(world, row);
    run.hold();
    match row.opener {
        Side::Navvyd => {
            world.navvyd.open(&run.name, &run.open_of_navvyd(world));
            strike(&mut world.navvyd, &world.peer, fault, &run);
        }
        Side::Peer => {
            let open = run.open_of_peer(world);
            let World { peer, navvyd, .. } = &mut *world;
            let (peer, navvyd): (&P, _) = (peer, navvyd);
            let refused = std::thread::scope(|scope| {
                let opening = scope.spawn(|| peer.open(&open));
                strike(navvyd, peer, fault, &run);
                opening.join().expect("an answer")
            });
            println!("{}: {} says: {refused:?}", run.name, P::NAME);
        }
    }
    run
}

/// An open whose message is lost with its connection.
pub fn lose<P: Peer>(world: &mut World<P>, row: Row) -> Run {
    begin(world, row, Fault::Cut)
}

/// Rows after it: the channels are opened together.
fn later<P: Peer>(world: &mut World<P>, fault: Fault, table: &mut Table) -> Vec<Run> {
    let mut runs = Vec::new();
    for row in of_stages::<P>(LATER) {
        let run = Run::start(world, row);
        run.open(world);
        if row.stage == Stage::Ready {
            run.hold();
        }
        runs.push((run, row.stage));
    }
    world.bitcoind.wait_mempool(runs.len());
    world.mine(6);
    for (run, stage) in &runs {
        run.connect(world);
        if *stage != Stage::Ready {
            run.wait_ours(world, "Normal");
            run.wait_theirs(world, "active", |channel| channel.active);
        }
        match stage {
            Stage::Opening => {}
            Stage::Ready => run.wait_other_channel_ready(world),
            Stage::Reestablish => {
                run.proxy.cut();
                run.wait_apart(&world.navvyd, &world.peer);
                run.hold();
                run.proxy.mend();
                run.connect(world);
            }
            Stage::Closing | Stage::ClosingByAccepter => {
                run.hold();
                run.close(world);
            }
        }
        strike(&mut world.navvyd, &world.peer, fault, run);
        table.observe(run.key("at once"), || run.look(world));
    }
    let runs: Vec<Run> = runs.into_iter().map(|(run, _)| run).collect();
    meet_again(world, &runs, table);
    runs
}

/// The message is on its way: now.
fn strike<P: Peer>(navvyd: &mut Navvyd, peer: &P, fault: Fault, run: &Run) {
    run.proxy.wait_held();
    if fault == Fault::Kill {
        navvyd.kill();
    }
    run.proxy.cut();
    if fault == Fault::Kill {
        navvyd.start_again();
    }
    run.wait_apart(navvyd, peer);
}

/// The ways are open again; then six blocks.
fn meet_again<P: Peer>(world: &World<P>, runs: &[Run], table: &mut Table) {
    for run in runs {
        run.proxy.mend();
        run.connect(world);
        table.observe(run.key("again"), || run.look(world));
        table.observe(run.key("said"), || run.said());
        // LDK offers again what was not answered: it must have seen the funding of the one before.
        world.settle();
    }
    world.mine(6);
    for run in runs {
        table.observe(run.key("6 blocks"), || run.look(world));
        table.observe(run.key("so"), || run.verdict(world).to_owned());
    }
}

/// Whatever is open is closed together, and every satoshi is where it should be.
pub fn close_all<P: Peer>(world: &World<P>, runs: &[Run], table: &mut Table) {
    let mut points = Vec::new();
    for run in runs {
        run.connect(world);
        for channel in run.ours(world) {
            if channel["state"] == "Normal" {
                run.wait_theirs(world, "active", |channel| channel.active);
                let close = Close { force: false, sat_per_kw: 2_500 };
                world.navvyd.close(&channel["channel_point"], close);
                points.push(channel["channel_point"].clone());
            }
        }
    }
    world.bitcoind.wait_mempool(points.len());
    world.mine(6);
    for point in &points {
        world.navvyd.wait_channel_state(point, "Closed");
        world.wait_peer_channel(point, "closed", |channel| channel.standing == Standing::Closed);
    }
    for run in runs {
        if let Some(coins) = run.coins(world) {
            table.observe(run.key("coins"), || coins.clone());
        }
    }
    println!("{} channels closed", points.len());
    world.check_sum(0);
}

/// What each channel holds, in satoshi.
const CHANNEL: u64 = 1_000_000;
/// What happens once the channels are open.
const LATER: &[Stage] =
    &[Stage::Ready, Stage::Reestablish, Stage::Closing, Stage::ClosingByAccepter];
