//! The opener's states before `funding_signed`.

mod wait_for_accept_channel;
mod wait_for_funding_signed;
mod wait_for_tests;

pub use wait_for_accept_channel::{OpenError, OpenWish, WaitForAcceptChannel};
pub use wait_for_funding_signed::WaitForFundingSigned;
pub use wait_for_tests::WaitForTests;
