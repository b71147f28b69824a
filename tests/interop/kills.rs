//! navvyd gets SIGKILL when a message is on its way: between each commit and what follows it, in each role. The
//! tables in `tables/kills-<peer>.txt` are what is expected of both.

use crate::faults::{Fault, close_all, run};
use crate::peer::{Peer, scenarios};
use crate::table::Table;
use crate::world::{NO_ESTIMATES, Wish, World};

scenarios!(navvyd_is_killed_at_each_message,);

fn navvyd_is_killed_at_each_message<P: Peer>() {
    let mut table = Table::read(&format!("kills-{}", P::NAME));
    let mut world =
        World::<P>::with(Wish { coins: 20, bitcoind_options: NO_ESTIMATES, ..Wish::default() });
    let runs = run(&mut world, Fault::Kill, &mut table);
    close_all(&world, &runs, &mut table);
    table.check();
}
