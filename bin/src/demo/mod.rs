//! The demo: an embedded chain and two nodes, a channel over real TCP and BOLT 8, and where every satoshi went.

mod chance;
mod keep;
mod play;
mod printer;
mod sheet;
mod stage;

pub use keep::keep;
pub use play::{Act, play};
