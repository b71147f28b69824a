//! What navvy costs, beside what it is measured against in the same run: the table of docs/benchmarks.md, which
//! also says how each row is measured. Start it with tests/bench/run.
#![allow(dead_code, reason = "what the tests with real peers need of a process is more")]

#[path = "../../interop/bitcoind.rs"]
mod bitcoind;
mod block;
mod bolt8;
mod clock;
mod coins;
mod counting;
#[path = "../../../transport/benches/handshake/mod.rs"]
mod curve;
mod http;
mod ldk_pair;
mod memory;
mod navvy_opens;
mod opens;
mod peers;
mod pending;
#[path = "../../interop/process.rs"]
mod process;
mod table;

use bitcoind::Bitcoind;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    table::print_head();
    if is_wanted("bolt8") {
        bolt8::run();
    }
    if is_wanted("block") {
        block::run();
    }
    if std::env::var_os("BITCOIND_EXE").is_none() {
        table::note("BITCOIND_EXE is not set: only the rows that need no chain are here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bitcoind = Bitcoind::start(folder.path(), &[]);
    bitcoind.mine(101);
    let idle = is_wanted("memory").then(|| memory::run(folder.path(), &bitcoind)).flatten();
    let lnds = is_wanted("opens").then(|| opens::run(folder.path(), &bitcoind)).flatten();
    if is_wanted("pending") {
        pending::run(folder.path(), &bitcoind, idle, lnds);
    }
}
