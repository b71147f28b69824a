//! Making and unmaking blocks on a regtest node, for demonstrations and tests.

use bitcoin::{Address, BlockHash};
use serde_json::json;

use super::Bitcoind;
use crate::BackendError;

impl Bitcoind {
    /// Mines `n` blocks that pay to `address`; needs a regtest node, with or without a wallet.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with bitcoind's words; some of the blocks may be there.
    pub fn generate_to_address(
        &mut self,
        n: u32,
        address: &Address,
    ) -> Result<Vec<BlockHash>, BackendError> {
        let (mut hashes, mut left) = (Vec::new(), n);
        while left > 0 {
            let portion = left.min(PORTION);
            let params = json!([portion, address.to_string()]);
            let mined: Vec<BlockHash> = self.rpc.call_once("generatetoaddress", &params)?;
            hashes.extend(mined);
            left = left.saturating_sub(portion);
        }
        Ok(hashes)
    }

    /// Makes the node hold this block, and all that follow it, for invalid.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with bitcoind's words.
    pub fn invalidate_block(&mut self, hash: BlockHash) -> Result<(), BackendError> {
        Ok(self.rpc.call("invalidateblock", &json!([hash]))?)
    }

    /// Takes [`Bitcoind::invalidate_block`] back.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] with bitcoind's words.
    pub fn reconsider_block(&mut self, hash: BlockHash) -> Result<(), BackendError> {
        Ok(self.rpc.call("reconsiderblock", &json!([hash]))?)
    }
}

/// Blocks in one call, so that each answers in time.
const PORTION: u32 = 100;
