//! Code, register and tests name each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    finding,
    finding::Finding,
    register::{self, Fate, Row},
    tag::{self, Tag},
    tree,
    tree::File,
};

/// Rows that are not filled in yet. It only ever gets smaller.
const OPEN_ALLOWED: usize = 0;

#[test]
fn every_row_can_be_read_and_counted() {
    let (rows, mut findings) = rows(tree::files());
    findings.extend(check_ordinals(&rows));
    finding::none(&findings);
}

#[test]
fn every_tag_in_the_code_has_a_row() {
    finding::none(&check_code(&code(), &rows(tree::files()).0));
}

#[test]
fn every_place_in_the_register_has_its_tag() {
    finding::none(&check_places(&code(), &rows(tree::files()).0));
}

#[test]
fn every_test_in_the_register_exists() {
    finding::none(&check_tests(&code(), &rows(tree::files()).0));
}

#[test]
fn no_more_rows_are_open_than_allowed() {
    let (rows, _) = rows(tree::files());
    let open = rows.iter().filter(|row| !row.is_done());
    let open: Vec<_> =
        open.map(|row| Finding::new(&row.path, row.line, row.tag.to_string())).collect();
    if open.len() > OPEN_ALLOWED {
        finding::none(&open);
    }
}

#[test]
fn counts() {
    let (rows, _) = rows(tree::files());
    let mut sections: BTreeMap<(u32, &str), Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        sections.entry((row.tag.document, &row.tag.section)).or_default().push(row);
    }
    println!(
        "{:32}{:>6}{:>8}{:>8}{:>9}{:>11}{:>6}",
        "section", "rules", "obeyed", "tested", "left out", "exceptions", "open"
    );
    let print = |name: &str, rows: &[&Row]| {
        let fate = |fate| rows.iter().filter(|row| row.fate == fate).count();
        let tested = rows.iter().filter(|row| !row.tests.is_empty()).count();
        let open = rows.iter().filter(|row| !row.is_done()).count();
        let (obeyed, out) = (fate(Fate::Obeyed), fate(Fate::LeftOut));
        println!(
            "{name:32}{:>6}{obeyed:>8}{tested:>8}{out:>9}{:>11}{open:>6}",
            rows.len(),
            fate(Fate::Exception)
        );
    };
    for ((document, section), rows) in &sections {
        print(&format!("BOLT {document} {section}"), rows);
    }
    print("all", &rows.iter().collect::<Vec<_>>());
}

fn rows(files: &[File]) -> (Vec<Row>, Vec<Finding>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| register::is_register(file)) {
        for row in register::rows(file) {
            match row {
                Ok(row) => rows.push(row),
                Err((line, what)) => findings.push(Finding::new(&file.path, line, what)),
            }
        }
    }
    (rows, findings)
}

fn code() -> Vec<&'static File> {
    tree::files().iter().filter(|file| file.is_rust() && !file.is_tidy()).collect()
}

/// Each section and side counts 1, 2, 3, without gap or repetition.
fn check_ordinals(rows: &[Row]) -> Vec<Finding> {
    let mut last: BTreeMap<(u32, &str, char), u32> = BTreeMap::new();
    let mut findings = Vec::new();
    for Row { path, line, tag, .. } in rows {
        let last = last.entry((tag.document, &tag.section, tag.side)).or_default();
        *last = last.saturating_add(1);
        if tag.ordinal != *last {
            findings.push(Finding::new(path, *line, format!("{tag} is number {last}")));
            *last = tag.ordinal;
        }
    }
    findings
}

fn check_code(code: &[&File], rows: &[Row]) -> Vec<Finding> {
    let known: BTreeMap<&Tag, &Row> = rows.iter().map(|row| (&row.tag, row)).collect();
    let mut findings = Vec::new();
    for file in code {
        for (line, tag) in tags_of(file) {
            let what = match &tag {
                Err(text) => format!("{text} is no tag"),
                Ok(tag) => match known.get(tag) {
                    None => format!("{tag} is in no register"),
                    Some(row) if row.fate == Fate::LeftOut => format!("{tag} is left out"),
                    Some(row) if !row.places.is_empty() && !row.places.contains(&file.path) => {
                        format!("{}:{} does not name this place of {tag}", row.path, row.line)
                    }
                    Some(_) => continue,
                },
            };
            findings.push(Finding::new(&file.path, line, what));
        }
    }
    findings
}

fn check_places(code: &[&File], rows: &[Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in rows {
        for place in &row.places {
            let file = code.iter().find(|file| file.path == *place);
            let what = match file {
                None => format!("{place} does not exist"),
                Some(file) if !tags_of(file).any(|(_, tag)| tag.as_ref() == Ok(&row.tag)) => {
                    format!("{place} does not carry {}", row.tag)
                }
                Some(_) => continue,
            };
            findings.push(Finding::new(&row.path, row.line, what));
        }
    }
    findings
}

fn check_tests(code: &[&File], rows: &[Row]) -> Vec<Finding> {
    let lines = code.iter().flat_map(|file| file.text.lines());
    let functions: BTreeSet<&str> = lines.filter_map(function).collect();
    let named = rows.iter().flat_map(|row| row.tests.iter().map(move |test| (row, test)));
    named
        .filter(|(_, test)| !functions.contains(test.as_str()))
        .map(|(row, test)| Finding::new(&row.path, row.line, format!("no test {test}")))
        .collect()
}

fn tags_of(file: &File) -> impl Iterator<Item = (usize, Result<Tag, String>)> {
    file.lines().flat_map(|(line, text)| tag::tags(text).into_iter().map(move |tag| (line, tag)))
}

/// The name after `fn`.
fn function(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let plain = before.chars().all(|char| char.is_alphabetic() || " ()".contains(char));
    plain.then(|| rest.split(['(', '<']).next())?
}

#[test]
fn code_and_register_that_disagree_are_found() {
    let register = File::new(
        "docs/requirements/bolt02.md",
        "| [BOLT 2 x S1] | r | MUST | `a.rs` | `works` |\n\
         | [BOLT 2 x S2] | r | MUST | `b.rs` | `fails` |\n\
         | [BOLT 2 x S4] | r | MUST | left out: no | - |\n",
    );
    let file = File::new(
        "a.rs",
        "// [BOLT 2 x S1]\n// [BOLT 2 x S2]\n// [BOLT 2 x S3]\n// [BOLT 2 x S4]\n// [BOLT 2]\n\
         fn works() {}\n",
    );
    let (rows, unread) = rows(&[register]);
    assert_eq!((rows.len(), unread.len()), (3, 0));
    let text = |found: Vec<Finding>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        text(check_ordinals(&rows)),
        ["docs/requirements/bolt02.md:3: [BOLT 2 x S4] is number 3"]
    );
    assert_eq!(
        text(check_code(&[&file], &rows)),
        [
            "a.rs:2: docs/requirements/bolt02.md:2 does not name this place of [BOLT 2 x S2]",
            "a.rs:3: [BOLT 2 x S3] is in no register",
            "a.rs:4: [BOLT 2 x S4] is left out",
            "a.rs:5: [BOLT 2 is no tag",
        ]
    );
    assert_eq!(
        text(check_places(&[&file], &rows)),
        ["docs/requirements/bolt02.md:2: b.rs does not exist"]
    );
    assert_eq!(
        text(check_tests(&[&file], &rows)),
        ["docs/requirements/bolt02.md:2: no test fails"]
    );
}
