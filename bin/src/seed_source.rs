//! Which seed a start has, and from which block on its wallet follows the chain.

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::recovery;
use crate::service::Notify;
use chain::{Backend, BackendError, Tip};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;
use wallet::{Seed, SeedFile};
use zeroize::Zeroizing;

/// See the file's head.
pub struct Start {
    /// The seed.
    pub seed: Seed,
    /// `None`: there is a node, and it knows.
    pub birthday: Option<Tip>,
    /// The words of a seed that was made just now: to be shown once.
    pub words: Option<Zeroizing<String>>,
}

/// The node's own seed; else the words that were given; else a seed file without a node, which is as good as its
/// words; else a new one.
///
/// # Errors
/// When one of these cannot be used.
pub fn find(
    config: &Config,
    folder: &DataFolder,
    has_node: bool,
    backend: &mut dyn Backend,
    password: Option<&[u8]>,
    notify: &Notify,
) -> Result<Start, Failure> {
    let network = config.network;
    if let Some(words) = &config.recover {
        folder.check_is_new(has_node)?;
        let seed = read_words(words)?;
        let from = block_before(config.recover_from.unwrap_or(0), backend, notify)?;
        // The note first: once there is a seed, a start without the flag must know what is still to be done.
        recovery::begin(&folder.recovery_path(), from)?;
        let file = SeedFile { seed, network, birthday: from.height };
        folder.keep_seed(&file, password)?;
        return Ok(Start { seed: file.seed, birthday: Some(from), words: None });
    }
    if has_node {
        // An older copy of the database knows nothing of the channels since.
        if let Some(from) = config.recover_from {
            recovery::begin(&folder.recovery_path(), block_before(from, backend, notify)?)?;
        }
        let seed = folder.seed(network, 0, password, has_node)?.seed;
        return Ok(Start { seed, birthday: None, words: None });
    }
    if config.recover_from.is_some() {
        let text =
            "--recover-from: there is no node yet: say --recover FILE too, the file of its words";
        return Err(Failure::new(Exit::Usage, text.to_owned()));
    }
    if let Some(file) = folder.kept_seed(network, password)? {
        let from = block_before(file.birthday, backend, notify)?;
        if !folder.recovery_path().exists() {
            recovery::begin(&folder.recovery_path(), from)?;
        }
        tracing::warn!(from = %from, "a seed without a database: its coins are looked for in the chain");
        return Ok(Start { seed: file.seed, birthday: Some(from), words: None });
    }
    // Only a new node has to know where the chain is before it begins.
    let birthday = wait_for(backend, notify, |backend| backend.birthday())?;
    let found = folder.seed(network, birthday.height, password, has_node)?;
    Ok(Start { seed: found.seed, birthday: Some(birthday), words: found.words })
}

/// The block from which a wallet follows the chain that may have coins in the block `from`.
fn block_before(from: u32, backend: &mut dyn Backend, notify: &Notify) -> Result<Tip, Failure> {
    let height = from.saturating_sub(1);
    match wait_for(backend, notify, |backend| Ok((backend.tip_at(height)?, backend.tip()?)))? {
        (Some(tip), _) => Ok(tip),
        (None, tip) => {
            let text = format!(
                "--recover-from {from} is beyond the chain, which ends at block {}: say an earlier block",
                tip.height
            );
            Err(Failure::new(Exit::Usage, text))
        }
    }
}

fn read_words(path: &Path) -> Result<Seed, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Usage, format!("--recover {}: {error}", path.display()))
    };
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_WORDS));
    if path.as_os_str() == "-" {
        let mut input = std::io::stdin().lock().take(LONGEST_WORDS as u64);
        input.read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = open_private(path)?;
        file.take(LONGEST_WORDS as u64).read_to_string(&mut text).map_err(failed)?;
    }
    Seed::from_words(&text).map_err(|error| {
        let text = format!("--recover {}: {error}; nothing was changed", path.display());
        Failure::new(Exit::Usage, text)
    })
}

fn open_private(path: &Path) -> Result<File, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Usage, format!("--recover {}: {error}", path.display()))
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(file);
    }
    let text = format!(
        "--recover {}: others may read the words (mode {mode:03o}): chmod 600, and if strangers have an account \
         here, move the coins",
        path.display()
    );
    Err(Failure::new(Exit::SeedMode, text))
}

/// Without its backend a node that never ran would not know where to begin.
fn wait_for<T>(
    backend: &mut dyn Backend,
    notify: &Notify,
    mut ask: impl FnMut(&mut dyn Backend) -> Result<T, BackendError>,
) -> Result<T, Failure> {
    let mut said = String::new();
    loop {
        match ask(backend) {
            Ok(answer) => return Ok(answer),
            Err(error @ BackendError::WrongNetwork { .. }) => {
                return Err(Failure::new(Exit::Backend, error.to_string()));
            }
            Err(error) => {
                let text = error.to_string();
                if text != said {
                    tracing::warn!(text, "a new node waits for its chain backend");
                    notify.status(&format!("a new node waits for its chain backend: {text}"));
                    said = text;
                }
                notify.extend(PATIENCE);
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// 24 words of at most 8 letters, with room for other spacing.
const LONGEST_WORDS: usize = 1_024;
/// How often to look whether the backend is there.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer a start may take from each look on; an answer may be waited for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(120);
