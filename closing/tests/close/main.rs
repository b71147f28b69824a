//! The rules of BOLT 2 for closing a channel and of BOLT 5 for what follows on chain, one test or more
//! for each that the code obeys: `docs/requirements` names them.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow would fail the test")]

#[cfg(test)]
#[path = "../../../fuzz/src/choices.rs"]
#[allow(dead_code, reason = "the target of the other step table uses the rest")]
mod choices;
#[cfg(test)]
#[path = "../../../fuzz/src/closing_checks.rs"]
mod closing_checks;
#[cfg(test)]
mod closing_complete;
#[cfg(test)]
mod closing_signed;
#[cfg(test)]
#[path = "../../../fuzz/src/closing_step.rs"]
mod closing_step;
#[cfg(test)]
mod corpora;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod end;
#[cfg(test)]
#[path = "../../../funding/tests/establishment/keys_and_coins.rs"]
mod keys_and_coins;
#[cfg(test)]
mod on_chain;
#[cfg(test)]
#[path = "../../../funding/tests/establishment/pair.rs"]
#[allow(dead_code, reason = "an open channel is all that is needed of it")]
mod pair;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
#[path = "../../../funding/tests/establishment/side.rs"]
#[allow(dead_code, reason = "an open channel is all that is needed of it")]
mod side;
#[cfg(test)]
mod simple_close;
#[cfg(test)]
mod strangers_and_reorgs;
