//! Each dependency has a line with its reason.

use crate::{finding, finding::Finding, manifest, tree, tree::File};

const REASONS: &str = "docs/adr/0008-crates-and-dependencies.md";

#[test]
fn each_dependency_has_a_reason() {
    let root = tree::file("Cargo.toml");
    let members = manifest::members(root);
    let manifests = members.iter().map(|member| tree::file(&format!("{member}/Cargo.toml")));
    let reasons = tree::file(REASONS);
    let mut findings = check(root, "workspace.dependencies", &members, reasons);
    for file in manifests {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            findings.extend(check(file, section, &members, reasons));
        }
    }
    finding::none(&findings);
}

fn check(file: &File, section: &str, members: &[&str], reasons: &File) -> Vec<Finding> {
    let used = manifest::dependencies(file, section);
    let foreign = used.into_iter().filter(|(_, name)| !members.contains(name));
    foreign
        .filter(|(_, name)| !reasons.text.contains(&format!("\n| `{name}` |")))
        .map(|(line, name)| {
            Finding::new(&file.path, line, format!("{name} has no row in {REASONS}"))
        })
        .collect()
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let file = File::new("Cargo.toml", "[dependencies]\na = \"1\"\nb = \"1\"\nc = \"1\"\n");
    let reasons = File::new(REASONS, "| crate | why |\n| `a` | it adds |\n`b` is nice\n");
    assert_eq!(check(&file, "dependencies", &["c"], &reasons).len(), 1);
}
