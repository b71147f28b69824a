//! The demo: an embedded chain and two nodes, a channel over real TCP and BOLT 8, and where every satoshi went.

mod chance;
mod play;
mod printer;
mod sheet;
mod stage;

pub use play::{Act, play};
