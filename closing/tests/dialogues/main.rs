//! Whole negotiations of a mutual close with scripted peers that do as LND and LDK do, and what no dialogue may
//! ever cost.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow would fail the test")]

#[cfg(test)]
#[path = "../close/end.rs"]
#[allow(dead_code, reason = "some of it is enough")]
mod end;
#[cfg(test)]
#[path = "../../../funding/tests/establishment/keys_and_coins.rs"]
#[allow(dead_code, reason = "some of it is enough")]
mod keys_and_coins;
#[cfg(test)]
mod legacy;
#[cfg(test)]
#[path = "../../../funding/tests/establishment/pair.rs"]
#[allow(dead_code, reason = "an open channel is all that is needed of it")]
mod pair;
#[cfg(test)]
#[path = "../../../funding/tests/establishment/side.rs"]
#[allow(dead_code, reason = "an open channel is all that is needed of it")]
mod side;
