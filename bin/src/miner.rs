//! Blocks at will, on a regtest chain: the embedded one, or that of a bitcoind.

use bitcoin::{Address, Amount, Network, ScriptBuf};
use chain::bitcoind::Bitcoind;
#[cfg(feature = "regtest")]
use chain::regtest::{Regtest, faucet_script};
use chain::{Backend, BackendError};

/// Mines on a regtest chain. All of it blocks.
pub enum Miner {
    /// In this process.
    #[cfg(feature = "regtest")]
    Embedded(Regtest),
    /// With `generatetoaddress` and `invalidateblock`.
    Bitcoind(Box<Bitcoind>),
}

impl Miner {
    /// Mines `blocks` blocks with what is in the mempool; says the new height.
    ///
    /// # Errors
    /// With a line of the backend's.
    pub fn mine(&mut self, blocks: u32) -> Result<u32, String> {
        match self {
            #[cfg(feature = "regtest")]
            Self::Embedded(chain) => {
                chain.mine(blocks, &faucet_script());
                Ok(chain.best().height)
            }
            Self::Bitcoind(bitcoind) => {
                bitcoind.generate_to_address(blocks, &nobody()?).map_err(text)?;
                Ok(bitcoind.tip().map_err(text)?.height)
            }
        }
    }

    /// Gives `address` a confirmed coin. The embedded chain pays `amount`; a bitcoind without a wallet has
    /// nothing but the reward of a block, which is ripe 100 blocks later. Says what the address got.
    ///
    /// # Errors
    /// With a line of the backend's.
    #[cfg_attr(not(feature = "regtest"), expect(unused_variables, reason = "see above"))]
    pub fn fund(&mut self, address: &Address, amount: Amount) -> Result<Amount, String> {
        match self {
            #[cfg(feature = "regtest")]
            Self::Embedded(chain) => {
                let funded = chain.fund(&address.script_pubkey(), amount);
                funded.map_err(|error| error.to_string())?;
                Ok(amount)
            }
            Self::Bitcoind(bitcoind) => {
                let hashes = bitcoind.generate_to_address(1, address).map_err(text)?;
                bitcoind.generate_to_address(RIPE, &nobody()?).map_err(text)?;
                let block = hashes.first().map(|hash| bitcoind.block(*hash).map_err(text));
                let block = block.transpose()?.flatten().ok_or("the block is gone")?;
                let coinbase = block.coinbase().ok_or("a block without a reward")?;
                Ok(coinbase.output.iter().map(|output| output.value).sum())
            }
        }
    }

    /// Takes the newest `depth` blocks away and mines one more in their place, without their transactions
    /// where that is possible; says the new height.
    ///
    /// # Errors
    /// With a line of the backend's, or when there are not as many blocks.
    pub fn reorg(&mut self, depth: u32) -> Result<u32, String> {
        let blocks = depth.saturating_add(1);
        match self {
            #[cfg(feature = "regtest")]
            Self::Embedded(chain) => {
                chain.reorg(depth, blocks).map_err(|error| error.to_string())?;
                Ok(chain.best().height)
            }
            Self::Bitcoind(bitcoind) => {
                let tip = bitcoind.tip().map_err(text)?;
                let first = tip.height.saturating_sub(depth).saturating_add(1);
                if depth > tip.height {
                    let height = tip.height;
                    return Err(format!("there are {height} blocks, {depth} cannot be taken away"));
                }
                if depth > 0
                    && let Some(block) = bitcoind.tip_at(first).map_err(text)?
                {
                    bitcoind.invalidate_block(block.hash).map_err(text)?;
                }
                bitcoind.generate_to_address(blocks, &nobody()?).map_err(text)?;
                Ok(bitcoind.tip().map_err(text)?.height)
            }
        }
    }
}

/// An address whose key nobody has.
fn nobody() -> Result<Address, String> {
    let program = bitcoin::WitnessProgram::new(bitcoin::WitnessVersion::V0, &[0; 20]);
    let script = ScriptBuf::new_witness_program(&program.map_err(|error| error.to_string())?);
    Address::from_script(&script, Network::Regtest).map_err(|error| error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: BackendError) -> String {
    error.to_string()
}

/// After so many more blocks a reward can be spent.
const RIPE: u32 = 100;

#[cfg(all(test, feature = "regtest"))]
mod tests {
    use super::*;
    use chain::regtest::Options;

    #[test]
    fn the_embedded_chain_is_mined_funds_and_reorganises() {
        let chain = Regtest::new(Options::default());
        let mut miner = Miner::Embedded(chain.clone());
        assert_eq!(miner.mine(3), Ok(3));
        let amount = Amount::from_sat(70_000);
        assert_eq!(miner.fund(&nobody().unwrap(), amount), Ok(amount));
        let before = chain.best();
        assert_eq!(miner.reorg(2), Ok(before.height + 1));
        assert!(miner.reorg(1_000).is_err());
    }
}
