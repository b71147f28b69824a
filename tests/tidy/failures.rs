//! The page of failures says what the code says, and each row is a test.

use crate::{finding, finding::Finding, tree, tree::File};

#[test]
fn each_failure_is_quoted_from_the_code_and_has_a_test() {
    let page = tree::file("docs/failures.md");
    finding::none(&check(page, tree::files()));
    assert!(rows(page).count() >= 20, "twenty failures are explained");
}

fn check(page: &File, files: &[File]) -> Vec<Finding> {
    let code: Vec<String> =
        files.iter().filter(|file| file.is_rust() && !file.is_tidy()).map(joined).collect();
    let says = |words: &str| code.iter().any(|text| text.contains(words));
    let mut findings = Vec::new();
    for (line, cells) in rows(page) {
        let quoted = cells.first().and_then(|cell| quote(cell));
        let test = cells.last().and_then(|cell| quote(cell));
        match quoted {
            Some(words) if says(words) => {}
            Some(words) => {
                findings.push(Finding::new(&page.path, line, format!("no code says {words:?}")));
            }
            None => findings.push(Finding::new(&page.path, line, "nothing is quoted")),
        }
        match test {
            Some(name) if says(&format!("fn {name}")) => {}
            Some(name) => {
                findings.push(Finding::new(&page.path, line, format!("no test is named {name}")));
            }
            None => findings.push(Finding::new(&page.path, line, "no test is named")),
        }
    }
    findings
}

/// The rows of the tables below their heads.
fn rows(page: &File) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = page.lines().filter(|(_, text)| text.starts_with("| `"));
    lines.map(|(line, text)| (line, text.trim_matches(['|', ' ']).split(" | ").collect()))
}

/// The first words in backquotes.
fn quote(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}

/// A file in which a text that goes on in the next line is in one piece.
fn joined(file: &File) -> String {
    let mut whole = String::new();
    for line in file.text.lines() {
        match line.strip_suffix('\\') {
            Some(begin) if whole.ends_with('\r') => {
                whole.pop();
                whole.push_str(begin.trim_start());
                whole.push('\r');
            }
            Some(begin) => {
                whole.push_str(begin);
                whole.push('\r');
            }
            None if whole.ends_with('\r') => {
                whole.pop();
                whole.push_str(line.trim_start());
                whole.push('\n');
            }
            None => {
                whole.push_str(line);
                whole.push('\n');
            }
        }
    }
    whole
}

#[test]
fn a_failure_that_nothing_says_or_shows_is_found() {
    let code = File::new("a/src/lib.rs", "\"words that \\\n    go on\"\nfn a_test() {}\n");
    let found = |row: &str| check(&File::new("docs/failures.md", row), std::slice::from_ref(&code));
    assert!(found("| `words that go on` | x | y | `a_test` |").is_empty());
    assert_eq!(found("| `other words` | x | y | `no_test` |").len(), 2);
}
