//! The demo is the README's first command: every variant ends with a balance sheet that holds.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::process::Command;

fn demo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_navvy")).arg("demo").args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.contains("the sheet holds"), "{text}");
    text
}

#[test]
fn a_channel_is_opened_and_closed_together() {
    let text = demo(&[]);
    for words in ["sends funding_signed", "WaitForChannelReady -> Normal", "sends closing_signed"] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

#[test]
fn a_channel_is_closed_by_force_and_everything_is_swept() {
    let text = demo(&["--force-close"]);
    for words in ["and its child", "the peer's commitment", "our outputs are ripe"] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

#[test]
fn the_opener_comes_back_from_a_power_cut() {
    for arguments in [vec!["--kill"], vec!["--kill", "--force-close"]] {
        let text = demo(&arguments);
        for words in ["had reached its disk", "sends channel_reestablish"] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_channel() {
    let point = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("channel point")).unwrap();
        line.to_owned()
    };
    let (first, again, other) =
        (demo(&["--seed", "7"]), demo(&["--seed", "7"]), demo(&["--seed", "8"]));
    assert_eq!(point(&first), point(&again));
    assert_ne!(point(&first), point(&other));
}
