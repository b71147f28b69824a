//! What a peer keeps that does not listen: LND lists an open as pending whose opener says that it is dead.

use crate::faults::{Run, lose, rows};
use crate::peer::{Peer, Standing, scenarios};
use crate::process::wait_for;
use crate::world::{Wish, World};

scenarios!(lnd: what_is_left_of_a_dead_open_goes_after_2016_blocks,);

/// `funding_signed` is lost: one side believes in the open, the other knows better. navvyd says until when, and
/// that is true to the block.
fn what_is_left_of_a_dead_open_goes_after_2016_blocks<P: Peer>() {
    let mut world = World::<P>::with(Wish { coins: 2, ..Wish::default() });
    let height = world.bitcoind.height();
    let runs: Vec<Run> = rows()
        .into_iter()
        .filter(|row| row.message == "funding_signed")
        .map(|row| lose(&mut world, row))
        .collect();
    for run in &runs {
        run.proxy.mend();
        run.connect(&world);
        run.wait_told();
    }
    let text = world.navvyd.request(&runs[0].name)["text"].clone();
    println!("{}: {text}", runs[0].name);
    let until = format!("block {}", height + FORGOTTEN);
    assert!(text.as_str().expect("a text").contains(&until), "{until}");
    let again = runs[0].open_of_navvyd(&world);
    let refused = world.navvyd.try_open("again", &again).expect_err("a refusal");
    assert!(refused.contains(&until), "{refused}");
    let kept = runs[0].theirs(&world).len();
    for _ in 0..13 {
        world.mine(DAY);
    }
    world.mine(DAY - 1);
    assert_eq!(runs[0].theirs(&world).len(), kept, "{}", P::NAME);
    assert_eq!(runs[1].ours(&world).len(), 1);
    world.mine(1);
    wait_for("both to forget", || {
        (runs[0].theirs(&world).iter().all(|channel| channel.standing == Standing::Closed)
            && runs[1].ours(&world).is_empty())
        .then_some(())
    });
    // There is room again.
    world.navvyd.open("afterwards", &again);
    world.navvyd.wait_request("afterwards", "funded");
}

/// So many blocks after `funding_created` an accepter forgets what it never saw in a block.
const FORGOTTEN: u64 = 2016;
/// A fourteenth of that, which a peer can follow in the time that a test waits.
const DAY: u32 = 144;
