//! As much of Cargo.toml as the checks need: one line, one entry.

use crate::tree::File;

/// A line `key = ..` below `[section]`.
pub struct Entry<'a> {
    pub line: usize,
    pub section: &'a str,
    pub key: &'a str,
}

/// The entries in the order of the file. Lines that continue a value belong to no entry.
pub fn entries(file: &File) -> Vec<Entry<'_>> {
    let mut section = "";
    let mut entries = Vec::new();
    for (line, text) in file.lines() {
        let text = text.trim();
        if let Some(header) = text.strip_prefix('[') {
            section = header.trim_end_matches(']').trim_start_matches('[');
        } else if let Some((key, _)) = text.split_once('=')
            && !text.starts_with(['#', '"', '{'])
        {
            entries.push(Entry { line, section, key: key.trim() });
        }
    }
    entries
}

/// The crates that a section names: `name.workspace = true`, `name = ..` or `[section.name]`.
pub fn dependencies<'a>(file: &'a File, section: &str) -> Vec<(usize, &'a str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for entry in entries(file) {
        let name = if entry.section == section {
            entry.key.split('.').next()
        } else {
            entry.section.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(name) = name
            && !found.iter().any(|(_, known)| *known == name)
        {
            found.push((entry.line, name));
        }
    }
    found
}

/// The folders of the workspace, each of which is a crate of that name.
pub fn members(root: &File) -> Vec<&str> {
    let list = root.text.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.expect("Cargo.toml lists its members");
    list.split('"').skip(1).step_by(2).collect()
}

#[test]
fn reads_each_form_of_a_dependency() {
    let file = File::new(
        "Cargo.toml",
        "[workspace]\nmembers = [\n  \"a\", \"b\",\n]\n[dependencies]\na.workspace = true\n\
         b = { path = \"b\" }\n# c = \"1\"\n[dependencies.d]\nversion = \"1\"\n\
         [dev-dependencies]\ne = \"1\"\n",
    );
    assert_eq!(members(&file), ["a", "b"]);
    assert_eq!(dependencies(&file, "dependencies"), [(6, "a"), (7, "b"), (10, "d")]);
    assert_eq!(dependencies(&file, "dev-dependencies"), [(12, "e")]);
}
