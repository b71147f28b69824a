//! Seed, keys and coins
