//! The disk: node::Store over redb
