//! The daemon as a service of the system: what it tells systemd, and when.

mod attend;
mod notify;
mod status;

pub use attend::{attend, see_off};
pub use notify::Notify;
pub use status::status;
