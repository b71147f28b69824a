//! What is checked before a file is trusted.

use crate::error::{io_error, store_error};
use crate::overlay::Overlay;
use crate::shared::Shared;
use node::StoreError;
use redb::StorageBackend;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Reads every page and compares every checksum, and leaves the file as it is.
///
/// redb repairs what it opens, and on a damaged file it may panic half way. So the check runs on an
/// [`Overlay`], whose writes nobody sees, and only a file that passes is opened for real.
pub(crate) fn check(file: &Shared) -> Result<(), StoreError> {
    check_magic(file)?;
    let overlay = Overlay::new(file.clone()).map_err(|error| io_error(&error))?;
    let outcome = catch_unwind(AssertUnwindSafe(|| check_view(overlay)));
    let verdict = outcome.unwrap_or_else(|panic| {
        Err(StoreError::Corrupt(format!("the check stopped at: {}", panic_text(&*panic))))
    });
    if verdict.is_err() {
        // redb gives the locks back when it is dropped; after a panic it may not have been.
        let _ = file.close();
    }
    verdict
}

/// What redb says of the file.
fn check_view(view: Overlay) -> Result<(), StoreError> {
    let mut database = crate::database::builder()
        .create_with_backend(view)
        .map_err(|error| damage(store_error(error)))?;
    // Outside of redb's hands while it is checked: dropping a database whose check panicked could
    // panic again, and a second panic during the first one aborts the process.
    let outcome = catch_unwind(AssertUnwindSafe(|| database.check_integrity()));
    match outcome {
        Ok(Ok(true)) => crate::database::check_format(&database),
        Ok(Ok(false)) => Err(StoreError::Corrupt("its pages do not add up".to_owned())),
        Ok(Err(error)) => Err(damage(store_error(error))),
        Err(panic) => {
            std::mem::forget(database);
            Err(StoreError::Corrupt(format!("the check stopped at: {}", panic_text(&*panic))))
        }
    }
}

/// The first bytes tell a redb file from any other, before redb sees it.
fn check_magic(file: &Shared) -> Result<(), StoreError> {
    let mut start = [0; MAGIC.len()];
    let length = file.len().map_err(|error| io_error(&error))?;
    if length >= MAGIC.len() as u64 {
        file.read(0, &mut start).map_err(|error| io_error(&error))?;
    }
    if start == MAGIC {
        Ok(())
    } else {
        Err(StoreError::Corrupt("its first bytes are not those of a database".to_owned()))
    }
}

/// A read beyond the end is a file cut short, not a failure of the medium.
fn damage(error: StoreError) -> StoreError {
    match error {
        StoreError::Failed(text) if text == unexpected_end() => {
            StoreError::Corrupt("it ends too early".to_owned())
        }
        StoreError::Corrupt(_)
        | StoreError::InUse(_)
        | StoreError::Full(_)
        | StoreError::Failed(_) => error,
    }
}

fn unexpected_end() -> String {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).to_string()
}

/// The text of a panic, for the one-line error.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without text")
}

/// The start of every redb file, as its design document gives it.
const MAGIC: [u8; 9] = [b'r', b'e', b'd', b'b', 0x1a, 0x0a, 0xa9, 0x0d, 0x0a];
