//! Rust files, and all folders, are named after what is in them.

use crate::{finding, finding::Finding, tree, tree::File};

const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "misc", "manager", "types2"];

#[test]
fn file_names_say_something() {
    finding::none(&check(tree::files()));
}

fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let parts = file.path.rsplit('/').skip(usize::from(!file.is_rust()));
        for part in parts {
            let stem = part.split('.').next().unwrap_or(part);
            if stem.split(['_', '-']).any(|word| EMPTY_NAMES.contains(&word)) {
                findings.push(Finding::new(&file.path, 1, format!("{stem} says nothing")));
            }
        }
    }
    findings
}

#[test]
fn an_empty_name_is_found() {
    let named = |path| check(&[File::new(path, "")]).len();
    assert_eq!(named("node/src/utils.rs"), 1);
    assert_eq!(named("common/src/lib.rs"), 1);
    assert_eq!(named("bin/src/peer_manager/mod.rs"), 1);
    assert_eq!(named("wire/src/commitment.rs"), 0);
}
