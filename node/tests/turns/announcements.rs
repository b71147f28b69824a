//! `announcement_signatures` between two nodes, over lost messages, cuts and restarts.

use bitcoin::OutPoint;
use node::OpenCommand;

use crate::stage::{ALICE, BOB, Stage};

/// An announced channel, five blocks deep.
fn announced() -> (Stage, OutPoint) {
    let mut stage = Stage::with_connection();
    let wish = OpenCommand { announce: true, ..stage.open_command("a") };
    stage.open(wish).expect("a good wish");
    let outpoint = stage.request("a").outpoint.expect("bob signs");
    stage.mine(5);
    assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Normal"], vec!["Normal"]));
    assert_eq!(said(&mut stage), [0, 0]);
    (stage, outpoint)
}

/// How often each side said it since it was last asked.
fn said(stage: &mut Stage) -> [usize; 2] {
    [ALICE, BOB].map(|who| {
        let names = stage.sent(who);
        names.iter().filter(|name| **name == "announcement_signatures").count()
    })
}

#[test]
fn announcement_signatures_are_exchanged_once_for_good() {
    let (mut stage, _) = announced();
    stage.mine(1);
    assert_eq!(said(&mut stage), [1, 1]);
    stage.mine(1);
    stage.cut();
    stage.wait(60);
    assert!(stage.is_connected());
    assert_eq!(said(&mut stage), [0, 0], "both have both");
    stage.crash(ALICE);
    stage.crash(BOB);
    stage.wait(60);
    assert!(stage.is_connected());
    assert_eq!(said(&mut stage), [0, 0], "over restarts too");
}

#[test]
fn announcement_signatures_that_were_lost_are_said_again() {
    let (mut stage, _) = announced();
    stage.loses = vec!["announcement_signatures"];
    stage.mine(1);
    assert_eq!(said(&mut stage), [1, 1]);
    stage.loses.clear();
    stage.crash(BOB);
    stage.wait(60);
    assert_eq!(said(&mut stage), [1, 1]);
    stage.crash(BOB);
    stage.wait(60);
    assert_eq!(said(&mut stage), [0, 0]);
}

#[test]
fn announcement_signatures_are_not_said_after_shutdown() {
    let (mut stage, outpoint) = announced();
    stage.loses = vec!["closing_signed"];
    stage.close(outpoint, false).expect("both are there");
    stage.mine(1);
    assert_eq!(said(&mut stage), [0, 0]);
    assert!(stage.states(ALICE).contains(&"ShuttingDown"));
}
