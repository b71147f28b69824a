//! `navvy`: the command.

use bin::cli::{Arguments, run};
use bin::exit::report;
use bin::log;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    report("navvy", log::start("error").and_then(|log| run(arguments, &log)))
}
