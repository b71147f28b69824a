//! What is to happen, in order.

use bitcoin::secp256k1::PublicKey;
use node::Event;
use std::collections::BTreeMap;

/// Something that will happen.
#[derive(Debug)]
pub enum Item {
    /// A process takes its next batch.
    Turn { host: usize, life: u32 },
    /// Something that an outside helper of a process found out reaches its inbox.
    Hear { host: usize, life: u32, event: Box<Event> },
    /// A process's chain thread looks for news.
    Poll { host: usize, life: u32 },
    /// A process's chain worker does its next job.
    Work { host: usize, life: u32 },
    /// A dial reaches its goal, or not.
    Dialled { host: usize, life: u32, node_id: PublicKey },
    /// Bytes reach an end of a connection.
    Packet { link: usize, end: usize, bytes: Vec<u8> },
    /// A deadline of an end of a connection.
    Tick { link: usize, end: usize },
    /// An end of a connection notices that it is gone.
    Lost { link: usize, end: usize, reason: String },
    /// A process is started.
    Start { host: usize },
    /// The operator does something.
    Operate,
    /// A block is due.
    Block,
    /// A fault is due.
    Fault,
    /// The chain backend is back.
    OutageOver,
    /// The world's own look at whether all is settled.
    Review,
}

/// Items by time; those of one moment in the order in which they were planned.
#[derive(Debug, Default)]
pub struct Calendar {
    items: BTreeMap<(u64, u64), Item>,
    next: u64,
}

impl Calendar {
    /// Plans an item.
    pub fn plan(&mut self, at: u64, item: Item) {
        self.items.insert((at, self.next), item);
        self.next += 1;
    }

    /// Takes the earliest.
    pub fn take(&mut self) -> Option<(u64, Item)> {
        self.items.pop_first().map(|((at, _), item)| (at, item))
    }
}
