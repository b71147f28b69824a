//! Where a verb's answer goes: a table for people, JSON in LND's shape for programs.

use crate::exit::{Exit, Failure};
use clap::ValueEnum;
use std::io::{IsTerminal, Write};

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table on a terminal, JSON in a pipe.
    #[default]
    Auto,
    /// A table.
    Table,
    /// JSON as of lncli.
    Json,
}

impl Format {
    /// Whether people read it.
    pub fn is_table(self) -> bool {
        match self {
            Self::Auto => std::io::stdout().is_terminal(),
            Self::Table => true,
            Self::Json => false,
        }
    }
}

/// Prints a text as it is, at once.
///
/// # Errors
/// When nobody reads it.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let result = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    result.map_err(|error| Failure::new(Exit::Failed, format!("the output: {error}")))
}

/// The same for people: what a peer may have written cannot steer their terminal.
///
/// # Errors
/// When nobody reads it.
pub fn print_for_people(text: &str) -> Result<(), Failure> {
    print(&harmless(text))
}

/// Prints a line.
///
/// # Errors
/// When nobody reads it.
pub fn print_line(text: &str) -> Result<(), Failure> {
    print_for_people(&format!("{}\n", text.trim_end()))
}

/// Control characters but the ends of lines are shown as a question mark.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_cannot_steer_a_terminal() {
        let text = super::harmless("bad\x1b[2J\u{9b}2J\ttext\n");
        assert_eq!(text, "bad?[2J?2J?text\n");
    }
}
