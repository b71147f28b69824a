//! A view of a backend on which redb may write: what it writes stays in memory.

use crate::shared::Shared;
use redb::{BackendError, StorageBackend};
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Reads come from the base where nothing was written; locks are the base's.
#[derive(Debug)]
pub(crate) struct Overlay {
    base: Shared,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// How much of the base is still seen: a shrink hides the rest for good.
    base_len: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Nothing written yet.
    pub(crate) fn new(base: Shared) -> Result<Self, io::Error> {
        let len = base.len()?;
        let state = State { len, base_len: len, blocks: BTreeMap::new() };
        Ok(Self { base, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of redb may have poisoned it; the view is thrown away after that anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The block with this number as it is seen.
    fn block(&self, base: &Shared, number: u64) -> Result<Vec<u8>, io::Error> {
        if let Some(block) = self.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = vec![0; BLOCK];
        let start = number.saturating_mul(STEP);
        let seen = self.base_len.saturating_sub(start).min(STEP);
        let seen = usize::try_from(seen).unwrap_or(BLOCK);
        if let Some(part) = block.get_mut(..seen).filter(|part| !part.is_empty()) {
            base.read(start, part)?;
        }
        Ok(block)
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.state();
        check_range(offset, out.len(), state.len)?;
        if state.blocks.is_empty() && end(offset, out.len()) <= state.base_len {
            return self.base.read(offset, out);
        }
        for piece in Piece::all(offset, out.len()) {
            let block = state.block(&self.base, piece.block)?;
            let to = out.get_mut(piece.outer.clone()).ok_or_else(short)?;
            to.copy_from_slice(block.get(piece.inner).ok_or_else(short)?);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.state();
        if len < state.len {
            state.base_len = state.base_len.min(len);
            let first_gone = len.div_ceil(STEP);
            drop(state.blocks.split_off(&first_gone));
            let last = len / STEP;
            let kept = usize::try_from(len % STEP).unwrap_or(0);
            if let Some(rest) = state.blocks.get_mut(&last).and_then(|b| b.get_mut(kept..)) {
                rest.fill(0);
            }
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.state();
        state.len = state.len.max(end(offset, data.len()));
        for piece in Piece::all(offset, data.len()) {
            let mut block = state.block(&self.base, piece.block)?;
            let to = block.get_mut(piece.inner).ok_or_else(short)?;
            to.copy_from_slice(data.get(piece.outer).ok_or_else(short)?);
            state.blocks.insert(piece.block, block);
        }
        Ok(())
    }

    fn close(&self) -> Result<(), io::Error> {
        self.base.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.base.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.base.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.base.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.base.lock_shared_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.base.query_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.base.unlock_range(start, end)
    }
}

/// The part of an access that falls into one block.
struct Piece {
    block: u64,
    inner: std::ops::Range<usize>,
    outer: std::ops::Range<usize>,
}

impl Piece {
    fn all(offset: u64, len: usize) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut done = 0_usize;
        while done < len {
            let at = offset.saturating_add(done as u64);
            let from = usize::try_from(at % STEP).unwrap_or(0);
            let count = BLOCK.saturating_sub(from).min(len.saturating_sub(done));
            let until = done.saturating_add(count);
            let inner = from..from.saturating_add(count);
            pieces.push(Self { block: at / STEP, inner, outer: done..until });
            done = until;
        }
        pieces
    }
}

/// Where an access ends.
pub(crate) fn end(offset: u64, len: usize) -> u64 {
    offset.saturating_add(len as u64)
}

/// An access has to stay within the file.
pub(crate) fn check_range(offset: u64, len: usize, file_len: u64) -> Result<(), io::Error> {
    if end(offset, len) > file_len { Err(short()) } else { Ok(()) }
}

fn short() -> io::Error {
    io::Error::from(io::ErrorKind::UnexpectedEof)
}

const BLOCK: usize = 4096;
const STEP: u64 = 4096;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::FaultyDisk;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Access {
        Write(u16, Vec<u8>),
        SetLen(u16),
        Read(u16, u16),
    }

    fn access() -> impl Strategy<Value = Access> {
        prop_oneof![
            (0..20_000_u16, prop::collection::vec(any::<u8>(), 0..5000))
                .prop_map(|(at, data)| Access::Write(at, data)),
            (0..20_000_u16).prop_map(Access::SetLen),
            (0..20_000_u16, 0..5000_u16).prop_map(|(at, len)| Access::Read(at, len)),
        ]
    }

    proptest! {
        /// The view behaves as a plain file would, and the base never changes.
        #[test]
        fn behaves_as_a_file(accesses in prop::collection::vec(access(), 1..40)) {
            let first: Vec<u8> = (0..9000_u32).map(|i| i.to_le_bytes()[0]).collect();
            let disk = FaultyDisk::from_image(first.clone());
            let overlay = Overlay::new(Shared::new(disk.clone(), None)).unwrap();
            let mut model = first.clone();
            for access in accesses {
                match access {
                    Access::Write(at, data) => {
                        overlay.write(u64::from(at), &data).unwrap();
                        let end = usize::from(at) + data.len();
                        if model.len() < end { model.resize(end, 0); }
                        model[usize::from(at)..end].copy_from_slice(&data);
                    }
                    Access::SetLen(len) => {
                        overlay.set_len(u64::from(len)).unwrap();
                        model.resize(usize::from(len), 0);
                    }
                    Access::Read(at, len) => {
                        let mut out = vec![0; usize::from(len)];
                        let got = overlay.read(u64::from(at), &mut out);
                        let range = usize::from(at)..usize::from(at) + usize::from(len);
                        match model.get(range) {
                            Some(expected) => {
                                got.unwrap();
                                prop_assert_eq!(&out[..], expected);
                            }
                            None => prop_assert!(got.is_err()),
                        }
                    }
                }
                prop_assert_eq!(overlay.len().unwrap(), model.len() as u64);
            }
            prop_assert_eq!(disk.image(), first);
        }
    }
}
