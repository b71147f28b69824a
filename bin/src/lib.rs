//! navvyd and navvy: the shell around the node. Tasks, threads, sockets, clocks and chance are here and
//! nowhere else; every decision is the node's.

pub mod chain_threads;
pub mod cli;
pub mod client;
pub mod config;
pub mod core_loop;
pub mod daemon;
pub mod data_folder;
#[cfg(feature = "regtest")]
pub mod demo;
#[cfg(feature = "regtest")]
pub mod embedded_chain;
pub mod entropy;
pub mod exit;
pub mod inbox;
pub mod limits;
pub mod log;
pub mod miner;
pub mod net;
pub mod recovery;
pub mod rpc_host;
pub mod seed_source;
pub mod service;
pub mod shell;
