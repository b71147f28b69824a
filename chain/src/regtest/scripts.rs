//! Signatures and scripts, judged by the script interpreter of Bitcoin Core.

use bitcoin::Transaction;
use bitcoin::consensus::serialize;
use bitcoinconsensus::{Utxo, VERIFY_ALL_PRE_TAPROOT, VERIFY_TAPROOT, verify_with_flags};

use super::coins::Coin;
use crate::{Refusal, Rule};

/// Whether each input satisfies the script that it spends.
///
/// The interpreter takes only the consensus flags. What Bitcoin Core asks of scripts beyond them
/// before it relays is in part in `policy`.
pub(super) fn check_scripts(transaction: &Transaction, spent: &[Coin]) -> Result<(), Refusal> {
    let bytes = serialize(transaction);
    let outputs: Vec<Utxo> = spent.iter().map(utxo).collect::<Option<_>>().ok_or_else(invalid)?;
    for (vin, coin) in spent.iter().enumerate() {
        let result = verify_with_flags(
            coin.txout.script_pubkey.as_bytes(),
            coin.txout.value.to_sat(),
            &bytes,
            Some(&outputs),
            vin,
            VERIFY_ALL_PRE_TAPROOT | VERIFY_TAPROOT,
        );
        if result.is_err() {
            return Err(Refusal::new(
                Rule::ScriptInvalid,
                format!("input {vin} does not satisfy the script that it spends"),
            ));
        }
    }
    Ok(())
}

/// The output in the interpreter's form, which points into `coin`.
fn utxo(coin: &Coin) -> Option<Utxo> {
    let script = coin.txout.script_pubkey.as_bytes();
    Some(Utxo {
        script_pubkey: script.as_ptr(),
        script_pubkey_len: u32::try_from(script.len()).ok()?,
        value: i64::try_from(coin.txout.value.to_sat()).ok()?,
    })
}

fn invalid() -> Refusal {
    Refusal::new(Rule::Malformed, "an output that it spends has no valid form")
}
