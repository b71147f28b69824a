//! `navvy`: the command.

use bin::cli::{Arguments, run};
use bin::exit::report;
use bin::log;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start("error");
    report("navvy", run(arguments))
}
