//! The data folder of one network: its lock, its seed, its database.

use crate::daemon::{disk_full, store_failure};
use crate::entropy;
use crate::exit::{Exit, Failure};
use bitcoin::Network;
use std::fs::{self, File, TryLockError};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use storage::{Ballast, Database};
use wallet::{Protection, Seed, SeedFile, SeedFileError};
use zeroize::Zeroizing;

/// A data folder that belongs to this process.
pub struct DataFolder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

/// A seed as it was found, or made.
pub struct FoundSeed {
    /// The seed.
    pub seed: Seed,
    /// The words, if it was made just now: to be shown once.
    pub words: Option<Zeroizing<String>>,
}

impl DataFolder {
    /// Takes the folder, making it if need be.
    ///
    /// # Errors
    /// When it cannot be made, or another process has it.
    pub fn take(path: &Path) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            let text = format!("the data folder {}: {error}; choose another", path.display());
            Failure::new(Exit::Failed, text)
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(cannot)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::new(
                Exit::InUse,
                format!(
                    "the data folder {} is in use by another navvyd: stop it, or choose another \
                     folder with --data-dir",
                    path.display()
                ),
            )),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }

    /// The seed: the one in the file, or a new one if nothing is in the folder yet.
    ///
    /// # Errors
    /// When the file cannot be used, or is missing beside a database.
    pub fn seed(
        &self,
        network: Network,
        birthday: u32,
        password: Option<&[u8]>,
        has_node: bool,
    ) -> Result<FoundSeed, Failure> {
        let path = self.seed_path();
        if let Some(file) = self.kept_seed(network, password)? {
            return Ok(FoundSeed { seed: file.seed, words: None });
        }
        if has_node {
            let text = format!(
                "the seed file {} is missing beside its database: put it back",
                path.display()
            );
            return Err(Failure::new(Exit::Seed, text));
        }
        let seed = Seed::from_entropy(entropy::bytes().map_err(no_entropy)?);
        let words = seed.words();
        let file = SeedFile { seed, network, birthday };
        self.keep_seed(&file, password)?;
        Ok(FoundSeed { seed: file.seed, words: Some(words) })
    }

    /// The seed in the file, if there is one.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn kept_seed(
        &self,
        network: Network,
        password: Option<&[u8]>,
    ) -> Result<Option<SeedFile>, Failure> {
        let path = self.seed_path();
        if !path.exists() {
            return Ok(None);
        }
        let file = SeedFile::read(&path, password).map_err(|error| seed_failure(&error))?;
        if file.network != network {
            let text = format!(
                "the seed file {} is of network {}, not of {network}: choose another folder",
                path.display(),
                file.network
            );
            return Err(Failure::new(Exit::Foreign, text));
        }
        Ok(Some(file))
    }

    /// Writes a seed that came from elsewhere into the file.
    ///
    /// # Errors
    /// When there is one already, or the file cannot be written.
    pub fn keep_seed(&self, file: &SeedFile, password: Option<&[u8]>) -> Result<(), Failure> {
        let salt = entropy::bytes().map_err(no_entropy)?;
        let nonce = entropy::bytes().map_err(no_entropy)?;
        let protection = password.map(|password| Protection { password, salt, nonce });
        file.create(&self.seed_path(), protection.as_ref()).map_err(|error| seed_failure(&error))
    }

    /// Refuses where there is a seed or a node already: neither is ever written over.
    ///
    /// # Errors
    /// [`Exit::Foreign`].
    pub fn check_is_new(&self, has_node: bool) -> Result<(), Failure> {
        if !has_node && !self.seed_path().exists() {
            return Ok(());
        }
        let text = format!(
            "the data folder {} has a node already, so --recover changes nothing: start without it, or choose \
             another folder with --data-dir",
            self.path.display()
        );
        Err(Failure::new(Exit::Foreign, text))
    }

    /// Opens the database, or makes it, after keeping some room for the moment when the disk is full.
    ///
    /// # Errors
    /// When it is damaged, foreign or in use: it is left as it is. When the disk is full already.
    pub fn database(&self) -> Result<Database, Failure> {
        let path = self.database_path();
        let ballast = Ballast::lay(&self.path.join("ballast"), BALLAST_BYTES)
            .map_err(|error| store_failure(&error))?;
        // A damaged file makes redb panic. `storage` catches that; what it would print helps nobody.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let database = Database::open_or_create(&path, &ballast);
        std::panic::set_hook(hook);
        let mut database = database.map_err(|error| store_failure(&error))?;
        database.test_room(TEST_BYTES).map_err(|error| store_failure(&error))?;
        if database.is_full() {
            return Err(disk_full());
        }
        Ok(database)
    }

    /// A line that shows the words of a new seed. Where nobody would see it, but a log would keep it, the words
    /// go into a file of the owner's instead.
    ///
    /// # Errors
    /// When that file cannot be written.
    pub fn show_words(&self, words: &str) -> Result<String, Failure> {
        if std::io::stdout().is_terminal() {
            return Ok(format!("The seed of this node, shown only now. Write it down: {words}"));
        }
        let path = self.path.join("seed-words");
        let file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(format!("{words}\n").as_bytes())).map_err(
            |error| Failure::new(Exit::Failed, format!("the file {}: {error}", path.display())),
        )?;
        let path = path.display();
        Ok(format!("The seed of this node is in {path}. Write it down and remove that file."))
    }

    /// Where the RPC is served.
    pub fn rpc_path(&self) -> PathBuf {
        self.path.join("rpc.sock")
    }

    /// Where it stands how far the search for lost channels has come.
    pub fn recovery_path(&self) -> PathBuf {
        self.path.join("recovery")
    }

    /// Where the blocks of the embedded chain are kept.
    pub fn embedded_chain_path(&self) -> PathBuf {
        self.path.join("embedded-chain")
    }

    fn seed_path(&self) -> PathBuf {
        self.path.join("seed")
    }

    fn database_path(&self) -> PathBuf {
        self.path.join("navvy.redb")
    }
}

fn no_entropy(error: entropy::NoEntropy) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}

fn seed_failure(error: &SeedFileError) -> Failure {
    let exit = match error {
        SeedFileError::Mode(..) => Exit::SeedMode,
        SeedFileError::PasswordMissing(_)
        | SeedFileError::PasswordWrong(_)
        | SeedFileError::NotSealed(_) => Exit::Password,
        SeedFileError::Corrupt(..)
        | SeedFileError::Newer(_)
        | SeedFileError::Exists(_)
        | SeedFileError::Io(..) => Exit::Seed,
    };
    Failure::new(exit, error.to_string())
}

/// What is given up when the disk is full: more than a stop writes.
const BALLAST_BYTES: u64 = 16 * 1024 * 1024;
/// What a start commits to see whether there is room.
const TEST_BYTES: usize = 1024 * 1024;
