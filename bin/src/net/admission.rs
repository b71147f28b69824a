//! Places that are limited in all and per block of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::{Places, locked};

/// Hands out places.
#[derive(Debug)]
pub(super) struct Admission {
    places: Places,
    taken: Mutex<Taken>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    block: Option<Block>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    /// Blocks with a place taken, and no others.
    blocks: BTreeMap<Block, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Block {
    V4([u8; 3]),
    V6([u8; 6]),
}

impl Admission {
    pub(super) fn new(places: Places) -> Arc<Self> {
        Arc::new(Self { places, taken: Mutex::default() })
    }

    /// A place for a peer from `address`, if one is free.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let block = block(address);
        let mut taken = locked(&self.taken);
        let in_block = block.and_then(|block| taken.blocks.get(&block)).copied().unwrap_or(0);
        if taken.total >= self.places.total || in_block >= self.places.per_block {
            return None;
        }
        taken.total = taken.total.saturating_add(1);
        if let Some(block) = block {
            taken.blocks.insert(block, in_block.saturating_add(1));
        }
        Some(Place { admission: Arc::clone(self), block })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = locked(&self.admission.taken);
        taken.total = taken.total.saturating_sub(1);
        let Some(block) = self.block else { return };
        let left = taken.blocks.get(&block).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            taken.blocks.remove(&block);
        } else {
            taken.blocks.insert(block, left);
        }
    }
}

/// `None`: not limited per block.
fn block(address: IpAddr) -> Option<Block> {
    let address = address.to_canonical();
    match address {
        _ if address.is_loopback() => None,
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Some(Block::V4([a, b, c]))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, ..] = ip.octets();
            Some(Block::V6([a, b, c, d, e, f]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(admission: &Arc<Admission>, address: &str) -> Option<Place> {
        admission.enter(address.parse().unwrap())
    }

    #[test]
    fn a_block_has_its_share() {
        let admission = Admission::new(Places { total: 5, per_block: 2 });
        let first = enter(&admission, "203.0.113.1").unwrap();
        let _second = enter(&admission, "203.0.113.200").unwrap();
        assert!(enter(&admission, "203.0.113.7").is_none());
        assert!(enter(&admission, "::ffff:203.0.113.7").is_none(), "the same, mapped");
        let _other = enter(&admission, "203.0.112.7").unwrap();
        let _sixth = enter(&admission, "2001:db8:1::1").unwrap();
        let seventh = enter(&admission, "2001:db8:1:ffff::1").unwrap();
        drop(seventh);
        drop(first);
        assert!(enter(&admission, "203.0.113.7").is_some());
    }

    #[test]
    fn the_total_holds_for_all() {
        let admission = Admission::new(Places { total: 20, per_block: 1 });
        let places: Vec<_> = (0..20).map(|_| enter(&admission, "127.0.0.1").unwrap()).collect();
        assert!(enter(&admission, "::1").is_none());
        assert!(enter(&admission, "203.0.113.1").is_none());
        drop(places);
        let taken = locked(&admission.taken);
        assert!(taken.total == 0 && taken.blocks.is_empty());
    }

    #[test]
    fn what_is_given_back_leaves_no_trace() {
        let admission = Admission::new(Places { total: 1_000, per_block: 3 });
        for number in 0..1_000_u32 {
            let address = IpAddr::from(number.wrapping_mul(2_654_435_761).to_be_bytes());
            drop(admission.enter(address));
        }
        assert!(locked(&admission.taken).blocks.is_empty());
    }
}
