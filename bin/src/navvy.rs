//! `navvy`: the command.

use bin::exit::{Exit, Failure, report};
use bin::log;
use clap::{Parser, Subcommand};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Opens Lightning channels.
///
/// Exit codes: 0 done; 1 failed; 2 bad flag; 20 the daemon refused the command, nothing happened; 21 the
/// daemon is not there; 30 the balance sheet of the demo does not add up.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Shows a channel's whole life: an embedded chain, two nodes, real TCP and BOLT 8.
    #[cfg(feature = "regtest")]
    Demo {
        /// Close by force: commitment, child of the anchor, sweeps after their delays.
        #[arg(long)]
        force_close: bool,
        /// Cut the opener's power after funding_signed, and show how it comes back.
        #[arg(long)]
        kill: bool,
        /// The same keys and transactions again.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Sends one JSON line to a daemon and prints its answer.
    Control {
        /// The daemon's control.sock.
        socket: PathBuf,
        /// For instance '{"command": "info"}'.
        line: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start("error");
    report("navvy", run(arguments.command))
}

fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        #[cfg(feature = "regtest")]
        Verb::Demo { force_close, kill, seed } => {
            bin::demo::play(bin::demo::Act { force_close, kill, seed })
        }
        Verb::Control { socket, line } => control(&socket, &line),
    }
}

fn control(socket: &Path, line: &str) -> Result<(), Failure> {
    let unreachable = |error: std::io::Error| {
        let text = format!("no daemon at {}: {error}; start navvyd", socket.display());
        Failure::new(Exit::Unreachable, text)
    };
    let mut stream = UnixStream::connect(socket).map_err(unreachable)?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(unreachable)?;
    stream.shutdown(std::net::Shutdown::Write).map_err(unreachable)?;
    for answer in BufReader::new(stream).lines() {
        let answer = answer.map_err(unreachable)?;
        let value: serde_json::Value = serde_json::from_str(&answer)
            .map_err(|error| Failure::new(Exit::Failed, format!("the answer: {error}")))?;
        if let Some(text) = value.pointer("/error/text").and_then(|text| text.as_str()) {
            return Err(Failure::new(Exit::Refused, text));
        }
        println!("{value:#}");
    }
    Ok(())
}
