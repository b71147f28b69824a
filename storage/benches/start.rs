//! What a start costs with 100,000 channels, as a ratio to reading the file.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends at the first surprise"
)]

use node::{Store, Table, Write};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use storage::Database;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed.redb");
    let crashed = folder.path().join("crashed.redb");
    fill(&closed, &crashed);
    println!("{:<46} {:>12} {:>12} {:>8}", "work", "it", "baseline", "ratio");
    for (what, path) in [("after a stop", &closed), ("after a crash", &crashed)] {
        let read = fastest(|| drop(fs::read(path).unwrap()));
        let open = fastest(|| drop(Database::open(path).unwrap()));
        row(&format!("open 100,000 channels {what}"), open, read);
        let database = Database::open(path).unwrap();
        row("and read them", fastest(|| drop(database.live().unwrap())), read);
    }
}

/// One file that was closed, and one as a crash leaves it.
fn fill(closed: &Path, crashed: &Path) {
    let mut database = Database::create(closed).unwrap();
    for part in 0..100_u64 {
        let row = |number: u64| {
            let key = (number * 0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(2);
            Write { table: Table::Channels, key, value: Some(vec![7; 1_500]) }
        };
        let writes: Vec<Write> = (part * 1_000..(part + 1) * 1_000).map(row).collect();
        database.write(&writes).unwrap();
    }
    fs::copy(closed, crashed).unwrap();
}

fn fastest(mut f: impl FnMut()) -> Duration {
    let once = |_| {
        let start = Instant::now();
        f();
        start.elapsed()
    };
    (0..5).map(once).min().unwrap()
}

fn row(work: &str, it: Duration, baseline: Duration) {
    let ratio = it.as_secs_f64() / baseline.as_secs_f64();
    println!("{work:<46} {it:>12.1?} {baseline:>12.1?} {ratio:>8.2}");
}
