//! What happened, line by line: its hash tells two runs apart, its end explains a failure.

use super::statistics::Statistics;
use std::collections::VecDeque;
use std::fmt::Arguments;

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    count: u64,
    echo: bool,
    /// The time, in milliseconds.
    pub now: u64,
    /// What was visited.
    pub statistics: Statistics,
}

impl Trace {
    /// An empty one; with `echo` each line is printed too.
    pub fn new(echo: bool) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            lines: VecDeque::new(),
            count: 0,
            echo,
            now: 0,
            statistics: Statistics::default(),
        }
    }

    /// Adds a line.
    pub fn line(&mut self, text: Arguments<'_>) {
        let line = format!("{:>6}.{:03} {text}", self.now / 1_000, self.now % 1_000);
        // FNV-1a: different traces shall differ, nobody wants them to collide.
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.echo {
            println!("{line}");
        }
        self.count += 1;
        self.lines.push_back(line);
        if self.lines.len() > KEPT {
            self.lines.pop_front();
        }
    }

    /// The hash of all lines so far.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The last lines.
    pub fn last_lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}

/// So many lines explain a failure.
const KEPT: usize = 60;
