//! The whole node, turn by turn: its commits, its requests, its peers. Two nodes, or one and a script, on an
//! embedded chain and over the real store on a disk in memory.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow would fail the test")]

#[cfg(test)]
mod announcements;
#[cfg(test)]
mod blocks;
#[cfg(test)]
mod closes;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod corpora;
#[cfg(test)]
#[path = "../../../fuzz/src/disk_rows.rs"]
mod disk_rows;
#[cfg(test)]
mod dormant;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod mempool;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod stuck_opens;
#[cfg(test)]
mod updates;
