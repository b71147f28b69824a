//! The rules of BOLT 2 for establishing a channel, one test or more for each that the code obeys:
//! `docs/requirements` names them.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow would fail the test")]

#[cfg(test)]
mod accept_channel;
#[cfg(test)]
mod announcement_signatures;
#[cfg(test)]
mod channel_ready;
#[cfg(test)]
mod channel_reestablish;
#[cfg(test)]
#[path = "../../../fuzz/src/choices.rs"]
#[allow(dead_code, reason = "the target of the other step table uses the rest")]
mod choices;
#[cfg(test)]
mod corpora;
#[cfg(test)]
mod funding_created;
#[cfg(test)]
mod funding_signed;
#[cfg(test)]
#[path = "../../../fuzz/src/funding_step.rs"]
mod funding_step;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod keys_and_coins;
#[cfg(test)]
mod late_news;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod open_channel_received;
#[cfg(test)]
mod open_channel_sent;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod side;
