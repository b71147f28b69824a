//! Nothing in the repository names a machine on which it was written.

use crate::{finding, finding::Finding, tree, tree::File, words::neighbours};

/// The beginnings of paths on somebody's disk.
const HOMES: &[&str] = &["/home/", "/root/", "/Users/", "/work/", "/farm/", "C:\\"];

/// Settings that send a package manager to another place than the public one.
const DETOURS: &[&str] =
    &["replace-with", "[source.", "GOPROXY=", "GONOSUMDB=", "index-url", "extra-index-url"];

/// Where Cargo.lock may have a crate from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn no_file_names_a_machine() {
    let files = tree::files().iter().filter(|file| !file.is_tidy());
    finding::none(&files.flat_map(check).collect::<Vec<_>>());
}

fn check(file: &File) -> Vec<Finding> {
    let lines = file.lines().flat_map(|(line, text)| {
        let what = path(text).or_else(|| detour(text)).or_else(|| host(text));
        let what = what.or_else(|| source(&file.path, text));
        what.map(|what| Finding::new(&file.path, line, what))
    });
    lines.collect()
}

/// A path from the root; one within the repository may have such a part.
fn path(text: &str) -> Option<String> {
    let home = HOMES.iter().find(|home| {
        neighbours(text, home).any(|(before, after)| {
            !before.is_some_and(|char| char.is_alphanumeric() || "_.-}$".contains(char))
                && after.is_some_and(char::is_alphanumeric)
        })
    });
    home.map(|home| format!("a path below {home}"))
}

fn detour(text: &str) -> Option<String> {
    let setting = DETOURS.iter().find(|setting| text.contains(**setting));
    setting.map(|setting| format!("{setting} sends packages on a detour"))
}

/// A host that only some network knows.
fn host(text: &str) -> Option<String> {
    text.split("://").skip(1).find_map(|rest| {
        let host: &str = rest.split(|char| !is_of_host(char)).next().unwrap_or("");
        let private = ["10.", "192.168.", "172."].iter().any(|start| host.starts_with(start))
            && host.split('.').all(|part| part.parse::<u8>().is_ok());
        let inner = [".internal", ".local", ".lan", ".corp", ".intra"];
        let inner = inner.iter().any(|end| host.ends_with(end));
        let alone = !host.is_empty() && !host.contains('.') && host != "localhost";
        (private || inner || alone).then(|| format!("{host} is known to one network only"))
    })
}

fn is_of_host(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '.' || char == '-'
}

fn source(path: &str, text: &str) -> Option<String> {
    let source = text.strip_prefix("source = \"")?.trim_end_matches('"');
    let elsewhere = path.ends_with("Cargo.lock") && source != CRATES_IO;
    elsewhere.then(|| format!("{source} is not crates.io"))
}

#[test]
fn a_machine_is_found() {
    let found = |path, text| check(&File::new(path, text)).len();
    assert_eq!(found("a.md", "see /home/ada/navvy"), 1);
    assert_eq!(found("a.sh", "cp x ${ROOT}/work/y; cd target/work/z; ls /root/"), 0);
    assert_eq!(found("a.toml", "replace-with = \"mirror\""), 1);
    assert_eq!(found("a.sh", "curl http://mirror:3000/ http://127.0.0.1:1 https://docs.rs"), 1);
    assert_eq!(found("a.sh", "http://10.1.2.3/ \"http://{address}\""), 1);
    assert_eq!(found("Cargo.lock", "source = \"registry+https://example.org\""), 1);
    assert_eq!(found("Cargo.lock", &format!("source = \"{CRATES_IO}\"")), 0);
}
