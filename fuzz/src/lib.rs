//! The checks of the fuzz targets, free of libFuzzer, so that plain tests replay the corpora.

pub mod choices;
pub mod closing_checks;
pub mod closing_step;
pub mod disk_rows;
pub mod funding_step;
#[path = "../../funding/tests/establishment/keys_and_coins.rs"]
pub mod keys_and_coins;
#[allow(dead_code, reason = "written for tests")]
#[path = "../../funding/tests/establishment/pair.rs"]
mod pair;
#[allow(dead_code, reason = "written for tests")]
#[path = "../../funding/tests/establishment/side.rs"]
pub mod side;
pub mod transport_acts;
pub mod transport_decoder;
pub mod transport_session;
pub mod wire_message;
pub mod wire_tlv;
