//! Room that is kept for the moment when the disk is full.

use crate::error::io_error;
use node::StoreError;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file that is removed when the disk is full, so that what was being written, and what has to be written
/// before a clean end, finds room. Clones are the same file.
#[derive(Clone, Debug)]
pub struct Ballast {
    path: PathBuf,
    given_up: Arc<AtomicBool>,
}

impl Ballast {
    /// The file at `path` with this many bytes, made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room for it, of which none is taken then.
    pub fn lay(path: &Path, bytes: u64) -> Result<Self, StoreError> {
        let there = fs::metadata(path).map(|file| file.len()).unwrap_or(0);
        if there != bytes
            && let Err(error) = write(path, bytes)
        {
            let _ = fs::remove_file(path);
            return Err(io_error(&error));
        }
        Ok(Self { path: path.to_owned(), given_up: Arc::default() })
    }

    /// Whether the disk was full since [`Ballast::lay`].
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Does `work`, and once more after giving the file up if the disk was full.
    pub(crate) fn help<T>(&self, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if is_full(&error) && self.give_up() => work(),
            result => result,
        }
    }

    /// Makes room; `false` when there was none left to make.
    fn give_up(&self) -> bool {
        self.given_up.store(true, Ordering::Relaxed);
        fs::remove_file(&self.path).is_ok()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Noise, for a file system that compresses or leaves zeroes out would keep no room for anything else.
fn write(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut left = bytes;
    while left > 0 {
        let mut block = Vec::with_capacity(BLOCK);
        while block.len() < BLOCK {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend(state.to_le_bytes());
        }
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK);
        file.write_all(block.get(..part).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(part).unwrap_or(u64::MAX));
    }
    file.sync_all()
}

const BLOCK: usize = 64 * 1024;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::Database;
    use crate::model::{Model, commit};
    use node::Store;
    use redb::StorageBackend;
    use redb::backends::InMemoryBackend;
    use std::sync::atomic::AtomicU64;

    /// A disk with room for so many bytes, the ballast included.
    #[derive(Clone, Debug)]
    struct SmallDisk {
        memory: Arc<InMemoryBackend>,
        room: Arc<AtomicU64>,
        ballast: PathBuf,
    }

    impl SmallDisk {
        fn check(&self, length: u64) -> io::Result<()> {
            let ballast = fs::metadata(&self.ballast).map_or(0, |file| file.len());
            if length + ballast > self.room.load(Ordering::Relaxed) {
                return Err(ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }

    impl StorageBackend for SmallDisk {
        fn len(&self) -> io::Result<u64> {
            self.memory.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.memory.read(offset, out)
        }
        fn set_len(&self, length: u64) -> io::Result<()> {
            self.check(length)?;
            self.memory.set_len(length)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.memory.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.memory.write(offset, data)
        }
    }

    const BALLAST: u64 = 4 * 1024 * 1024;

    fn disk(folder: &Path) -> (SmallDisk, Ballast) {
        let path = folder.join("ballast");
        let ballast = Ballast::lay(&path, BALLAST).unwrap();
        let room = Arc::new(AtomicU64::new(u64::MAX));
        (SmallDisk { memory: Arc::new(InMemoryBackend::new()), room, ballast: path }, ballast)
    }

    #[test]
    fn a_commit_that_finds_the_disk_full_is_done_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, ballast) = disk(folder.path());
        let mut database = Database::with_ballast(disk.clone(), &ballast).unwrap();
        database.write(&commit(1)).unwrap();
        disk.room.store(disk.len().unwrap() + BALLAST, Ordering::Relaxed);
        let mut number = 2;
        while !ballast.is_given_up() {
            database.write(&commit(number)).unwrap();
            number += 1;
            assert!(number < 10_000, "it never grows");
        }
        assert!(!folder.path().join("ballast").exists());
        database.write(&commit(number)).unwrap();
        let state = Model::of(&database).unwrap();
        drop(database);
        let database = Database::with_backend(disk).unwrap();
        assert_eq!(Model::of(&database).unwrap(), state);
    }

    #[test]
    fn room_is_tested_with_a_commit_that_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, ballast) = disk(folder.path());
        let mut database = Database::with_ballast(disk.clone(), &ballast).unwrap();
        database.write(&commit(1)).unwrap();
        let state = Model::of(&database).unwrap();
        database.test_room(1024 * 1024).unwrap();
        assert!(!ballast.is_given_up());
        assert_eq!(Model::of(&database).unwrap(), state);
        disk.room.store(0, Ordering::Relaxed);
        let error = database.test_room(8 * 1024 * 1024).unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error}");
        assert!(ballast.is_given_up());
    }

    #[test]
    fn it_is_laid_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        Ballast::lay(&path, 100_000).unwrap();
        let first = fs::read(&path).unwrap();
        assert_eq!(first.len(), 100_000);
        fs::write(&path, b"cut short").unwrap();
        Ballast::lay(&path, 100_000).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
    }
}
