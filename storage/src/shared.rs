//! A backend with more than one owner: the check reads it first, the database has it after. On a full disk it
//! gives up the ballast, if there is one, before redb hears of it.

use crate::Ballast;
use redb::{BackendError, StorageBackend};
use std::io;
use std::ops::Bound;
use std::sync::Arc;

/// A handle of a backend; all calls go through.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    backend: Arc<dyn StorageBackend>,
    ballast: Option<Ballast>,
}

impl Shared {
    pub(crate) fn new(backend: impl StorageBackend, ballast: Option<&Ballast>) -> Self {
        Self { backend: Arc::new(backend), ballast: ballast.cloned() }
    }

    pub(crate) fn ballast(&self) -> Option<Ballast> {
        self.ballast.clone()
    }

    fn helped<T>(&self, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match &self.ballast {
            Some(ballast) => ballast.help(work),
            None => work(),
        }
    }
}

impl StorageBackend for Shared {
    fn len(&self) -> Result<u64, io::Error> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.helped(|| self.backend.set_len(len))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.helped(|| self.backend.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.helped(|| self.backend.write(offset, data))
    }

    fn close(&self) -> Result<(), io::Error> {
        self.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }
}
