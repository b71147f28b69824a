//! A file that is read in one go is understood in one go.

use crate::{finding, finding::Finding, tree, tree::File};

const MAX_LINES: usize = 500;

/// Files that belong on one page, however long it is, and why.
const LONGER: &[(&str, &str)] = &[];

#[test]
fn rust_files_are_short() {
    finding::none(&check(tree::files(), LONGER));
}

fn check(files: &[File], longer: &[(&str, &str)]) -> Vec<Finding> {
    let rust = files.iter().filter(|file| file.is_rust());
    let mut findings: Vec<_> = rust
        .filter(|file| !longer.iter().any(|(path, _)| *path == file.path))
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| {
            Finding::new(&file.path, lines, format!("more than {MAX_LINES} lines"))
        })
        .collect();
    for (path, _) in longer {
        let file = files.iter().find(|file| file.path == *path);
        if file.is_none_or(|file| file.text.lines().count() <= MAX_LINES) {
            findings.push(Finding::new(path, 1, "need not be on the list of longer files"));
        }
    }
    findings
}

#[test]
fn a_long_file_is_found_unless_it_has_a_reason() {
    let files = [File::new("a.rs", &"\n".repeat(501)), File::new("b.rs", &"\n".repeat(500))];
    assert_eq!(check(&files, &[]).len(), 1);
    assert_eq!(check(&files, &[("a.rs", "a table")]).len(), 0);
    assert_eq!(check(&files, &[("a.rs", "a table"), ("b.rs", "a table")]).len(), 1);
}
