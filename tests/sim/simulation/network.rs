//! Connections: real messages through real `peer::Connection`s, with latency, and cut at any message.

use super::bugs::Bug;
use super::calendar::Item;
use super::world::World;
use bitcoin::secp256k1::PublicKey;
use node::{ConnId, Event};
use peer::{Connection, Delivery, Monotonic, Output, Settings};
use wire::Message;

/// All connections that ever were.
#[derive(Default)]
pub struct Network {
    links: Vec<[End; 2]>,
    next_conn: u64,
}

/// One end of a connection.
pub struct End {
    /// Whose.
    pub host: usize,
    /// Of which of its processes.
    pub life: u32,
    /// Its name there.
    pub conn: ConnId,
    bolt1: Connection,
    /// Where this end dialled.
    dialled: Option<PublicKey>,
    /// It still sends.
    is_open: bool,
    /// Its node knows of it.
    is_known: bool,
    /// The node asked for a sign of life.
    node_asked: bool,
    /// When the last packet that is on its way to this end arrives.
    last_arrival: u64,
    /// What arrives later is lost.
    deaf_from: u64,
}

impl Network {
    /// The open end with this name.
    fn find(&self, host: usize, conn: ConnId) -> Option<(usize, usize)> {
        self.links.iter().enumerate().rev().find_map(|(link, ends)| {
            let end = ends.iter().position(|end| end.host == host && end.conn == conn)?;
            Some((link, end))
        })
    }

    /// Whose an end is.
    pub fn host_of(&self, link: usize, end: usize) -> usize {
        self.links[link][end].host
    }

    /// The links of which an end is open, with that end.
    pub fn open_ends(&self) -> Vec<(usize, usize)> {
        let ends = self.links.iter().enumerate().flat_map(|(link, ends)| {
            ends.iter().enumerate().map(move |(number, end)| (link, number, end))
        });
        ends.filter(|(_, _, end)| end.is_open).map(|(link, number, _)| (link, number)).collect()
    }

    /// Whether a host's process has an end that leads to the other one, which its node may know.
    pub fn has_end(&self, host: usize, life: u32, other: usize) -> bool {
        self.links.iter().any(|ends| {
            (0..2).any(|number| {
                let end = &ends[number];
                end.host == host
                    && end.life == life
                    && end.is_open
                    && ends[1 - number].host == other
            })
        })
    }
}

impl World {
    /// A dial reaches its goal: a connection, or a failure.
    pub fn dialled(&mut self, from: usize, node_id: PublicKey) {
        let fails = !self.is_calm && self.dice.per_mille(100);
        let to = self.hosts.iter().position(|host| host.node_id == node_id);
        let up = to.filter(|to| self.hosts[*to].process.is_some() && !fails);
        let Some(to) = up else {
            self.dial_failed(from, node_id, "connection refused");
            return;
        };
        if from == to {
            self.dial_failed(from, node_id, "that is us");
            return;
        }
        // One connection for each peer: a live one stays, what is left of a dead one goes.
        let shared = self.ends_between(from, to);
        let is_alive = |(link, _): &(usize, usize)| {
            self.network.links[*link].iter().all(|end| end.is_open && end.deaf_from == u64::MAX)
        };
        if shared.iter().any(is_alive) {
            self.dial_failed(from, node_id, "there is a connection already");
            return;
        }
        let before_loss = self.dice.per_mille(300);
        if !before_loss {
            self.drop_ends(&shared);
        }
        self.connect(from, to);
        if before_loss {
            self.drop_ends(&shared);
        }
    }

    fn ends_between(&self, one: usize, other: usize) -> Vec<(usize, usize)> {
        let is_shared = |(link, _): &(usize, usize)| {
            let hosts = self.network.links[*link].iter().map(|end| end.host);
            hosts.clone().any(|host| host == one) && hosts.clone().any(|host| host == other)
        };
        self.network.open_ends().into_iter().filter(is_shared).collect()
    }

    fn drop_ends(&mut self, ends: &[(usize, usize)]) {
        for (link, end) in ends {
            self.lost(*link, *end, "replaced by a newer connection");
        }
    }

    fn dial_failed(&mut self, host: usize, node_id: PublicKey, reason: &str) {
        self.hear(host, Event::DialFailed { node_id, reason: reason.to_owned() });
    }

    fn connect(&mut self, from: usize, to: usize) {
        let link = self.network.links.len();
        self.trace.line(format_args!("n{from} connects to n{to} (link {link})"));
        let mut hellos = Vec::new();
        let mut make = |world: &mut Self, host: usize, dialled: Option<PublicKey>| {
            let now = world.monotonic(host);
            let (bolt1, init) = Connection::new(Settings::new(world.hosts[host].init()), now);
            world.network.next_conn += 1;
            hellos.push(Message::Init(init));
            End {
                host,
                life: world.hosts[host].life,
                conn: ConnId(world.network.next_conn),
                bolt1,
                dialled,
                is_open: true,
                is_known: false,
                node_asked: false,
                last_arrival: world.now,
                deaf_from: u64::MAX,
            }
        };
        let dialled = self.hosts[to].node_id;
        let ends = [make(self, from, Some(dialled)), make(self, to, None)];
        self.network.links.push(ends);
        for (end, init) in hellos.into_iter().enumerate() {
            self.put_on_wire(link, end, &init);
            self.plan_tick(link, end);
        }
    }

    /// A node's message.
    pub fn send(&mut self, host: usize, conn: ConnId, message: &Message) {
        let Some((link, end)) = self.network.find(host, conn) else { return };
        if self.network.links[link][end].is_open {
            self.put_on_wire(link, end, message);
        }
    }

    /// A node asks for a sign of life.
    pub fn ping(&mut self, host: usize, conn: ConnId) {
        let Some((link, end)) = self.network.find(host, conn) else { return };
        let now = self.monotonic(host);
        let this = &mut self.network.links[link][end];
        if this.is_open {
            this.node_asked = true;
            let output = this.bolt1.wants_ping(now);
            self.put_out(link, end, output);
        }
    }

    /// A node ends a connection: what it has said before arrives.
    pub fn disconnect(&mut self, host: usize, conn: ConnId, reason: &str) {
        if let Some((link, end)) = self.network.find(host, conn) {
            self.hang_up(link, end, reason);
        }
    }

    /// Bytes arrive.
    pub fn packet(&mut self, link: usize, end: usize, bytes: &[u8]) {
        let this = &self.network.links[link][end];
        if !this.is_open || self.now > this.deaf_from {
            return;
        }
        let now = self.monotonic(this.host);
        let output = self.network.links[link][end].bolt1.received(now, bytes);
        self.put_out(link, end, output);
        self.plan_tick(link, end);
    }

    /// Time has passed.
    pub fn tick(&mut self, link: usize, end: usize) {
        let this = &self.network.links[link][end];
        if !this.is_open || !self.lives(this.host, this.life) {
            return;
        }
        let now = self.monotonic(this.host);
        if this.bolt1.deadline().is_some_and(|deadline| now >= deadline) {
            let output = self.network.links[link][end].bolt1.tick(now);
            self.put_out(link, end, output);
            self.plan_tick(link, end);
        }
    }

    /// An end notices that its connection is gone.
    pub fn lost(&mut self, link: usize, end: usize, reason: &str) {
        let this = &mut self.network.links[link][end];
        if !this.is_open {
            return;
        }
        this.is_open = false;
        this.deaf_from = this.deaf_from.min(self.now);
        let (host, life, conn) = (this.host, this.life, this.conn);
        let (is_known, dialled) = (this.is_known, this.dialled);
        self.leave(link, 1 - end, reason);
        if !self.lives(host, life) {
            return;
        }
        match (is_known, dialled) {
            (true, _) if self.ignores_loss(host) => {}
            (true, _) => self.hear(host, Event::Lost { conn, reason: reason.to_owned() }),
            (false, Some(node_id)) => self.dial_failed(host, node_id, reason),
            (false, None) => {}
        }
    }

    /// Ends a connection from the outside: what is on its way may arrive, what comes later does not.
    pub fn cut(&mut self, link: usize) {
        self.trace.line(format_args!("link {link} is cut"));
        self.trace.statistics.count("cut");
        for end in 0..2 {
            self.leave(link, end, "connection reset");
        }
    }

    /// The ends of a process that is no more.
    pub fn network_of_the_dead(&mut self, host: usize) {
        for (link, end) in self.network.open_ends() {
            if self.network.links[link][end].host == host {
                self.network.links[link][end].is_open = false;
                self.leave(link, 1 - end, "connection reset");
            }
        }
    }

    /// The other side is gone: this end reads on for a while and then notices.
    fn leave(&mut self, link: usize, end: usize, reason: &str) {
        let (now, latency) = (self.now, self.settings.latency);
        let reads_until = now + self.dice.below(latency + 1);
        let notices = reads_until + self.dice.between(1, 5_000);
        let this = &mut self.network.links[link][end];
        if !this.is_open || this.deaf_from != u64::MAX {
            return;
        }
        this.deaf_from = reads_until;
        let reason = reason.to_owned();
        self.calendar.plan(notices, Item::Lost { link, end, reason });
    }

    /// This end is closed in good order: everything that it sent arrives.
    fn hang_up(&mut self, link: usize, end: usize, reason: &str) {
        let other = &mut self.network.links[link][1 - end];
        if other.is_open && other.deaf_from == u64::MAX {
            other.deaf_from = other.last_arrival;
            let at = other.last_arrival.max(self.now) + 1;
            let text = "the peer closed the connection".to_owned();
            self.calendar.plan(at, Item::Lost { link, end: 1 - end, reason: text });
        }
        self.lost(link, end, reason);
    }

    fn put_on_wire(&mut self, link: usize, end: usize, message: &Message) {
        let from = self.network.links[link][end].host;
        let to = self.network.links[link][1 - end].host;
        let is_chatter = matches!(message, Message::Ping(_) | Message::Pong(_));
        if !is_chatter {
            self.trace.line(format_args!("n{from} -> n{to} {}", name_of(message)));
        }
        let forged = self.forge(to, message);
        let mut bytes = Vec::new();
        forged.as_ref().unwrap_or(message).encode(&mut bytes);
        let cuts = self.settings.cuts;
        if !self.is_calm && !is_chatter && self.dice.per_mille(cuts) {
            self.cut(link);
        }
        let delay = 1 + self.dice.below(self.settings.latency);
        let (copies, lateness) = if is_chatter { (1, 0) } else { self.manners(from, message) };
        let other = &mut self.network.links[link][1 - end];
        other.last_arrival = other.last_arrival.max(self.now + delay + lateness);
        let at = other.last_arrival;
        for _ in 0..copies {
            let bytes = bytes.clone();
            self.calendar.plan(at, Item::Packet { link, end: 1 - end, bytes });
        }
    }

    /// How often a message arrives and how late it is: a rude peer swallows one, says it twice, or takes
    /// its time.
    fn manners(&mut self, from: usize, message: &Message) -> (usize, u64) {
        let rude = self.settings.rude;
        if self.is_calm || rude == 0 || !self.dice.per_mille(rude) {
            return (1, 0);
        }
        let (what, manners) = match self.dice.below(3) {
            0 => ("never", (0, 0)),
            1 => ("twice", (2, 0)),
            _ => {
                let late = self.dice.between(5_000, 900_000);
                ("late", (1, late.min(self.settings.safety.saturating_sub(self.now))))
            }
        };
        if matches!(message, Message::Init(_)) && manners.0 != 1 {
            return (1, 0);
        }
        self.trace.line(format_args!("n{from}'s {} comes {what}", message.name()));
        self.trace.statistics.count(format!("a message comes {what}"));
        manners
    }

    fn put_out(&mut self, link: usize, end: usize, output: Output) {
        for message in &output.send {
            self.put_on_wire(link, end, message);
        }
        for delivery in output.deliver {
            self.deliver(link, end, delivery);
        }
        if let Some(reason) = output.close {
            self.hang_up(link, end, &reason.to_string());
        }
    }

    fn deliver(&mut self, link: usize, end: usize, delivery: Delivery) {
        let node_id = self.hosts[self.network.links[link][1 - end].host].node_id;
        let this = &mut self.network.links[link][end];
        let (host, conn) = (this.host, this.conn);
        let event = match delivery {
            Delivery::Connected { features } => {
                this.is_known = true;
                let address = this.dialled.map(|_| ADDRESS.to_owned());
                Event::Connected { conn, node_id, features, address }
            }
            Delivery::Message(message) => Event::Message { conn, message },
            Delivery::Alive if std::mem::take(&mut this.node_asked) => Event::Alive { conn },
            Delivery::Alive => return,
        };
        self.hear(host, event);
    }

    fn plan_tick(&mut self, link: usize, end: usize) {
        let this = &self.network.links[link][end];
        let Some(process) = &self.hosts[this.host].process else { return };
        if let Some(deadline) = this.bolt1.deadline() {
            let at = (process.started + deadline.as_millis()).max(self.now + 1);
            self.calendar.plan(at, Item::Tick { link, end });
        }
    }

    fn monotonic(&self, host: usize) -> Monotonic {
        let started = self.hosts[host].process.as_ref().map_or(0, |process| process.started);
        Monotonic::from_millis(self.now - started)
    }

    /// The planted bug.
    fn ignores_loss(&self, host: usize) -> bool {
        self.settings.bug == Some(Bug::DisconnectIgnored)
            && self.hosts[host].node().is_some_and(|node| {
                let mut channels = node.channels().values();
                channels.any(|channel| channel.state.name() == "WaitForFundingSigned")
            })
    }
}

fn name_of(message: &Message) -> String {
    let mut text = std::borrow::Cow::default();
    if let Message::Error(wire::Error { data, .. }) | Message::Warning(wire::Warning { data, .. }) =
        message
    {
        text = String::from_utf8_lossy(data);
    }
    let id = message.channel_id().map(|id| id.to_string()[..6].to_owned()).unwrap_or_default();
    format!("{} {id} {text}", message.name())
}

/// Where every node is dialled: who is meant follows from the key.
pub const ADDRESS: &str = "simulated:9735";
