//! `control`: one JSON line for the daemon, until every daemon has its RPC.

use crate::exit::{Exit, Failure};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Sends the line and prints the answers.
///
/// # Errors
/// When nobody answers, or the answer is no.
pub fn control(socket: &Path, line: &str) -> Result<(), Failure> {
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
