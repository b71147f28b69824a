//! Scripts of BOLT 3 and the scripts that `shutdown` may carry (BOLT 2).
use bitcoin::{Amount, Script, ScriptBuf};
use secp256k1::PublicKey;

/// `to_local`.
pub fn to_local_script(revocation_pubkey: &PublicKey, to_self_delay: u16, local_delayed_pubkey: &PublicKey) -> ScriptBuf { let _ = (revocation_pubkey, to_self_delay, local_delayed_pubkey); todo!() }
/// `to_remote` with anchors: one block after the commitment.
pub fn to_remote_anchors_script(remote_pubkey: &PublicKey) -> ScriptBuf { let _ = remote_pubkey; todo!() }
/// An anchor, of the funding key given.
pub fn anchor_script(funding_pubkey: &PublicKey) -> ScriptBuf { let _ = funding_pubkey; todo!() }
/// Whether `shutdown` may carry it (BOLT 2), with (`any_segwit`) or without option_shutdown_anysegwit,
/// and with (`simple_close`) or without option_simple_close (OP_RETURN).
pub fn is_standard_shutdown_script(script: &Script, any_segwit: bool, simple_close: bool) -> bool { let _ = (script, any_segwit, simple_close); todo!() }
/// The amount below which Bitcoin Core does not relay an output of this script (BOLT 3, Dust Limits).
pub fn dust_limit(script: &Script) -> Amount { let _ = script; todo!() }
