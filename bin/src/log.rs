//! Logs go to standard error, one line each; `NAVVY_LOG` says how much, in the words of tracing.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins to log.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env("NAVVY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start, in tests, changes nothing.
    let _ = logger.try_init();
}
