//! How a program ends: one line that says what and what to do, and a code that a script can tell apart.

use std::fmt;
use std::process::ExitCode;

/// The reason of an end. The numbers are documented in the README and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something that has no number of its own.
    Failed = 1,
    /// An unknown flag or a bad value; clap's own number.
    Usage = 2,
    /// Another process uses the data folder.
    InUse = 10,
    /// Others may read the seed file.
    SeedMode = 11,
    /// The password is missing or wrong.
    Password = 12,
    /// The seed file is damaged or missing.
    Seed = 13,
    /// The database is damaged, or of a newer version.
    Database = 14,
    /// The data folder is of another network or seed.
    Foreign = 15,
    /// The port cannot be had.
    Port = 16,
    /// The chain backend is of another network, or its settings are wrong.
    Backend = 17,
    /// The command was refused: nothing happened.
    Refused = 20,
    /// The daemon is not there.
    Unreachable = 21,
    /// What was begun and waited for came to another end.
    Ended = 22,
    /// The balance sheet of the demo does not add up.
    Balance = 30,
    /// The node contradicted itself. It stopped before it wrote or sent anything of that.
    Bug = 70,
    /// The disk is full.
    DiskFull = 74,
    /// Ctrl-C ended the waiting, not what was waited for.
    Interrupted = 130,
}

/// An end with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number.
    pub exit: Exit,
    /// The line.
    pub text: String,
}

impl Failure {
    /// An end.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        #[expect(clippy::as_conversions, reason = "the numbers are the enum's own")]
        Self::from(exit as u8)
    }
}

/// Prints the line, if it is one, and gives the number.
pub fn report(program: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{program}: {failure}");
            failure.exit.into()
        }
    }
}
