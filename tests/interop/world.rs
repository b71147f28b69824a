//! bitcoind, navvyd and one peer, on a chain of which both have a ripe coin of 50 bitcoin.

use crate::bitcoind::Bitcoind;
use crate::gate::Gate;
use crate::navvyd::Navvyd;
use crate::peer::{Open, Peer, PeerChannel, Standing};
use crate::process::wait_for;
use serde_json::Value;
use tempfile::TempDir;

/// See the file's head.
pub struct World<P> {
    /// The chain.
    pub bitcoind: Bitcoind,
    /// The peer.
    pub peer: P,
    /// What is tested.
    pub navvyd: Navvyd,
    /// Between navvyd and the RPC of bitcoind, if it was wished for.
    pub gate: Gate,
    /// What each had in the beginning.
    each: u64,
    /// The first height that belongs to the test.
    start: u64,
    folder: TempDir,
}

impl<P: Peer> World<P> {
    /// Starts all three.
    pub fn new() -> Self {
        Self::with(Wish::default())
    }

    /// Starts all three as wished.
    pub fn with(wish: Wish) -> Self {
        let folder = TempDir::new().expect("a folder");
        let bitcoind = Bitcoind::start(folder.path(), wish.bitcoind_options);
        if wish.stale {
            bitcoind.turn_clock_back();
            bitcoind.mine(11);
            bitcoind.set_clock_right();
        }
        bitcoind.mine(1);
        let gate = Gate::start(bitcoind.port);
        let rpc = if wish.gate { gate.port } else { bitcoind.port };
        let navvyd = Navvyd::start(folder.path(), rpc, wish.navvyd_options);
        let peer = P::start(folder.path(), &bitcoind, wish.peer_options);
        if wish.stale {
            bitcoind.turn_clock_back();
        }
        let coins = wish.coins.max(1);
        bitcoind.mine_to(coins, &navvyd.new_address());
        bitcoind.mine_to(coins, &peer.new_address());
        bitcoind.mine(100);
        if wish.stale {
            bitcoind.set_clock_right();
            bitcoind.mine(1);
        }
        let start = bitcoind.height() + 1;
        let each = COIN * u64::from(coins);
        let world = Self { bitcoind, gate, peer, navvyd, start, each, folder };
        world.settle();
        assert_eq!((world.navvyd.confirmed(), world.peer.confirmed()), (each, each));
        world
    }

    /// Where all their data is.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Waits until both have followed the chain to its end.
    pub fn settle(&self) {
        let height = self.bitcoind.height();
        self.navvyd.wait_height(height);
        wait_for("the peer to reach the tip", || self.peer.has_height(height).then_some(()));
    }

    /// Mines, and waits until both have seen it.
    pub fn mine(&self, blocks: u32) {
        self.bitcoind.mine(blocks);
        self.settle();
    }

    /// An open of a million satoshi by navvyd, not announced.
    pub fn open_to_peer(&self) -> Open {
        Open {
            node_id: self.peer.node_id(),
            address: self.peer.address(),
            funding_sat: 1_000_000,
            push_sat: 0,
            announce: false,
            channel_type: None,
            sat_per_kw: None,
            force: false,
        }
    }

    /// An open of a million satoshi by the peer, not announced.
    pub fn open_to_navvyd(&self) -> Open {
        Open {
            node_id: self.navvyd.node_id.clone(),
            address: self.navvyd.address.clone(),
            ..self.open_to_peer()
        }
    }

    /// Waits until the peer lists a channel with this standing.
    pub fn wait_peer(&self, standing: Standing) -> PeerChannel {
        self.wait_peer_for(&format!("{standing:?}"), |channel| channel.standing == standing)
    }

    /// Waits until the peer could use a channel.
    pub fn wait_peer_active(&self) -> PeerChannel {
        self.wait_peer_for("active", |channel| channel.active)
    }

    /// Waits until the peer lists this channel so.
    pub fn wait_peer_channel(
        &self,
        channel_point: &Value,
        what: &str,
        wanted: impl Fn(&PeerChannel) -> bool,
    ) -> PeerChannel {
        self.wait_peer_for(what, |channel| {
            *channel_point == channel.channel_point.as_str() && wanted(channel)
        })
    }

    fn wait_peer_for(&self, what: &str, wanted: impl Fn(&PeerChannel) -> bool) -> PeerChannel {
        wait_for(&format!("{} to list a channel as {what}", P::NAME), || {
            self.peer.channels().into_iter().find(|channel| wanted(channel))
        })
    }

    /// The fee of one.
    pub fn fee_of(&self, txid: &str) -> u64 {
        self.bitcoind.fees_since(self.start)[txid]
    }

    /// The fees of all transactions of the test.
    pub fn fees(&self) -> u64 {
        let fees = self.bitcoind.fees_since(self.start);
        for (txid, fee) in &fees {
            println!("fee {fee:>6} sat of {txid}");
        }
        fees.values().sum()
    }

    /// What both wallets together had, and have no more, less the fees.
    pub fn left_behind(&self) -> u64 {
        let fees = self.fees();
        let (navvyd, peer) = (self.navvyd.confirmed(), self.peer.confirmed());
        let left = (2 * self.each).checked_sub(navvyd + peer + fees).expect("no coin from nowhere");
        println!("navvyd {navvyd} + {} {peer} + fees {fees} + left {left}", P::NAME);
        left
    }

    /// Both wallets together have what they had, less the fees, and what nobody wanted.
    pub fn check_sum(&self, left_behind: u64) {
        assert_eq!(self.left_behind(), left_behind);
    }
}

/// How a world should be.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// navvyd's own flags.
    pub navvyd_options: &'static [&'static str],
    /// Those of bitcoind.
    pub bitcoind_options: &'static [&'static str],
    /// The peer's own flags.
    pub peer_options: &'static [&'static str],
    /// Ripe coins of each; one if nothing is said.
    pub coins: u32,
    /// navvyd reaches bitcoind through a gate.
    pub gate: bool,
    /// All blocks but the last are hours old, and so is the next that is mined with the clock turned back.
    pub stale: bool,
}

/// Flags of bitcoind under which it makes no estimates of its own. Some thirty transactions are enough for one, and
/// a minute later LDK moves the feerate of its channels, which navvy cannot do yet: they could only be forced.
pub const NO_ESTIMATES: &[&str] = &["-blocksonly"];
/// A ripe coin, in satoshi.
pub const COIN: u64 = 5_000_000_000;
/// Both anchors, in satoshi.
pub const ANCHORS: u64 = 660;
