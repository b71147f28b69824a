//! navvyd and navvy

pub mod entropy;
pub mod net;
