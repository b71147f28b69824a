//! Something to mend, and where it is.

use std::fmt;

pub struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    pub fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails with the whole list, so that one run is enough to mend it.
#[track_caller]
pub fn none(findings: &[Finding]) {
    let list: Vec<_> = findings.iter().map(|finding| format!("  {finding}")).collect();
    assert!(findings.is_empty(), "{} to mend:\n{}", list.len(), list.join("\n"));
}
