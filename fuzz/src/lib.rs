//! The checks of the fuzz targets, free of libFuzzer, so that plain tests replay the corpora.

pub mod transport_acts;
pub mod transport_decoder;
pub mod transport_session;
pub mod wire_message;
pub mod wire_tlv;
