//! The whole node as one value
