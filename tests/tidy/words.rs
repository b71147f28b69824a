//! Words that the code does without.

use crate::{finding, finding::Finding, tree, tree::File};

/// How a word is looked for.
enum As {
    /// These letters.
    Text,
    /// No letter, digit or underscore before or after it.
    Name,
    /// Part of a name: not within another word, whatever its case.
    Word,
}

struct Banned {
    word: &'static str,
    seen: As,
    /// Where it may stand: the beginnings of paths.
    but: &'static [&'static str],
    why: &'static str,
}

const BANNED: &[Banned] = &[
    Banned {
        word: "fn get_",
        seen: As::Text,
        but: &["rpc/src/lightning.rs", "tests/bench/src/ldk_pair.rs"],
        why: "a getter is named after its value, but in LND's and LDK's interfaces",
    },
    Banned { word: "todo!", seen: As::Text, but: &[], why: "unfinished" },
    Banned { word: "unimplemented!", seen: As::Text, but: &[], why: "unfinished" },
    Banned { word: "dbg!", seen: As::Text, but: &[], why: "left over" },
    Banned {
        word: "error!(",
        seen: As::Text,
        but: &["bin/src/core_loop.rs", "bin/src/entropy.rs", "rpc/src/refusal.rs"],
        why: "nothing outside may cause an error line: warn says what the operator should know",
    },
    Banned { word: "#[ignore", seen: As::Text, but: &[], why: "a test runs or goes" },
    Banned {
        word: "funding_locked",
        seen: As::Name,
        but: &["GLOSSARY.md"],
        why: "channel_ready is the name",
    },
    Banned { word: "holder", seen: As::Word, but: &[], why: "local is the name" },
    Banned {
        word: "counterparty",
        seen: As::Word,
        // LDK's own names.
        but: &["tests/peers/ldk/"],
        why: "remote is the name",
    },
    Banned { word: "fundee", seen: As::Word, but: &[], why: "accepter is the name" },
    Banned {
        word: "initiator",
        seen: As::Word,
        but: &[
            "bin/tests/rpc/",
            "rpc/",
            "tests/bench/src/bolt8.rs",
            "tests/interop/lncli.rs",
            "transport/",
            "fuzz/src/transport_",
        ],
        why: "opener is the name, but in the handshake of BOLT 8 and in LND's interface",
    },
];

/// Tests that sleep either fail on a slow machine or waste a fast one's time. Where a real process
/// has to be polled, it is in one of these.
const SLEEPERS: &[(&str, &str)] = &[
    ("tests/interop/process.rs", "asks a peer's process again and again, with a deadline"),
    ("bin/tests/cli/world.rs", "asks the real programs again and again, with a deadline"),
    ("chain/tests/fake/mod.rs", "a server that is slow on purpose"),
    ("tests/bench/src/clock.rs", "looks again at a condition"),
    ("tests/bench/src/memory.rs", "a daemon is idle when it had time to be"),
    ("tests/bench/src/peers.rs", "looks again at a condition"),
    ("tests/bench/src/pending.rs", "a daemon is idle when it had time to be"),
];

#[test]
fn code_uses_the_words_of_the_glossary() {
    let code = tree::files().iter().filter(|file| !file.is_tidy());
    let code = code.filter(|file| file.is_rust() || file.path.ends_with(".proto"));
    finding::none(&code.flat_map(check_words).collect::<Vec<_>>());
}

#[test]
fn tests_wait_for_conditions() {
    let code = tree::files().iter().filter(|file| file.is_rust() && !file.is_tidy());
    let tests = code.filter(|file| file.path.split('/').any(|part| part.starts_with("tests")));
    let tests = tests.filter(|file| !SLEEPERS.iter().any(|(path, _)| *path == file.path));
    finding::none(&tests.flat_map(check_sleeps).collect::<Vec<_>>());
}

fn check_words(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for banned in BANNED {
        if banned.but.iter().any(|path| file.path.starts_with(path)) {
            continue;
        }
        for (line, text) in file.lines() {
            if banned.seen.finds(text, banned.word) {
                let what = format!("{}: {}", banned.word, banned.why);
                findings.push(Finding::new(&file.path, line, what));
            }
        }
    }
    findings
}

fn check_sleeps(file: &File) -> Vec<Finding> {
    let lines = file.lines().filter(|(_, text)| As::Text.finds(text, "thread::sleep"));
    lines.map(|(line, _)| Finding::new(&file.path, line, "wait for a condition")).collect()
}

impl As {
    fn finds(&self, text: &str, word: &str) -> bool {
        let lower;
        let (text, word) = match self {
            Self::Text | Self::Name => (text, word),
            Self::Word => {
                lower = text.to_lowercase();
                (lower.as_str(), word)
            }
        };
        neighbours(text, word).any(|(before, after)| match self {
            Self::Text => true,
            Self::Name => ![before, after].into_iter().flatten().any(is_of_name),
            Self::Word => !before.is_some_and(char::is_alphabetic),
        })
    }
}

/// What stands before and after each occurrence of a word.
pub fn neighbours(text: &str, word: &str) -> impl Iterator<Item = (Option<char>, Option<char>)> {
    text.match_indices(word).map(|(start, _)| {
        let (before, rest) = text.split_at(start);
        (before.chars().next_back(), rest.chars().nth(word.chars().count()))
    })
}

fn is_of_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[test]
fn a_banned_word_is_found_where_it_is_one() {
    let found = |path, text| check_words(&File::new(path, text)).len();
    assert_eq!(found("a.rs", "fn get_fee() {}\n// HolderKeys, counterparty_keys\n"), 3);
    assert_eq!(found("a.rs", "// placeholder, my_current_funding_locked\n"), 0);
    assert_eq!(found("a.rs", "funding_locked"), 1);
    assert_eq!(found("GLOSSARY.md", "funding_locked"), 0);
    assert_eq!(found("transport/src/noise.rs", "Initiator"), 0);
    assert_eq!(found("funding/src/lib.rs", "Initiator"), 1);
    assert_eq!(
        check_sleeps(&File::new("tests/a.rs", "thread::sleep(x)\nclock.sleep()\n")).len(),
        1
    );
}
