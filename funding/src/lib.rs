//! BOLT 2: how a channel is established
