//! A table that is kept as the expected one: `tests/interop/tables/<name>.txt`. A test compares it exactly;
//! `NAVVY_BLESS=1` writes what was found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The table that is kept, and the one that is found.
pub struct Table {
    path: PathBuf,
    kept: BTreeMap<String, String>,
    found: Vec<(String, String)>,
}

impl Table {
    /// Reads the one that is kept.
    pub fn read(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("interop/tables")
            .join(format!("{name}.txt"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(SEPARATOR));
        let kept = lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { path, kept, found: Vec::new() }
    }

    /// Looks until it sees what is kept under `key`; or, if that does not come, until what it sees no longer
    /// changes.
    pub fn observe(&mut self, key: String, look: impl Fn() -> String) -> String {
        let kept = self.kept.get(&key);
        let end = Instant::now() + LONGEST;
        let mut seen = look();
        let mut since = Instant::now();
        // Where nothing is kept, or something else is seen, only time tells that it is over.
        while kept != Some(&seen) && Instant::now() < end {
            let still = if kept.is_none() || is_blessing() { STILL } else { LONGEST };
            if since.elapsed() >= still {
                break;
            }
            crate::process::pause();
            let now = look();
            if now != seen {
                seen = now;
                since = Instant::now();
            }
        }
        println!("{key}{SEPARATOR}{seen}");
        self.found.push((key, seen.clone()));
        seen
    }

    /// Compares, or writes when it is told to.
    pub fn check(self) {
        if is_blessing() {
            std::fs::create_dir_all(self.path.parent().expect("a folder")).expect("a folder");
            let mut text = format!("{HEAD}\n");
            for (key, value) in self.found {
                text.push_str(&format!("{key}{SEPARATOR}{value}\n"));
            }
            std::fs::write(&self.path, text).expect("a table");
            return;
        }
        let mut differences = Vec::new();
        let mut kept = self.kept;
        for (key, value) in self.found {
            match kept.remove(&key) {
                Some(expected) if expected == value => {}
                expected => differences.push(format!(
                    "{key}\n  kept   {}\n  found  {value}",
                    expected.unwrap_or_else(|| "nothing".to_owned())
                )),
            }
        }
        differences.extend(kept.into_keys().map(|key| format!("{key}\n  was not looked at")));
        assert!(
            differences.is_empty(),
            "{} has changed; NAVVY_BLESS=1 keeps what was found:\n{}",
            self.path.display(),
            differences.join("\n")
        );
    }
}

fn is_blessing() -> bool {
    std::env::var_os("NAVVY_BLESS").is_some()
}

/// For whoever opens the file.
const HEAD: &str = "# Who opens, whose message or call is lost; when; what both list then. Written by NAVVY_BLESS=1.";
const SEPARATOR: &str = " | ";
/// What has not changed for so long is taken to be the end.
const STILL: Duration = Duration::from_secs(4);
/// How long what is kept may need to come.
const LONGEST: Duration = Duration::from_secs(20);
