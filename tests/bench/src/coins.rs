//! Many coins for one wallet.

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::script::Builder;
use bitcoin::transaction::Version;
use bitcoin::{Address, Amount, Network, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use chain::Backend;
use chain::bitcoind::{Bitcoind, faucet_address};

/// So many coins of [`COIN`] to this script, in transactions of at most 2,000 outputs, each in a block.
pub fn scatter(backend: &mut Bitcoind, script: &ScriptBuf, coins: u32) {
    let witness_script = Builder::new().push_opcode(OP_TRUE).into_script();
    let purse = Address::p2wsh(&witness_script, Network::Regtest);
    let mut left = coins;
    while left > 0 {
        let part = left.min(2_000);
        left -= part;
        let total = COIN * u64::from(part) + FEE;
        let purse = backend.fund(&purse, total).unwrap();
        let scattered = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: purse,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::from_slice(&[witness_script.as_bytes()]),
            }],
            output: (0..part)
                .map(|_| TxOut { value: COIN, script_pubkey: script.clone() })
                .collect(),
        };
        backend.broadcast(std::slice::from_ref(&scattered)).unwrap();
        backend.generate_to_address(1, &faucet_address()).unwrap();
    }
}

/// Enough for a channel and its fees.
const COIN: Amount = Amount::from_sat(600_000);
const FEE: Amount = Amount::from_sat(500_000);
