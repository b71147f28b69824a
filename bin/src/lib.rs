//! navvyd and navvy
