//! The connection ends when a message is on its way: each message, in each direction, in each role. The tables
//! in `tables/cuts-<peer>.txt` are what is expected of both.

use crate::faults::{Fault, close_all, run};
use crate::peer::{Peer, scenarios};
use crate::table::Table;
use crate::world::{NO_ESTIMATES, Wish, World};

scenarios!(each_message_is_lost_with_its_connection,);

fn each_message_is_lost_with_its_connection<P: Peer>() {
    let mut table = Table::read(&format!("cuts-{}", P::NAME));
    let mut world =
        World::<P>::with(Wish { coins: 20, bitcoind_options: NO_ESTIMATES, ..Wish::default() });
    let runs = run(&mut world, Fault::Cut, &mut table);
    close_all(&world, &runs, &mut table);
    table.check();
}
