//! BOLT 1: how one connection behaves
