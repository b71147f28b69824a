//! What must hold for any bytes in place of a row of the database: an error that names what is wrong, or a
//! value that is written as what it was read from.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Network};
use chain::{Follower, Tip};
use funding::{Monotonic, Now, Policy, Resumed};
use node::{
    Channel, Config, DormantIndex, Entropy, Event, JournalRow, Node, Request, ResumedChannel, Row,
    Store, StoreError, Table, Write,
};
use transactions::Timestamp;
use wallet::{Seed, Wallet};

/// The first byte says which kind of row the rest is.
pub fn check(bytes: &[u8]) {
    let Some((kind, row)) = bytes.split_first() else { return };
    match kind % 16 {
        0 => check_funding(row),
        1 => check_closing(row),
        2 => check_channel(row),
        3 => check_request(row),
        4 => check_journal(row),
        5 => check_tip(row),
        6 => check_follower(row),
        7 => check_wallet(row),
        8 => check_dormant(&[7; 16], row),
        9 => check_dormant(&[7; 17], row),
        table => check_start(Table::ALL[usize::from(table) % Table::ALL.len()], row),
    }
}

fn check_funding(row: &[u8]) {
    match funding::State::resume(row) {
        Ok(Resumed::Same(state) | Resumed::Changed(state, _)) => {
            let written = state.record().unwrap();
            assert_eq!(funding::State::resume(&written), Ok(Resumed::Same(state)));
        }
        Ok(Resumed::Ended(_, failure)) => assert!(!failure.text.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_closing(row: &[u8]) {
    match closing::State::resume(row) {
        Ok(state) => assert_eq!(closing::State::resume(&state.record()).as_ref(), Ok(&state)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_channel(row: &[u8]) {
    match Channel::resume(row) {
        Ok(ResumedChannel::Channel(channel, _)) => {
            let written = channel.row().unwrap();
            let Ok(ResumedChannel::Channel(again, None)) = Channel::resume(&written) else {
                panic!("what was written cannot be read");
            };
            assert_eq!(again.row().unwrap(), written);
            assert_eq!(again.history, channel.history);
        }
        Ok(ResumedChannel::Ended(_, failure)) => assert!(!failure.text.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_request(row: &[u8]) {
    match Request::resume(b"payroll-7", row, Monotonic(0)) {
        Ok(request) => {
            let again = Request::resume(b"payroll-7", &request.row(), Monotonic(0));
            assert_eq!(again.as_ref(), Ok(&request));
            let _ = request.view();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_journal(row: &[u8]) {
    match JournalRow::read(row) {
        Ok(entry) => assert_eq!(JournalRow::read(&entry.row()).as_ref(), Ok(&entry)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_tip(row: &[u8]) {
    match Tip::from_record(row) {
        Ok(tip) => assert_eq!(tip.record(), row),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_follower(row: &[u8]) {
    match Follower::from_record(row) {
        Ok(follower) => {
            let written = follower.record();
            assert!(
                row.ends_with(&written[5..]) && follower.tip().height >= follower.oldest().height
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A row behind those that the wallet has, as a damaged disk would put it there.
fn check_wallet(row: &[u8]) {
    let good = base().iter().filter(|(table, ..)| *table == Table::Wallet);
    let rows = good.map(|(_, _, value)| value.as_slice()).chain([row]);
    match Wallet::restore(&seed(), Network::Regtest, rows) {
        Ok(wallet) => {
            let folded = wallet.folded();
            let again = Wallet::restore(&seed(), Network::Regtest, [folded.as_slice()]).unwrap();
            assert_eq!(again.tip(), wallet.tip());
            let coins = |wallet: &Wallet| wallet.coins().count();
            assert_eq!(coins(&again), coins(&wallet));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_dormant(key: &[u8], row: &[u8]) {
    let mut disk = Disk::default();
    disk.rows.insert((Table::Dormant, key.to_vec()), row.to_vec());
    match DormantIndex::read(&disk) {
        Ok(index) => assert!(index.len() <= 1),
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_))),
    }
}

/// A node's whole disk with one row in it that may be anything: it starts, or says why not. One that has
/// started hears of the chain, and what it wrote lets it start again.
fn check_start(table: Table, bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return };
    let (key, value) = rest.split_at(usize::from(*length % 64).min(rest.len()));
    let mut disk = Disk::default();
    for (table, key, value) in base() {
        disk.rows.insert((*table, key.clone()), value.clone());
    }
    disk.rows.insert((table, key.to_vec()), value.to_vec());
    let Some(mut node) = start(&mut disk) else { return };
    let events = vec![Event::ChainState { synced: true, problem: None }];
    let step = node.handle(now(60_000), events, &mut NoChance);
    step.commit(&mut disk).unwrap();
    assert!(start(&mut disk).is_some(), "what a node has written lets it start");
}

fn start(disk: &mut Disk) -> Option<Node> {
    let dormant = match DormantIndex::read(disk) {
        Ok(dormant) => dormant,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let rows = disk.live().unwrap();
    match Node::restore(config(), &seed(), &rows, (0, dormant), now(0), &mut NoChance) {
        Ok((node, step)) => {
            step.commit(disk).unwrap();
            Some(node)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The rows of a node that was just created.
fn base() -> &'static [Row] {
    static BASE: OnceLock<Vec<Row>> = OnceLock::new();
    BASE.get_or_init(|| {
        let birthday = Tip { height: 100, hash: BlockHash::from_byte_array([1; 32]) };
        let (_, step) = Node::create(config(), &seed(), birthday, now(0), &mut NoChance);
        let mut disk = Disk::default();
        step.commit(&mut disk).unwrap();
        disk.live().unwrap()
    })
}

fn config() -> Config {
    Config {
        network: Network::Regtest,
        policy: Policy::new(ChainHash::REGTEST),
        features: wire::Features::default(),
    }
}

fn seed() -> Seed {
    Seed::from_entropy([7; 32])
}

fn now(milliseconds: u64) -> Now {
    Now { monotonic: Monotonic(milliseconds), timestamp: Timestamp(1_700_000_000_000) }
}

struct NoChance;

impl Entropy for NoChance {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A disk that never fails.
#[derive(Default)]
struct Disk {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl Store for Disk {
    fn live(&self) -> Result<Vec<Row>, StoreError> {
        let rows = self.rows.iter().filter(|((table, _), _)| Table::LIVE.contains(table));
        Ok(rows.map(|((table, key), value)| (*table, key.clone(), value.clone())).collect())
    }

    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(&(table, key.to_vec())).cloned())
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows =
            self.rows.range((table, from.to_vec())..).take_while(|((of, _), _)| *of == table);
        Ok(rows
            .take(limit)
            .map(|((table, key), value)| (*table, key.clone(), value.clone()))
            .collect())
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        for Write { table, key, value } in writes {
            match value {
                Some(value) => self.rows.insert((*table, key.clone()), value.clone()),
                None => self.rows.remove(&(*table, key.clone())),
            };
        }
        Ok(())
    }
}
