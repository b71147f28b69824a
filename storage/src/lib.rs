//! The disk: `node::Store` over one redb file.
//!
//! A commit is one redb transaction, durable on return. Opening checks every page first, on a view
//! that keeps redb's own writes in memory, so that a damaged or foreign file is refused and stays
//! byte for byte as it was found. What the rows mean is not known here.

mod ballast;
mod check;
mod database;
mod error;
#[cfg(any(test, feature = "faulty-disk"))]
mod faulty_disk;
mod history;
mod overlay;
mod shared;

pub use ballast::Ballast;
pub use database::Database;
#[cfg(any(test, feature = "faulty-disk"))]
pub use faulty_disk::FaultyDisk;
pub use history::History;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod damage_tests;
#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod fault_tests;
#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod file_tests;
#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod model;
