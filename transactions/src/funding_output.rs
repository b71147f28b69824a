//! The funding output (BOLT 3).
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut};
use secp256k1::PublicKey;

/// The 2-of-2 script, keys in lexicographic order.
pub fn funding_script(a: &PublicKey, b: &PublicKey) -> ScriptBuf { let _ = (a, b); todo!() }

/// A channel's funding output and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingOutput {
    /// Where.
    pub outpoint: OutPoint,
    /// How much.
    pub amount: Amount,
    /// [`funding_script`].
    pub witness_script: ScriptBuf,
}

impl FundingOutput {
    /// The output as it stands in the transaction (P2WSH).
    pub fn txout(&self) -> TxOut { todo!() }
    /// The witness that spends it: signatures in the order of the keys.
    pub fn witness(&self, a: (&PublicKey, &secp256k1::ecdsa::Signature), b: (&PublicKey, &secp256k1::ecdsa::Signature)) -> bitcoin::Witness { let _ = (a, b); todo!() }
}
