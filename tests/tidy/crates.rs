//! Which crate may use which: the arrows of ARCHITECTURE.md.

use crate::{finding::Finding, manifest, tree, tree::File};

struct Crate {
    name: &'static str,
    ours: &'static [&'static str],
    others: &'static [&'static str],
}

#[rustfmt::skip]
const CRATES: &[Crate] = &[
    Crate { name: "wire", ours: &[], others: &["bitcoin", "secp256k1"] },
    Crate { name: "transactions", ours: &[], others: &["bitcoin", "secp256k1"] },
    Crate {
        name: "transport",
        ours: &[],
        others: &[
            "bytes", "chacha20poly1305", "futures-core", "futures-sink", "hkdf", "secp256k1",
            "sha2", "snow", "tokio", "tokio-util", "zeroize",
        ],
    },
    Crate { name: "peer", ours: &["wire"], others: &["tracing"] },
    Crate {
        name: "funding",
        ours: &["transactions", "wire"],
        others: &["bitcoin", "secp256k1", "tracing"],
    },
    Crate {
        name: "closing",
        ours: &["funding", "transactions", "wire"],
        others: &["bitcoin", "secp256k1", "tracing"],
    },
    Crate {
        name: "chain",
        ours: &[],
        others: &["base64", "bitcoin", "bitcoinconsensus", "serde", "serde_json"],
    },
    Crate {
        name: "wallet",
        ours: &["transactions"],
        others: &["argon2", "bdk_wallet", "bitcoin", "chacha20poly1305", "secp256k1", "zeroize"],
    },
    Crate {
        name: "node",
        ours: &["chain", "closing", "funding", "transactions", "wallet", "wire"],
        others: &["bitcoin", "secp256k1", "tracing"],
    },
    Crate { name: "storage", ours: &["node"], others: &["redb"] },
    Crate {
        name: "rpc",
        ours: &["node"],
        others: &[
            "bitcoin", "prost", "protox", "rcgen", "rustls", "secp256k1", "tokio", "tokio-stream",
            "tonic", "tonic-prost", "tonic-prost-build", "tracing",
        ],
    },
    Crate {
        name: "bin",
        ours: &[
            "chain", "funding", "node", "peer", "rpc", "storage", "transactions", "transport",
            "wallet", "wire",
        ],
        others: &[
            "bitcoin", "bytes", "clap", "getrandom", "prometheus-client", "prost", "prost-reflect",
            "secp256k1", "serde", "serde_json", "tokio", "tokio-util", "toml", "tracing",
            "tracing-subscriber", "zeroize",
        ],
    },
    Crate {
        name: "tests",
        ours: &[
            "bin", "chain", "closing", "funding", "node", "peer", "rpc", "storage",
            "transactions", "transport", "wallet", "wire",
        ],
        others: &["bitcoin", "tokio", "tracing"],
    },
];

/// What the tests of any crate may use.
const IN_TESTS: &[&str] = &["bitcoinconsensus", "proptest", "serde_json", "storage", "tempfile"];

/// These may be used as they stand, but never grow features that need more.
const PURE: &[&str] =
    &["wire", "transactions", "peer", "funding", "closing", "chain", "wallet", "node"];

#[test]
fn crates_depend_on_what_the_design_lets_them() {
    let mut findings = Vec::new();
    for member in manifest::members(tree::file("Cargo.toml")) {
        findings.extend(check(member, tree::file(&format!("{member}/Cargo.toml"))));
    }
    crate::finding::none(&findings);
}

#[test]
fn pure_crates_take_nothing_that_waits() {
    for name in PURE {
        let row = CRATES.iter().find(|row| row.name == *name).expect("a row of the table");
        for waiting in ["tokio", "tokio-util", "futures-core", "getrandom", "redb"] {
            assert!(!row.others.contains(&waiting), "{name} may not use {waiting}");
        }
    }
}

fn check(name: &str, file: &File) -> Vec<Finding> {
    let Some(row) = CRATES.iter().find(|row| row.name == name) else {
        return vec![Finding::new(&file.path, 1, format!("{name} is no crate of the design"))];
    };
    let allowed = |used: &str| row.ours.contains(&used) || row.others.contains(&used);
    let normal = manifest::dependencies(file, "dependencies");
    let tests = manifest::dependencies(file, "dev-dependencies");
    let normal = normal.into_iter().filter(|(_, used)| !allowed(used));
    let tests = tests.into_iter().filter(|(_, used)| !allowed(used) && !IN_TESTS.contains(used));
    let refused = normal.chain(tests);
    refused
        .map(|(line, used)| Finding::new(&file.path, line, format!("{name} may not use {used}")))
        .collect()
}

#[test]
fn an_arrow_that_is_not_drawn_is_found() {
    let file = File::new(
        "wire/Cargo.toml",
        "[dependencies]\nbitcoin.workspace = true\nfunding.workspace = true\n\
         [dev-dependencies]\nproptest.workspace = true\ntokio.workspace = true\n",
    );
    let found: Vec<_> = check("wire", &file).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "wire/Cargo.toml:3: wire may not use funding",
            "wire/Cargo.toml:6: wire may not use tokio",
        ]
    );
    assert_eq!(check("lamps", &file).len(), 1);
}
