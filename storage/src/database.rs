//! The store: one redb file, one transaction per commit.

use crate::Ballast;
use crate::check::check;
use crate::error::{io_error, store_error};
use crate::history::History;
use crate::shared::Shared;
use node::{Row, Store, StoreError, Table, Write};
use redb::backends::FileBackend;
use redb::{Durability, ReadableDatabase, StorageBackend, TableDefinition, WriteTransaction};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store on disk. Dropping it closes the file, unless a [`History`] still reads from it.
#[derive(Debug)]
pub struct Database {
    inner: Arc<redb::Database>,
    /// The error of the first failed write. The disk may hold that write or not, memory already
    /// does: nothing that this process says after it can be trusted.
    dead: Option<StoreError>,
    commits: u64,
    ballast: Option<Ballast>,
}

impl Database {
    /// Opens the file at `path`, after a check of every page.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a damaged or foreign file and for one of a newer navvy, which
    /// stays as it is; [`StoreError::InUse`] while another process has it; else the medium's.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_file(path, None)
    }

    /// Opens the file at `path`, or makes it; `ballast` is given up when the disk is full.
    ///
    /// # Errors
    /// As [`Database::open`] and [`Database::create`].
    pub fn open_or_create(path: &Path, ballast: &Ballast) -> Result<Self, StoreError> {
        if !path.exists() {
            copy_to_new_file(path, |_| Ok(())).map_err(|error| named(path, error))?;
        }
        Self::open_file(path, Some(ballast))
    }

    fn open_file(path: &Path, ballast: Option<&Ballast>) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| named(path, io_error(&error)))?;
        let backend = FileBackend::new(file).map_err(store_error)?;
        Self::existing(Shared::new(backend, ballast)).map_err(|error| named(path, error))
    }

    /// Makes a fresh database at `path`. A crash leaves either nothing there or all of it.
    ///
    /// # Errors
    /// When `path` exists, or the medium fails.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        copy_to_new_file(path, |_| Ok(())).map_err(|error| named(path, error))?;
        Self::open(path)
    }

    /// Opens what `backend` holds, as [`Database::open`] does; an empty one becomes a fresh database.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, StoreError> {
        Self::over_medium(Shared::new(backend, None))
    }

    #[cfg(test)]
    pub(crate) fn with_ballast(
        backend: impl StorageBackend,
        ballast: &Ballast,
    ) -> Result<Self, StoreError> {
        Self::over_medium(Shared::new(backend, Some(ballast)))
    }

    fn over_medium(shared: Shared) -> Result<Self, StoreError> {
        if shared.len().map_err(|error| io_error(&error))? == 0 {
            let ballast = shared.ballast();
            let fresh = builder().create_with_backend(shared).map_err(store_error)?;
            initialise(&fresh, |_| Ok(()))?;
            return Ok(Self::over(fresh, ballast));
        }
        Self::existing(shared)
    }

    /// Whether the disk was full, and what was kept for that moment is being used up.
    pub fn is_full(&self) -> bool {
        self.ballast.as_ref().is_some_and(Ballast::is_given_up)
    }

    /// Commits this many bytes and takes them away again: whether the disk is full shows now, and not in the
    /// middle of an open.
    ///
    /// # Errors
    /// [`StoreError::Full`], or the medium's.
    pub fn test_room(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.alive()?;
        let result = self.fill_and_empty(bytes);
        if let Err(error) = &result {
            self.dead = Some(error.clone());
        }
        result
    }

    fn fill_and_empty(&self, bytes: usize) -> Result<(), StoreError> {
        let filling = begin(&self.inner)?;
        let value = vec![0xaa; bytes];
        filling
            .open_table(ROOM)
            .map_err(store_error)?
            .insert(&[][..], value.as_slice())
            .map_err(store_error)?;
        filling.commit().map_err(store_error)?;
        let emptying = begin(&self.inner)?;
        emptying.delete_table(ROOM).map_err(store_error)?;
        emptying.commit().map_err(store_error)
    }

    /// How many transactions were committed through this value, not counting those that prepared
    /// the file.
    pub const fn commits(&self) -> u64 {
        self.commits
    }

    /// A handle for readers on other threads.
    pub fn history(&self) -> History {
        History::new(Arc::clone(&self.inner))
    }

    fn existing(file: Shared) -> Result<Self, StoreError> {
        check(&file)?;
        let ballast = file.ballast();
        let database = builder().create_with_backend(file).map_err(store_error)?;
        Ok(Self::over(database, ballast))
    }

    fn over(database: redb::Database, ballast: Option<Ballast>) -> Self {
        Self { inner: Arc::new(database), dead: None, commits: 0, ballast }
    }

    /// Nothing is read or written after a failed write.
    fn alive(&self) -> Result<(), StoreError> {
        match &self.dead {
            None => Ok(()),
            Some(first) => Err(StoreError::Failed(format!("it is given up after: {first}"))),
        }
    }

    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        let transaction = begin(&self.inner)?;
        for write in writes {
            let mut table = transaction.open_table(definition(write.table)).map_err(store_error)?;
            let key = write.key.as_slice();
            match &write.value {
                Some(value) => drop(table.insert(key, value.as_slice()).map_err(store_error)?),
                None => drop(table.remove(key).map_err(store_error)?),
            }
        }
        transaction.commit().map_err(store_error)
    }
}

impl Store for Database {
    fn live(&self) -> Result<Vec<Row>, StoreError> {
        self.alive()?;
        let transaction = self.inner.begin_read().map_err(store_error)?;
        let mut all = Vec::new();
        for table in Table::LIVE {
            all.append(&mut rows(&transaction, table, &[], usize::MAX)?);
        }
        Ok(all)
    }

    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.alive()?;
        self.history().read(table, key)
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.alive()?;
        self.history().range(table, from, limit)
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.alive()?;
        if writes.is_empty() {
            return Ok(());
        }
        if writes.iter().any(|write| is_format_row(write.table, &write.key)) {
            return Err(StoreError::Failed(
                "the row of the format belongs to the store".to_owned(),
            ));
        }
        match self.commit(writes) {
            Ok(()) => {
                self.commits = self.commits.saturating_add(1);
                Ok(())
            }
            Err(error) => {
                self.dead = Some(error.clone());
                Err(error)
            }
        }
    }
}

/// The settings of every database that is opened here.
pub(crate) fn builder() -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// A table as redb knows it.
pub(crate) const fn definition(
    table: Table,
) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

/// Rows from a key on. A table that was never written has none; the format row is not shown.
pub(crate) fn rows(
    transaction: &redb::ReadTransaction,
    table: Table,
    from: &[u8],
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let open = match transaction.open_table(definition(table)) {
        Ok(open) => open,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(store_error(error)),
    };
    let mut all = Vec::new();
    for row in open.range::<&[u8]>(from..).map_err(store_error)? {
        if all.len() >= limit {
            break;
        }
        let (key, value) = row.map_err(store_error)?;
        if !is_format_row(table, key.value()) {
            all.push((table, key.value().to_vec(), value.value().to_vec()));
        }
    }
    Ok(all)
}

/// Fills a new file beside `path` and gives it that name when it is durable.
pub(crate) fn copy_to_new_file(
    path: &Path,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let draft = draft_of(path);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io_error(&error)),
        _ => {}
    }
    let result = write_draft(&draft, path, fill);
    let removed = fs::remove_file(&draft);
    result?;
    removed.map_err(|error| io_error(&error))?;
    sync_folder(path)
}

fn write_draft(
    draft: &Path,
    path: &Path,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(draft)
        .map_err(|error| io_error(&error))?;
    let backend = FileBackend::new(file).map_err(store_error)?;
    let fresh = builder().create_with_backend(backend).map_err(store_error)?;
    initialise(&fresh, fill)?;
    drop(fresh);
    // A link, unlike a rename, fails where the name is taken.
    fs::hard_link(draft, path).map_err(|error| io_error(&error))
}

/// A name in the same folder, of this process alone.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".new.{}", std::process::id()));
    path.with_file_name(name)
}

/// A new name is durable when its folder is.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_error(&error))
}

/// The first commit of a file: every table and the format row.
fn initialise(
    database: &redb::Database,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let transaction = begin(database)?;
    fill(&transaction)?;
    for table in Table::ALL {
        transaction.open_table(definition(table)).map_err(store_error)?;
    }
    {
        let mut meta = transaction.open_table(definition(Table::Meta)).map_err(store_error)?;
        meta.insert(FORMAT_KEY, FORMAT.to_be_bytes().as_slice()).map_err(store_error)?;
    }
    transaction.commit().map_err(store_error)
}

/// A transaction that is durable when its commit returns, and whose file opens fast after a crash.
fn begin(database: &redb::Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(store_error)?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| StoreError::Failed(error.to_string()))?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// A file of a newer navvy may hold what this one would misread.
pub(crate) fn check_format(database: &redb::Database) -> Result<(), StoreError> {
    let transaction = database.begin_read().map_err(store_error)?;
    let meta = match transaction.open_table(definition(Table::Meta)) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Err(foreign()),
        Err(error) => return Err(store_error(error)),
    };
    let row = meta.get(FORMAT_KEY).map_err(store_error)?.ok_or_else(foreign)?;
    let bytes: [u8; 4] = row.value().try_into().map_err(|_| foreign())?;
    match u32::from_be_bytes(bytes) {
        0 => Err(foreign()),
        found if found <= FORMAT => Ok(()),
        found => Err(StoreError::Corrupt(format!(
            "it has format {found} of a newer navvy, and this one knows formats up to {FORMAT}"
        ))),
    }
}

fn foreign() -> StoreError {
    StoreError::Corrupt("it is not a database of navvy: no format row".to_owned())
}

fn is_format_row(table: Table, key: &[u8]) -> bool {
    table == Table::Meta && key == FORMAT_KEY
}

/// Says which file an error is about.
fn named(path: &Path, error: StoreError) -> StoreError {
    let name = |text: String| format!("{}: {text}", path.display());
    match error {
        StoreError::Corrupt(text) => StoreError::Corrupt(name(text)),
        StoreError::InUse(text) => StoreError::InUse(name(text)),
        StoreError::Full(text) => StoreError::Full(name(text)),
        StoreError::Failed(text) => StoreError::Failed(name(text)),
    }
}

/// There only while room is tested.
const ROOM: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("room");
/// Of the pages that redb keeps in memory.
const CACHE_BYTES: usize = 16 * 1024 * 1024;
/// The row of [`Table::Meta`] that says how to read the file. Not shown to the node.
const FORMAT_KEY: &[u8] = b"format";
/// What is written: the tables of [`Table::ALL`], keys and values as bytes.
const FORMAT: u32 = 1;
