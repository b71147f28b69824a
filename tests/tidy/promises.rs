//! Each promise has tests, by name.

use std::collections::BTreeSet;

use crate::{finding, finding::Finding, tree, tree::File};

#[test]
fn each_promise_has_tests_that_exist() {
    let page = tree::file("docs/promises.md");
    finding::none(&check(page, tree::files()));
}

fn check(page: &File, files: &[File]) -> Vec<Finding> {
    let code = files.iter().filter(|file| file.is_rust() && !file.is_tidy());
    let known: BTreeSet<&str> = code.flat_map(|file| file.text.lines()).filter_map(name).collect();
    let mut findings = Vec::new();
    let rows = page.lines().filter(|(_, text)| text.starts_with("| "));
    for (line, text) in rows.filter(|(_, text)| *text != "| promise | tests |") {
        let tests = text.trim_matches(['|', ' ']).rsplit(" | ").next().unwrap_or_default();
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if tests.is_empty() {
            findings.push(Finding::new(&page.path, line, "a promise without a test"));
        }
        for test in tests.iter().filter(|test| !known.contains(**test)) {
            findings.push(Finding::new(&page.path, line, format!("no test {test}")));
        }
    }
    findings
}

/// The function of a line; or, where a macro makes tests, the name before the colon.
fn name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let is_of_name = |char: char| char.is_alphanumeric() || char == '_';
    let (function, rest) = match line.split_once("fn ") {
        Some((_, rest)) => (true, rest),
        None => (false, line),
    };
    let end = rest.find(|char| !is_of_name(char))?;
    let (name, after) = rest.split_at_checked(end)?;
    (function || after.starts_with(": ")).then_some(name)
}

#[test]
fn a_promise_that_nothing_holds_is_found() {
    let code = File::new("a/tests/b.rs", "fn a_test<P>() {\n    planted: Bug within 2;\n");
    let found = |row: &str| check(&File::new("p.md", row), std::slice::from_ref(&code)).len();
    assert_eq!(found("| a promise | `a_test`, `planted` |"), 0);
    assert_eq!(found("| it has `words` | `a_test` |"), 0);
    assert_eq!(found("| a promise | `a_test`, `gone` |"), 1);
    assert_eq!(found("| a promise | later |"), 1);
}
