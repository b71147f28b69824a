//! What a page names is there.

use std::path::{Component, Path, PathBuf};

use crate::{finding, finding::Finding, tree, tree::File};

#[test]
fn pages_name_files_that_exist() {
    let files = tree::files();
    let pages = files.iter().filter(|file| file.path.ends_with(".md"));
    finding::none(&pages.flat_map(|page| check(page, files)).collect::<Vec<_>>());
}

#[test]
fn each_folder_of_pages_has_a_full_index() {
    let files = tree::files();
    finding::none(&check_index("docs/adr/README.md", files));
    finding::none(&check_index("docs/requirements/README.md", files));
}

/// Pages beside an index that it has no link to.
fn check_index(index: &str, files: &[File]) -> Vec<Finding> {
    let page = files.iter().find(|file| file.path == index);
    let linked: Vec<_> = page.iter().flat_map(|page| links(&page.text)).collect();
    let folder = index.trim_end_matches("README.md");
    let pages = files.iter().filter_map(|file| file.path.strip_prefix(folder));
    pages
        .filter(|name| name.ends_with(".md") && *name != "README.md" && !linked.contains(name))
        .map(|name| Finding::new(index, 1, format!("no link to {name}")))
        .collect()
}

fn check(page: &File, files: &[File]) -> Vec<Finding> {
    let exists = |path: &str| files.iter().any(|file| Path::new(&file.path).starts_with(path));
    let mut findings = Vec::new();
    for (line, text) in page.lines() {
        let linked = links(text).filter_map(|link| beside(&page.path, link));
        let named = named(text).map(str::to_owned);
        for path in linked.chain(named).filter(|path| !exists(path)) {
            findings.push(Finding::new(&page.path, line, format!("{path} does not exist")));
        }
    }
    findings
}

/// Targets of links within the repository, as they stand.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.filter_map(|target| target.split('#').next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

/// Rust files in backquotes, from the root.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|path| path.contains('/') && path.ends_with(".rs") && !path.contains(['*', '{']))
}

/// A link's target, from the root.
fn beside(page: &str, link: &str) -> Option<String> {
    let mut path = PathBuf::from(page);
    path.pop();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path.to_str().map(Into::into)
}

#[test]
fn a_dead_link_is_found() {
    let files = [File::new("docs/adr/0001.md", ""), File::new("a/src/lib.rs", "")];
    let found = |text| check(&File::new("docs/README.md", text), &files).len();
    assert_eq!(found("[x](adr/0001.md#title) [y](../a/src/lib.rs) [z](https://a.b/c)"), 0);
    assert_eq!(found("[x](0001.md) `a/src/lib.rs` `a/src/gone.rs`"), 2);
    assert_eq!(found("[x](adr)"), 0);
}

#[test]
fn a_page_that_is_not_in_the_index_is_found() {
    let files =
        [File::new("d/README.md", "[x](a.md)"), File::new("d/a.md", ""), File::new("d/b.md", "")];
    assert_eq!(check_index("d/README.md", &files).len(), 1);
}
