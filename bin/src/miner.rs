//! Blocks at will, on a regtest chain: the embedded one, or that of a bitcoind.

use bitcoin::{Address, Amount, BlockHash, OutPoint};
use chain::bitcoind::{Bitcoind, faucet_address};
#[cfg(feature = "regtest")]
use chain::regtest::{Regtest, faucet_script};
use chain::{Backend, BackendError};

/// Mines on a regtest chain. All of it blocks.
pub enum Miner {
    /// In this process.
    #[cfg(feature = "regtest")]
    Embedded(Regtest),
    /// With `generatetoaddress`, `generateblock` and `invalidateblock`.
    Bitcoind(Box<Bitcoind>),
}

impl Miner {
    /// Mines `blocks` blocks with what is in the mempool; the new coins go to `to`, or to a faucet.
    ///
    /// # Errors
    /// With a line of the backend's.
    pub fn mine(&mut self, blocks: u32, to: Option<&Address>) -> Result<Mined, String> {
        match self {
            #[cfg(feature = "regtest")]
            Self::Embedded(chain) => {
                let script = to.map_or_else(faucet_script, Address::script_pubkey);
                let hashes = chain.mine(blocks, &script);
                Ok(Mined { height: chain.best().height, hashes })
            }
            Self::Bitcoind(bitcoind) => {
                let to = to.cloned().unwrap_or_else(faucet_address);
                let hashes = bitcoind.generate_to_address(blocks, &to).map_err(text)?;
                Ok(Mined { height: bitcoind.tip().map_err(text)?.height, hashes })
            }
        }
    }

    /// Pays `amount` to `address` in a block of its own. Says where the coin is.
    ///
    /// # Errors
    /// With a line of the backend's.
    pub fn fund(&mut self, address: &Address, amount: Amount) -> Result<OutPoint, String> {
        match self {
            #[cfg(feature = "regtest")]
            Self::Embedded(chain) => {
                let funded = chain.fund(&address.script_pubkey(), amount);
                funded.map_err(|error| error.to_string())
            }
            Self::Bitcoind(bitcoind) => bitcoind.fund(address, amount).map_err(text),
        }
    }

    /// Replaces the newest `depth` blocks by others and one more, all empty; their transactions go back to the
    /// mempool.
    ///
    /// # Errors
    /// With a line of the backend's, or when there are not as many blocks.
    pub fn reorg(&mut self, depth: u32) -> Result<Mined, String> {
        match self {
            #[cfg(feature = "regtest")]
            Self::Embedded(chain) => {
                let new = chain.reorg(depth, depth.saturating_add(1));
                let hashes = new.map_err(|error| error.to_string())?.connected;
                Ok(Mined { height: chain.best().height, hashes })
            }
            Self::Bitcoind(bitcoind) => {
                let hashes = bitcoind.reorganise(depth).map_err(text)?;
                Ok(Mined { height: bitcoind.tip().map_err(text)?.height, hashes })
            }
        }
    }
}

/// New blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    /// The height of the last one.
    pub height: u32,
    /// All of them, in order.
    pub hashes: Vec<BlockHash>,
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: BackendError) -> String {
    error.to_string()
}

#[cfg(all(test, feature = "regtest"))]
mod tests {
    use super::*;
    use chain::regtest::Options;

    #[test]
    fn the_embedded_chain_is_mined_funds_and_reorganises() {
        let chain = Regtest::new(Options::default());
        let mut miner = Miner::Embedded(chain.clone());
        let mined = miner.mine(3, None).unwrap();
        assert_eq!((mined.height, mined.hashes.len()), (3, 3));
        let coin = miner.fund(&faucet_address(), Amount::from_sat(70_000)).unwrap();
        let paid = chain.transaction(&coin.txid).unwrap();
        assert_eq!(paid.confirmed.unwrap().0, chain.best());
        let before = chain.best();
        let new = miner.reorg(1).unwrap();
        assert_eq!((new.height, new.hashes.len()), (before.height + 1, 2));
        assert!(chain.transaction(&coin.txid).unwrap().confirmed.is_none(), "it waits again");
        assert!(miner.reorg(1_000).is_err());
    }
}
