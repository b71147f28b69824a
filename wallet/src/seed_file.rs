//! The seed on disk: a text of `seed_text` that only its owner can read.

use crate::seed_text::{COST, Problem, Protection, SeedFile, read, write};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

impl SeedFile {
    /// Writes a new file, sealed if there is a password, with mode 0600. On return it is whole and
    /// durable; after an error or a crash it is not there.
    ///
    /// # Errors
    /// When there is a file already, which stays as it is; or the medium fails.
    pub fn create(
        &self,
        path: &Path,
        protection: Option<&Protection<'_>>,
    ) -> Result<(), SeedFileError> {
        let failed = |error: io::Error| SeedFileError::Io(path.to_owned(), error);
        let text = write(self, protection.map(|protection| (protection, COST)))
            .ok_or_else(|| failed(io::Error::from(io::ErrorKind::OutOfMemory)))?;
        let draft = draft_of(path);
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let written = write_new(&draft, &text);
        // A link, unlike a rename, fails where the name is taken.
        let linked = written.and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        linked.and(removed).and_then(|()| sync_folder(path)).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                SeedFileError::Exists(path.to_owned())
            } else {
                failed(error)
            }
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is missing, readable by others, damaged or of a newer navvy, and when the password is
    /// missing, wrong, or given for a file that has none.
    pub fn read(path: &Path, password: Option<&[u8]>) -> Result<Self, SeedFileError> {
        let failed = |error| SeedFileError::Io(path.to_owned(), error);
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SeedFileError::Mode(path.to_owned(), mode));
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
        match file.take(MAX_BYTES as u64).read_to_string(&mut text) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(SeedFileError::Corrupt(path.to_owned(), "it is not text"));
            }
            Err(error) => return Err(failed(error)),
        }
        let path = path.to_owned();
        read(&text, password).map_err(|problem| match problem {
            Problem::Corrupt(text) => SeedFileError::Corrupt(path, text),
            Problem::Newer => SeedFileError::Newer(path),
            Problem::PasswordMissing => SeedFileError::PasswordMissing(path),
            Problem::PasswordWrong => SeedFileError::PasswordWrong(path),
            Problem::NotSealed => SeedFileError::NotSealed(path),
        })
    }
}

/// Why there is no seed. Each says which file.
#[derive(Debug)]
pub enum SeedFileError {
    /// A seed is never overwritten.
    Exists(PathBuf),
    /// Others could read it; the mode.
    Mode(PathBuf, u32),
    /// It is damaged, or no seed file; where.
    Corrupt(PathBuf, &'static str),
    /// A newer navvy wrote it.
    Newer(PathBuf),
    /// It is sealed.
    PasswordMissing(PathBuf),
    /// It is sealed with another password.
    PasswordWrong(PathBuf),
    /// It is plain, though a password was given: whoever gave it believes otherwise.
    NotSealed(PathBuf),
    /// The medium failed, or it is not there.
    Io(PathBuf, io::Error),
}

impl fmt::Display for SeedFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = |path: &PathBuf| format!("seed file {}", path.display());
        match self {
            Self::Exists(path) => write!(f, "{} exists: a seed is never overwritten", file(path)),
            Self::Mode(path, mode) => {
                write!(f, "{} has mode {mode:04o}: chmod 600 it", file(path))
            }
            Self::Corrupt(path, text) => write!(f, "{} is damaged: {text}", file(path)),
            Self::Newer(path) => write!(f, "{} is of a newer version", file(path)),
            Self::PasswordMissing(path) => write!(f, "{} needs its password", file(path)),
            Self::PasswordWrong(path) => write!(f, "{}: the password is wrong", file(path)),
            Self::NotSealed(path) => {
                write!(f, "{} has no password, but one was given", file(path))
            }
            Self::Io(path, error) => write!(f, "{}: {error}", file(path)),
        }
    }
}

impl std::error::Error for SeedFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::Exists(_)
            | Self::Mode(..)
            | Self::Corrupt(..)
            | Self::Newer(_)
            | Self::PasswordMissing(_)
            | Self::PasswordWrong(_)
            | Self::NotSealed(_) => None,
        }
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name in the same folder, of this process alone.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".new.{}", std::process::id()));
    path.with_file_name(name)
}

/// A new name is durable when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// More than a seed file ever has.
const MAX_BYTES: usize = 4096;
