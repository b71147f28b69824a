//! A disk in memory with the faults of real ones, for tests: it forgets what was not synced, tears
//! writes, lies about syncs, fills up, fails, and rots.

use crate::overlay::{check_range, end};
use redb::{BackendError, StorageBackend};
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle of one disk; clones are the same disk. What was synced is kept apart from what was only
/// written, so that [`FaultyDisk::crash`] can tell what survives.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// What reads see.
    live: Vec<u8>,
    /// What survives a crash for sure.
    durable: Vec<u8>,
    /// What was written since the last honest sync, in order.
    pending: Vec<Change>,
    operations: u64,
    syncs: u64,
    fails_from: Option<u64>,
    full_from: Option<u64>,
    lies_from: Option<u64>,
    capacity: Option<u64>,
    locked: bool,
    gone: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl FaultyDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk that holds `image`, durably.
    pub fn from_image(image: Vec<u8>) -> Self {
        let state = State { live: image.clone(), durable: image, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// What a reader sees now.
    pub fn image(&self) -> Vec<u8> {
        self.state().live.clone()
    }

    /// What is certainly there after a crash.
    pub fn durable_image(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    /// Cuts the power: the disk as it is found afterwards, with nothing that was not synced and
    /// without faults. Every later access through the old handles fails.
    pub fn crash(&self) -> Self {
        let mut state = self.state();
        state.gone = true;
        Self::from_image(state.durable.clone())
    }

    /// Cuts the power while the disk was writing: of what was not synced, a part that `seed` chooses
    /// is there, in sectors of 512 bytes.
    pub fn crash_torn(&self, seed: u64) -> Self {
        let mut state = self.state();
        state.gone = true;
        let mut dice = Dice(seed);
        let mut image = state.durable.clone();
        for change in &state.pending {
            match change {
                Change::SetLen(_) => {
                    if dice.coin() {
                        change.apply(&mut image);
                    }
                }
                Change::Write(offset, data) => tear(&mut image, *offset, data, &mut dice),
            }
        }
        Self::from_image(image)
    }

    /// Lets `operations` more accesses succeed and fails every one after that. The first that fails
    /// was half done, if it is a write.
    pub fn fail_after(&self, operations: u64) {
        let mut state = self.state();
        state.fails_from = Some(state.operations.saturating_add(operations));
    }

    /// As [`FaultyDisk::fail_after`], but the disk is full: reads go on.
    pub fn fill_up_after(&self, operations: u64) {
        let mut state = self.state();
        state.full_from = Some(state.operations.saturating_add(operations));
    }

    /// Has room for `bytes` and no more.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = Some(bytes);
    }

    /// From the sync with this number on (the first is 0), a sync reports success and does nothing.
    pub fn lie_from_sync(&self, number: u64) {
        self.state().lies_from = Some(number);
    }

    /// Ends all faults but damage that is done.
    pub fn heal(&self) {
        let mut state = self.state();
        state.fails_from = None;
        state.full_from = None;
        state.lies_from = None;
        state.capacity = None;
    }

    /// Inverts one bit, counted from the first byte's lowest, durably.
    pub fn flip_bit(&self, index: usize) {
        let mask = 1_u8.checked_shl((index % 8) as u32).unwrap_or(0);
        self.damage(|image| {
            if let Some(byte) = image.get_mut(index / 8) {
                *byte ^= mask;
            }
        });
    }

    /// Overwrites a page of 4096 bytes with zeros, durably.
    pub fn zero_page(&self, number: usize) {
        let start = number.saturating_mul(4096);
        self.damage(|image| {
            let until = start.saturating_add(4096).min(image.len());
            if let Some(page) = image.get_mut(start..until) {
                page.fill(0);
            }
        });
    }

    /// Cuts the disk's content to `length` bytes, durably.
    pub fn truncate(&self, length: usize) {
        self.damage(|image| image.truncate(length));
    }

    /// How many syncs were asked for.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// How many accesses there were: reads, writes, changes of the length, syncs.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    fn damage(&self, mut harm: impl FnMut(&mut Vec<u8>)) {
        let mut state = self.state();
        harm(&mut state.live);
        harm(&mut state.durable);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an access, and fails it if its time has come.
    fn access(&mut self, writes: bool) -> Result<(), io::Error> {
        if self.gone {
            return Err(io::Error::other("the power was cut"));
        }
        let number = self.operations;
        self.operations = number.saturating_add(1);
        if self.fails_from.is_some_and(|from| number >= from) {
            return Err(io::Error::other("injected failure"));
        }
        if writes && self.full_from.is_some_and(|from| number >= from) {
            return Err(full());
        }
        Ok(())
    }

    /// Whether the access that just failed is the first one, which a real disk may have begun.
    fn began(&self) -> bool {
        let last = self.operations.saturating_sub(1);
        self.fails_from == Some(last) || self.full_from == Some(last)
    }

    fn room(&self, length: u64) -> Result<(), io::Error> {
        if self.capacity.is_some_and(|capacity| length > capacity) { Err(full()) } else { Ok(()) }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> Result<u64, io::Error> {
        let state = self.state();
        if state.gone {
            return Err(io::Error::other("the power was cut"));
        }
        Ok(state.live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let mut state = self.state();
        state.access(false)?;
        check_range(offset, out.len(), state.live.len() as u64)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let until = start.saturating_add(out.len());
        if let Some(bytes) = state.live.get(start..until) {
            out.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.state();
        state.access(true)?;
        state.room(len)?;
        state.change(Change::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.state();
        state.access(true)?;
        let number = state.syncs;
        state.syncs = number.saturating_add(1);
        if state.lies_from.is_some_and(|from| number >= from) {
            return Ok(());
        }
        let pending = std::mem::take(&mut state.pending);
        for change in pending {
            change.apply(&mut state.durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.state();
        if let Err(error) = state.access(true) {
            let half = data.get(..data.len() / 2).unwrap_or_default();
            if state.began() && !half.is_empty() {
                state.change(Change::Write(offset, half.to_vec()));
            }
            return Err(error);
        }
        state.room(end(offset, data.len()))?;
        state.change(Change::Write(offset, data.to_vec()));
        Ok(())
    }

    fn close(&self) -> Result<(), io::Error> {
        self.state().locked = false;
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        whole(start, end)?;
        let mut state = self.state();
        Ok(!std::mem::replace(&mut state.locked, true))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        whole(start, end)?;
        self.state().locked = false;
        Ok(())
    }
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::SetLen(length) => image.resize(usize::try_from(*length).unwrap_or(0), 0),
            Self::Write(offset, data) => put(image, *offset, data),
        }
    }
}

/// Writes into an image, which grows when it has to.
fn put(image: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(0);
    let until = start.saturating_add(data.len());
    if image.len() < until {
        image.resize(until, 0);
    }
    if let Some(to) = image.get_mut(start..until) {
        to.copy_from_slice(data);
    }
}

/// Writes those sectors of a write that the dice let through.
fn tear(image: &mut Vec<u8>, offset: u64, data: &[u8], dice: &mut Dice) {
    let mut rest = data;
    let mut at = offset;
    while !rest.is_empty() {
        let in_sector = SECTOR.saturating_sub(at % SECTOR);
        let count = usize::try_from(in_sector).unwrap_or(rest.len()).min(rest.len());
        let (sector, after) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        if dice.coin() {
            put(image, at, sector);
        }
        at = end(at, count);
        rest = after;
    }
}

/// Locks of parts are for modes that share a file.
fn whole(start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
    match (start, end) {
        (Bound::Unbounded | Bound::Included(0), Bound::Unbounded) => Ok(()),
        _ => Err(BackendError::Unsupported),
    }
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

/// Pseudo-random bits from a seed (SplitMix64).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn coin(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;
