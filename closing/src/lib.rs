//! BOLT 2 and 5: how a channel ends
