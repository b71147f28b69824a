//! Scripts of BOLT 3 and the scripts that `shutdown` may carry (BOLT 2).

use bitcoin::{
    Amount, Script, ScriptBuf, WitnessVersion,
    opcodes::all::{
        OP_CHECKSIG, OP_CHECKSIGVERIFY, OP_CSV, OP_DROP, OP_ELSE, OP_ENDIF, OP_IF, OP_IFDUP,
        OP_NOTIF,
    },
};
use secp256k1::PublicKey;

/// `to_local`, and the output of an HTLC transaction: after `to_self_delay` blocks the owner's,
/// before that only a punisher's.
// [BOLT 3 to_local G1] The revocation key at once, the delayed key after the delay.
// [BOLT 3 commitment_outputs G1] The owner's own money is delayed.
pub fn to_local_script(
    revocation_pubkey: &PublicKey,
    to_self_delay: u16,
    local_delayed_pubkey: &PublicKey,
) -> ScriptBuf {
    Script::builder()
        .push_opcode(OP_IF)
        .push_slice(revocation_pubkey.serialize())
        .push_opcode(OP_ELSE)
        .push_int(i64::from(to_self_delay))
        .push_opcode(OP_CSV)
        .push_opcode(OP_DROP)
        .push_slice(local_delayed_pubkey.serialize())
        .push_opcode(OP_ENDIF)
        .push_opcode(OP_CHECKSIG)
        .into_script()
}

/// `to_remote` with anchors: spendable one block after the commitment.
// [BOLT 3 to_remote G1] With anchors the other side waits for one block.
pub fn to_remote_anchors_script(remote_pubkey: &PublicKey) -> ScriptBuf {
    Script::builder()
        .push_slice(remote_pubkey.serialize())
        .push_opcode(OP_CHECKSIGVERIFY)
        .push_int(1)
        .push_opcode(OP_CSV)
        .into_script()
}

/// An anchor, of the funding key given; after 16 blocks everybody's.
// [BOLT 3 anchors G2] Locked to the funding key of its side, free for all after 16 blocks.
pub fn anchor_script(funding_pubkey: &PublicKey) -> ScriptBuf {
    Script::builder()
        .push_slice(funding_pubkey.serialize())
        .push_opcode(OP_CHECKSIG)
        .push_opcode(OP_IFDUP)
        .push_opcode(OP_NOTIF)
        .push_int(16)
        .push_opcode(OP_CSV)
        .push_opcode(OP_ENDIF)
        .into_script()
}

/// Whether `shutdown` may carry it (BOLT 2), with (`any_segwit`) or without
/// option_shutdown_anysegwit, and with (`simple_close`) or without option_simple_close (OP_RETURN).
pub fn is_standard_shutdown_script(script: &Script, any_segwit: bool, simple_close: bool) -> bool {
    match script.witness_version() {
        Some(WitnessVersion::V0) => script.is_p2wpkh() || script.is_p2wsh(),
        Some(_) => any_segwit,
        None => simple_close && is_standard_op_return(script),
    }
}

/// The amount below which Bitcoin Core does not relay an output of this script (BOLT 3, Dust
/// Limits).
///
/// BOLT 3 counts P2TR among the unknown witness programs (354 sat), Bitcoin Core does not: it
/// relays 330 sat, and so does this. Scripts of no known kind count as their size says, an input of
/// 148 bytes taken for granted.
pub fn dust_limit(script: &Script) -> Amount {
    let satoshi = match script.witness_version() {
        // [BOLT 3 dust_limits G3] P2WPKH.
        Some(WitnessVersion::V0) if script.is_p2wpkh() => 294,
        // [BOLT 3 dust_limits G4] P2WSH.
        Some(WitnessVersion::V0) if script.is_p2wsh() => 330,
        Some(WitnessVersion::V1) if script.is_p2tr() => 330,
        // [BOLT 3 dust_limits G5] Pay to anchor.
        Some(WitnessVersion::V1) if script.as_bytes() == P2A => 240,
        // [BOLT 3 dust_limits G6] Witness programs that nobody knows, so not P2TR.
        Some(_) => 354,
        // [BOLT 3 dust_limits G7] OP_RETURN is never dust.
        None if script.is_op_return() => 0,
        // [BOLT 3 dust_limits G1] P2PKH.
        None if script.is_p2pkh() => 546,
        // [BOLT 3 dust_limits G2] P2SH.
        None if script.is_p2sh() => 540,
        None => relay_dust(script),
    };
    Amount::from_sat(satoshi)
}

/// One push of 6 to 75 bytes by their number, or of 76 to 80 by OP_PUSHDATA1, and nothing after it.
fn is_standard_op_return(script: &Script) -> bool {
    let Some((&OP_RETURN, rest)) = script.as_bytes().split_first() else { return false };
    match rest {
        [OP_PUSHDATA1, length @ 76..=80, data @ ..] => data.len() == usize::from(*length),
        [length @ 6..=75, data @ ..] => data.len() == usize::from(*length),
        _ => false,
    }
}

fn relay_dust(script: &Script) -> u64 {
    let length = u64::try_from(script.len()).unwrap_or(u64::MAX);
    length.saturating_add(OUTPUT_AND_INPUT_SIZE).saturating_mul(DUST_RELAY_SAT_PER_BYTE)
}

const OP_RETURN: u8 = 0x6a;
const OP_PUSHDATA1: u8 = 0x4c;
/// Pay to anchor: OP_1 and two bytes.
const P2A: &[u8] = &[0x51, 0x02, 0x4e, 0x73];
/// An amount, a one-byte length, and the least input that spends an output which is not segwit.
const OUTPUT_AND_INPUT_SIZE: u64 = 8 + 1 + 148;
const DUST_RELAY_SAT_PER_BYTE: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn script(hex: &str) -> ScriptBuf {
        ScriptBuf::from_hex(hex).unwrap()
    }

    fn repeated(start: &str, count: usize, end: &str) -> ScriptBuf {
        script(&format!("{start}{}{end}", "ab".repeat(count)))
    }

    #[test]
    fn dust_limits_are_those_of_bitcoin_core() {
        for (output, limit) in [
            (repeated("76a914", 20, "88ac"), 546),
            (repeated("a914", 20, "87"), 540),
            (repeated("0014", 20, ""), 294),
            (repeated("0020", 32, ""), 330),
            (repeated("5120", 32, ""), 330),
            (script("51024e73"), 240),
            (repeated("5128", 40, ""), 354),
            (repeated("6028", 40, ""), 354),
            (script("6a"), 0),
            (repeated("6a06", 6, ""), 0),
        ] {
            assert_eq!(dust_limit(&output), Amount::from_sat(limit), "{output:?}");
            assert_eq!(dust_limit(&output), output.minimal_non_dust(), "{output:?}");
        }
        // Nobody's script: its size decides.
        assert_eq!(dust_limit(Script::new()), Amount::from_sat(471));
        // BOLT 3 knows one limit for unknown programs, the one of the longest.
        assert_eq!(dust_limit(&repeated("5204", 4, "")), Amount::from_sat(354));
    }

    #[test]
    fn shutdown_carries_only_the_scripts_of_bolt_2() {
        let check = |script: &ScriptBuf, plain, any_segwit, simple_close| {
            let answers = [(false, false), (true, false), (false, true)]
                .map(|(any, simple)| is_standard_shutdown_script(script, any, simple));
            assert_eq!(answers, [plain, any_segwit, simple_close], "{script:?}");
        };
        check(&repeated("0014", 20, ""), true, true, true);
        check(&repeated("0020", 32, ""), true, true, true);
        check(&repeated("0015", 21, ""), false, false, false);
        check(&repeated("5120", 32, ""), false, true, false);
        check(&repeated("6002", 2, ""), false, true, false);
        check(&repeated("6028", 40, ""), false, true, false);
        check(&repeated("6029", 41, ""), false, false, false);
        check(&repeated("6001", 1, ""), false, false, false);
        check(&repeated("76a914", 20, "88ac"), false, false, false);
        check(&repeated("a914", 20, "87"), false, false, false);
        check(&ScriptBuf::new(), false, false, false);
        for (start, length, standard) in [
            ("6a05", 5, false),
            ("6a06", 6, true),
            ("6a06", 7, false),
            ("6a06", 5, false),
            ("6a4b", 75, true),
            ("6a4c", 76, false),
            ("6a4c4b", 75, false),
            ("6a4c4c", 76, true),
            ("6a4c50", 80, true),
            ("6a4c50", 79, false),
            ("6a4c51", 81, false),
            ("6a", 0, false),
            ("6a4c", 0, false),
        ] {
            check(&repeated(start, length, ""), false, false, standard);
        }
    }
}
