//! BOLT 2 and 5: how a channel ends. One file for each state; the step table is in `state.rs`.
//!
//! A mutual close has three dialects: `closing_signed` without a range (LND), with one (LDK, CLN, eclair),
//! and `closing_complete` (`option_simple_close`). A close by force broadcasts commitment #0 with the child of
//! its anchor and sweeps what is ours. Whatever spends the funding output, our part of it is found and
//! brought home.

mod anchor;
mod ask_to_close;
mod closed;
mod closing;
mod event;
mod offers;
mod plan;
pub mod record;
mod request;
mod resolution;
mod shutting_down;
mod signed_close;
mod simple_close;
mod state;

pub use anchor::Child;
pub use ask_to_close::ask_to_close;
pub use closed::Closed;
pub use closing::Closing;
pub use event::{Effect, Event, Transition};
pub use plan::Plan;
pub use request::{CloseRequest, Who};
pub use resolution::{Ending, Sweep};
pub use shutting_down::{Here, Patience, ShuttingDown, default_cap};
pub use state::State;
