//! The accepter's states before `funding_signed`. Neither is on disk: until `funding_signed` nothing binds us.

mod wait_for_decision;
mod wait_for_funding_created;

pub use wait_for_decision::WaitForDecision;
pub use wait_for_funding_created::WaitForFundingCreated;
