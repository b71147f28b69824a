//! The rows of `docs/requirements`.

use crate::{
    tag::{self, Tag},
    tree::File,
};

/// One requirement and what became of it.
pub struct Row {
    pub path: String,
    pub line: usize,
    pub tag: Tag,
    /// `MAY` asks for nothing.
    pub binding: bool,
    /// The files that obey it.
    pub places: Vec<String>,
    pub tests: Vec<String>,
    pub fate: Fate,
}

/// What the register says of a requirement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Open,
    Obeyed,
    LeftOut,
    Exception,
}

impl Row {
    /// A rule that is obeyed or deviated from, is no mere permission, and has no test yet.
    pub fn wants_test(&self) -> bool {
        self.binding && !self.places.is_empty() && self.tests.is_empty()
    }

    /// Nothing is left to fill in.
    pub fn is_done(&self) -> bool {
        let placed = match self.fate {
            Fate::Open => false,
            Fate::Obeyed | Fate::LeftOut => true,
            Fate::Exception => !self.places.is_empty(),
        };
        placed && !self.wants_test()
    }
}

/// The files that hold the register.
pub fn is_register(file: &File) -> bool {
    file.path.starts_with("docs/requirements/bolt")
}

/// The rows of one file; a row that cannot be read is an error with its line.
pub fn rows(file: &File) -> Vec<Result<Row, (usize, String)>> {
    let rows = file.lines().filter(|(_, text)| text.starts_with("| [BOLT"));
    rows.map(|(line, text)| row(&file.path, line, text).map_err(|what| (line, what))).collect()
}

fn row(path: &str, line: usize, text: &str) -> Result<Row, String> {
    let cells: Vec<_> = text.trim().trim_matches('|').split(" | ").map(str::trim).collect();
    let [name, rule, level, place, test] = cells.as_slice() else {
        return Err(format!("{} columns instead of 5", cells.len()));
    };
    let tag = tag::tags(name).into_iter().next().and_then(Result::ok);
    let tag = tag.ok_or_else(|| format!("{name} is no tag"))?;
    if rule.is_empty() {
        return Err("no rule".into());
    }
    let binding = match *level {
        "MUST" | "MUST NOT" | "SHOULD" | "SHOULD NOT" => true,
        "MAY" => false,
        other => return Err(format!("{other} is no level")),
    };
    let places = quoted(place);
    let fate = fate(place, &places)?;
    let tests = quoted(test);
    if tests.is_empty() && *test != "-" {
        return Err("a test stands in backquotes, or there is a -".into());
    }
    Ok(Row { path: path.into(), line, tag, binding, places, tests, fate })
}

fn fate(place: &str, places: &[String]) -> Result<Fate, String> {
    let reason = |word| place.strip_prefix(word).map(|reason: &str| !reason.trim().is_empty());
    match (reason("left out:"), reason("exception:"), places) {
        (Some(true), None, []) => Ok(Fate::LeftOut),
        (None, Some(true), _) => Ok(Fate::Exception),
        (None, None, [_, ..]) => Ok(Fate::Obeyed),
        (None, None, []) if place == "-" => Ok(Fate::Open),
        (None, None, []) => Err("a place stands in backquotes, or there is a reason".into()),
        (Some(_), ..) | (_, Some(_), _) => Err("a reason has words, and no place".into()),
    }
}

/// What stands in backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(Into::into).collect()
}

#[test]
fn a_row_says_what_became_of_its_rule() {
    let read = |place: &str, test: &str| {
        row("r.md", 1, &format!("| [BOLT 2 shutdown S1] | a rule | MUST | {place} | {test} |"))
    };
    let done = |place, test| read(place, test).ok().map(|row| row.is_done());
    assert_eq!(done("-", "-"), Some(false));
    assert_eq!(done("`a.rs`, `b.rs`", "-"), Some(false));
    assert_eq!(done("`a.rs`, `b.rs`", "`sends_one`"), Some(true));
    assert_eq!(done("left out: no HTLCs", "-"), Some(true));
    assert_eq!(done("exception: peers; `a.rs`", "`waits_not`"), Some(true));
    assert_eq!(done("exception: peers", "-"), Some(false));
    assert_eq!(done("left out:", "-"), None);
    assert_eq!(done("a.rs", "-"), None);
    assert_eq!(done("`a.rs`", "later"), None);
}

#[test]
fn a_permission_needs_no_test() {
    let text = "| [BOLT 2 shutdown S2] | a rule | MAY | `a.rs` | - |";
    assert!(row("r.md", 1, text).is_ok_and(|row| row.is_done()));
}
