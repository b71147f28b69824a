//! Closes: where the money may go.

use bitcoin::ScriptBuf;
use node::{CloseCommand, Command, Reply};
use wire::Features;

use crate::stage::{ALICE, Stage};

#[test]
fn a_close_goes_to_an_address_that_the_peer_takes() {
    let taproot = ScriptBuf::from_bytes([&[0x51, 32][..], &[1; 32]].concat());
    for any_segwit in [false, true] {
        let mut stage = Stage::new();
        stage.features = Features::from_bits(if any_segwit { &[13, 23, 27] } else { &[13, 23] });
        stage.connect();
        let outpoint = stage.open_channel("a");
        let close = CloseCommand {
            outpoint,
            force: false,
            feerate: None,
            cap: None,
            script: Some(taproot.clone()),
        };
        if any_segwit {
            stage.is_wired = false;
            stage.cut();
            stage.command(ALICE, Command::Close(close.clone()));
            let replies = stage.machines[ALICE].replies();
            let [Reply::Failed(error)] = replies.as_slice() else { panic!("{replies:?}") };
            assert_eq!(error.code, "address", "nothing is known of an absent peer");
            stage.is_wired = true;
            stage.wait(60);
        }
        stage.command(ALICE, Command::Close(close));
        let replies = stage.machines[ALICE].replies();
        let is_refused = matches!(replies.as_slice(), [Reply::Failed(_)]);
        assert_eq!(is_refused, !any_segwit, "{replies:?}");
        if any_segwit {
            stage.mine(1);
            assert_eq!(stage.states(ALICE), ["Closing"]);
        }
    }
}
