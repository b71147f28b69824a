//! The checks of the fuzz targets, free of libFuzzer, so that plain tests replay the corpora.

pub mod wire_message;
pub mod wire_tlv;
