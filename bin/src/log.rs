//! Logs: one line each, to standard error or to a file, without colours where nobody sees them. How much is
//! said can be changed while the program runs.

use crate::exit::{Exit, Failure};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Changes, while the program runs, how much is logged and into which file. Clones change the same.
#[derive(Clone)]
pub struct Reload {
    set: Arc<Set>,
    levels: Arc<Mutex<String>>,
    file: Option<LogFile>,
}

type Set = dyn Fn(EnvFilter) -> bool + Send + Sync;

impl Reload {
    /// Logs as `levels` says from now on: see [`parse`].
    ///
    /// # Errors
    /// With a line that says what is wrong with `levels`; nothing has changed.
    pub fn set(&self, levels: &str) -> Result<(), String> {
        let filter = parse(levels)?;
        let mut now = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if !(self.set)(filter) {
            return Err("the log cannot be changed".to_owned());
        }
        levels.clone_into(&mut now);
        Ok(())
    }

    /// What is logged now, in the words of [`parse`].
    pub fn levels(&self) -> String {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the file anew, for somebody may have moved it away. Without a file nothing happens.
    ///
    /// # Errors
    /// When it cannot be opened: the old one is used on.
    pub fn reopen(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), LogFile::reopen)
    }
}

/// Begins to log to standard error; `NAVVY_LOG` may say how much.
///
/// # Errors
/// When `default` is none.
pub fn start(default: &str) -> Result<Reload, Failure> {
    let levels = std::env::var("NAVVY_LOG").unwrap_or_else(|_| default.to_owned());
    // Of a bad variable a command does not speak.
    start_with(&levels, None).or_else(|_| start_with(default, None))
}

/// Begins to log, to `path` or to standard error.
///
/// # Errors
/// When the levels are none, or the file cannot be written.
pub fn start_with(levels: &str, path: Option<&Path>) -> Result<Reload, Failure> {
    let filter = parse(levels).map_err(|text| Failure::new(Exit::Usage, text))?;
    let file = path.map(LogFile::open).transpose().map_err(|error| {
        let path = path.unwrap_or(Path::new("")).display();
        Failure::new(Exit::Usage, format!("the log file {path}: {error}"))
    })?;
    let colours = file.is_none() && io::stderr().is_terminal();
    let output = file.clone().map_or(Output::Stderr, Output::File);
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output)
        .with_ansi(colours)
        .log_internal_errors(false)
        .with_filter_reloading();
    let handle = logger.reload_handle();
    // A second start, in tests, changes nothing.
    let _ = logger.try_init();
    let set = Arc::new(move |filter| handle.reload(filter).is_ok());
    Ok(Reload { set, levels: Arc::new(Mutex::new(levels.to_owned())), file })
}

/// Reads `info`, or `info,funding=debug,transport=off`: a level for everything, and others for parts, which
/// are crates or the names that LND has for them (`FNDG`, `PEER` and so on).
///
/// # Errors
/// With a line that says what is wrong.
pub fn parse(levels: &str) -> Result<EnvFilter, String> {
    let mut filter = EnvFilter::new("off");
    for word in levels.split(',').map(str::trim) {
        let (part, level) = word.split_once('=').map_or((None, word), |(p, l)| (Some(p), l));
        let level = LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(level));
        let Some((_, level)) = level else {
            return Err(format!(
                "log level {word:?}: choose off, error, warn, info, debug or trace, or one of them \
                 for a part, as in info,funding=debug"
            ));
        };
        let directive = match part {
            None => (*level).to_owned(),
            Some(part) => format!("{}={level}", crate_of(part)?),
        };
        let directive = directive.parse().map_err(|_| format!("log level {word:?}"))?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

fn crate_of(part: &str) -> Result<&str, String> {
    if let Some((_, name)) = LND_PARTS.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(part)) {
        return Ok(name);
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
    if part.is_empty() || !part.chars().all(is_name) {
        return Err(format!("log part {part:?}: choose a crate, such as funding or node"));
    }
    Ok(part)
}

/// Words for levels: those of tracing, and `critical`, which LND has.
const LEVELS: &[(&str, &str)] = &[
    ("off", "off"),
    ("critical", "error"),
    ("error", "error"),
    ("warn", "warn"),
    ("info", "info"),
    ("debug", "debug"),
    ("trace", "trace"),
];

/// Parts as LND calls them, and the crates that do the same here.
pub const LND_PARTS: &[(&str, &str)] = &[
    ("BTCN", "chain"),
    ("CHCL", "closing"),
    ("CHDB", "storage"),
    ("CHFD", "funding"),
    ("CNCT", "closing"),
    ("FNDG", "funding"),
    ("LNWL", "wallet"),
    ("NTFN", "chain"),
    ("PEER", "peer"),
    ("RPCS", "rpc"),
    ("SRVR", "bin"),
];

/// Where lines go.
#[derive(Clone)]
enum Output {
    Stderr,
    File(LogFile),
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Stderr => Box::new(io::stderr()),
            Self::File(file) => Box::new(file.clone()),
        }
    }
}

/// A file that is only added to.
#[derive(Clone)]
struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = Arc::new(Mutex::new(append(path)?));
        Ok(Self { path: path.to_owned(), file })
    }

    fn reopen(&self) -> io::Result<()> {
        let file = append(&self.path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_or_refused_with_a_line() {
        for levels in ["info", "warn,funding=trace", "info,FNDG=debug", "critical", "DEBUG"] {
            assert!(parse(levels).is_ok(), "{levels}");
        }
        let text = parse("info,FNDG=trace").unwrap().to_string();
        assert!(text.contains("funding=trace"), "{text}");
        for levels in ["", "verbose", "info,funding=loud", "info,=debug", "info,a b=debug"] {
            let error = parse(levels).expect_err(levels);
            assert!(error.starts_with("log "), "{error}");
        }
    }

    #[test]
    fn a_log_file_that_was_moved_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = LogFile::open(&path).unwrap();
        file.write_all(b"one\n").unwrap();
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        file.write_all(b"two\n").unwrap();
        file.reopen().unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(std::fs::read(folder.path().join("log.1")).unwrap(), b"one\ntwo\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"three\n");
    }
}
