//! `regtest`: blocks, coins and reorganisations, on the embedded chain of a daemon or on a bitcoind.

use super::bitcoind_flags::BitcoindFlags;
use super::output;
use super::session::Session;
use crate::exit::{Exit, Failure};
use crate::miner::{Mined, Miner};
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, Network};
use chain::bitcoind::Bitcoind;
use clap::{Args, Subcommand};
use rpc::proto::navvy::{FundRequest, MineRequest, ReorgRequest};
use serde_json::{Value, json};

/// Which chain, and what to do with it.
#[derive(Args, Debug)]
pub struct Regtest {
    #[command(flatten)]
    bitcoind: BitcoindFlags,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand, Debug)]
enum Deed {
    /// Mines blocks, which take in what waits in the mempool.
    Mine {
        /// How many.
        #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        blocks: u32,
        /// Who gets the new coins, 100 blocks later; without it a faucet.
        #[arg(long, value_parser = regtest_address)]
        address: Option<Address>,
    },
    /// Pays coins of a faucet to an address, in a block of its own.
    Fund {
        /// To whom.
        #[arg(value_parser = regtest_address)]
        address: Address,
        /// How much, in satoshi.
        #[arg(value_name = "SAT", default_value_t = 100_000_000)]
        amount: u64,
    },
    /// Replaces the newest blocks by others and one more, all empty. Their transactions wait again.
    Reorg {
        /// How many blocks to take away.
        #[arg(value_name = "DEPTH", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        depth: u32,
    },
}

impl Regtest {
    /// The bitcoind to ask instead of the daemon.
    ///
    /// # Errors
    /// [`Exit::Usage`].
    pub fn bitcoind(&self) -> Result<Option<Bitcoind>, Failure> {
        self.bitcoind.bitcoind()
    }

    /// Asks a bitcoind.
    ///
    /// # Errors
    /// [`Exit::Failed`] with bitcoind's words.
    pub fn run_on_bitcoind(self, bitcoind: Bitcoind) -> Result<Value, Failure> {
        let failed = |text: String| Failure::new(Exit::Failed, text);
        let mut miner = Miner::Bitcoind(Box::new(bitcoind));
        let mined = match self.deed {
            Deed::Mine { blocks, address } => miner.mine(blocks, address.as_ref()),
            Deed::Fund { address, amount } => {
                let coin = miner.fund(&address, Amount::from_sat(amount)).map_err(failed)?;
                return Ok(json!({"txid": coin.txid, "output_index": coin.vout}));
            }
            Deed::Reorg { depth } => miner.reorg(depth),
        };
        let Mined { height, hashes } = mined.map_err(failed)?;
        Ok(json!({"height": height, "block_hashes": hashes}))
    }

    /// Asks the daemon.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run_on_daemon(self, session: &Session) -> Result<Value, Failure> {
        let mut regtest = session.regtest();
        match self.deed {
            Deed::Mine { blocks, address } => {
                let address = address.map(|address| address.to_string()).unwrap_or_default();
                let answer = regtest.mine(MineRequest { blocks, address }).await;
                let mined = answer.map_err(|status| session.failure(&status))?.into_inner();
                Ok(json!({"height": mined.height, "block_hashes": mined.block_hashes}))
            }
            Deed::Fund { address, amount } => {
                let request = FundRequest { address: address.to_string(), amount_sat: amount };
                let answer = regtest.fund(request).await;
                let coin = answer.map_err(|status| session.failure(&status))?.into_inner();
                Ok(json!({"txid": coin.txid, "output_index": coin.output_index}))
            }
            Deed::Reorg { depth } => {
                let answer = regtest.reorg(ReorgRequest { depth }).await;
                let new = answer.map_err(|status| session.failure(&status))?.into_inner();
                Ok(json!({"height": new.height, "block_hashes": new.block_hashes}))
            }
        }
    }
}

/// Prints what was done.
///
/// # Errors
/// When nobody reads it.
pub fn tell(format: output::Format, answer: &Value) -> Result<(), Failure> {
    if !format.is_table() {
        return output::print(&format!("{answer:#}\n"));
    }
    let height = &answer["height"];
    match (answer["txid"].as_str(), answer["block_hashes"].as_array()) {
        (Some(txid), _) => output::print_line(&format!("{txid}:{}", answer["output_index"])),
        (None, Some(hashes)) => {
            output::print_line(&format!("mined {}, the newest block is {height}", hashes.len()))
        }
        (None, None) => Ok(()),
    }
}

fn regtest_address(text: &str) -> Result<Address, String> {
    let address: Address<NetworkUnchecked> = text.parse().map_err(|error| format!("{error}"))?;
    address.require_network(Network::Regtest).map_err(|_| "it is not of regtest".to_owned())
}
