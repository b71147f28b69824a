//! Each rule of the embedded chain that concerns one transaction: what it takes and what it refuses.
#![allow(clippy::arithmetic_side_effects, missing_docs, dead_code, reason = "tests")]

#[cfg(test)]
mod party;

use bitcoin::absolute::LockTime;
use bitcoin::script::Builder;
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::transaction::Version;
use bitcoin::{Amount, ScriptBuf, Sequence, Transaction, Witness, opcodes};
use chain::regtest::{Options, Regtest, ScriptCheck};
use chain::{Backend, BroadcastError, Rule, Verdict};
use party::{Party, least_fee, sat, to, unsigned};

#[cfg(test)]
fn broadcast(chain: &Regtest, transaction: &Transaction) -> Result<(), Rule> {
    let verdict = chain.clone().test_accept(transaction);
    let result = match chain.clone().broadcast(std::slice::from_ref(transaction)) {
        Ok(()) => Ok(()),
        Err(BroadcastError::Refused(refusal)) => Err(refusal.rule),
        Err(BroadcastError::Unavailable(text)) => panic!("{text}"),
    };
    let verdict = match verdict {
        Verdict::Accepted => Ok(()),
        Verdict::Refused(refusal) => Err(refusal.rule),
        Verdict::Unknown(why) => panic!("{why:?}"),
    };
    assert_eq!(verdict, result, "the test says the same as the broadcast");
    result
}

#[test]
fn a_signature_must_fit() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let good = party.spend(coin, 1_000);
    let mut other_amount = good.clone();
    other_amount.output[0].value -= sat(1);
    assert_eq!(broadcast(&chain, &other_amount), Err(Rule::ScriptInvalid));
    let forged = Party::new(2).spend(coin, 1_000);
    assert_eq!(broadcast(&chain, &forged), Err(Rule::ScriptInvalid));
    let mut none = good.clone();
    none.input[0].witness = Witness::new();
    assert_eq!(broadcast(&chain, &none), Err(Rule::ScriptInvalid));
    assert_eq!(broadcast(&chain, &good), Ok(()));
    assert_eq!(broadcast(&chain, &good), Ok(()), "what is known is taken again");
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &good), Ok(()), "also when it is in the chain");
}

#[test]
fn a_taproot_signature_must_fit_too() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let outpoint = chain.fund(&party.taproot_script(), sat(100_000)).unwrap();
    let coin = party::Coin { outpoint, amount: sat(100_000) };
    let good = party.spend_taproot(coin, 1_000);
    let mut bad = good.clone();
    bad.input[0].witness = Witness::from_slice(&[[7_u8; 64]]);
    assert_eq!(broadcast(&chain, &bad), Err(Rule::ScriptInvalid));
    assert_eq!(broadcast(&chain, &good), Ok(()));
}

#[test]
fn without_script_check_anything_goes_by() {
    let options = Options { scripts: ScriptCheck::Skipped, ..Options::default() };
    let (chain, party) = (Regtest::new(options), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let forged = Party::new(2).spend(coin, 1_000);
    assert_eq!(broadcast(&chain, &forged), Ok(()));
}

#[test]
fn the_higher_s_is_mined_but_not_relayed() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let mut transaction = party.spend(coin, 1_000);
    let witness: Vec<Vec<u8>> = transaction.input[0].witness.to_vec();
    let low = Signature::from_der(&witness[0][..witness[0].len() - 1]).unwrap().serialize_compact();
    let mut high = [0; 64];
    high[..32].copy_from_slice(&low[..32]);
    high[32..].copy_from_slice(&negated(&low[32..]));
    let mut signature = Signature::from_compact(&high).unwrap().serialize_der().to_vec();
    signature.push(1);
    transaction.input[0].witness = Witness::from_slice(&[&signature, &witness[1]]);
    assert_eq!(broadcast(&chain, &transaction), Err(Rule::ScriptInvalid));
    chain.mine_transactions(&[transaction], &party.script()).unwrap();
}

/// The order of the curve minus this number.
#[cfg(test)]
fn negated(scalar: &[u8]) -> [u8; 32] {
    let key = bitcoin::secp256k1::SecretKey::from_slice(scalar).unwrap();
    key.negate().secret_bytes()
}

#[test]
fn a_lock_time_is_waited_for() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let locked = |lock_time: LockTime, sequence: Sequence| {
        let mut tx = unsigned(&[coin], vec![to(party.script(), 99_000)]);
        tx.lock_time = lock_time;
        tx.input[0].sequence = sequence;
        party.signed(tx, &[coin])
    };
    let next = chain.best().height + 1;
    let height = |height| LockTime::from_height(height).unwrap();
    let replaceable = Sequence::ENABLE_LOCKTIME_NO_RBF;
    let early = locked(height(next), replaceable);
    assert_eq!(broadcast(&chain, &early), Err(Rule::NonFinal));
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &early), Ok(()));
    chain.drop_from_mempool(&early.compute_txid());
    let ignored = locked(height(next + 1000), Sequence::MAX);
    assert_eq!(broadcast(&chain, &ignored), Ok(()), "final inputs switch it off");
    chain.drop_from_mempool(&ignored.compute_txid());

    // In seconds it is the median of eleven blocks that counts, six blocks behind the tip.
    let time = LockTime::from_time(chain.time()).unwrap();
    let timed = locked(time, replaceable);
    assert_eq!(broadcast(&chain, &timed), Err(Rule::NonFinal));
    chain.mine(5, &party.script());
    assert_eq!(broadcast(&chain, &timed), Err(Rule::NonFinal));
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &timed), Ok(()));
}

#[test]
fn a_relative_lock_time_is_waited_for() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let with = |sequence: Sequence, version: Version| {
        let mut tx = unsigned(&[coin], vec![to(party.script(), 99_000)]);
        (tx.input[0].sequence, tx.version) = (sequence, version);
        party.signed(tx, &[coin])
    };
    let five_blocks = with(Sequence::from_height(5), Version::TWO);
    chain.mine(3, &party.script());
    assert_eq!(broadcast(&chain, &five_blocks), Err(Rule::RelativeLockNotMet), "at 4 of 5");
    let version_1 = with(Sequence::from_height(5), Version::ONE);
    assert_eq!(broadcast(&chain, &version_1), Ok(()), "version 1 has no relative lock times");
    chain.drop_from_mempool(&version_1.compute_txid());
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &five_blocks), Ok(()));
    chain.drop_from_mempool(&five_blocks.compute_txid());

    // 12 * 512 s are a little more than 10 blocks, counted from the one before the coin's.
    let timed = with(Sequence::from_512_second_intervals(12), Version::TWO);
    chain.mine(5, &party.script());
    assert_eq!(broadcast(&chain, &timed), Err(Rule::RelativeLockNotMet), "after 9 blocks");
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &timed), Ok(()));
}

#[test]
fn a_relative_lock_of_an_unconfirmed_output_counts_from_the_next_block() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let parent = party.spend(party.coin(&chain, sat(100_000)), 1_000);
    assert_eq!(broadcast(&chain, &parent), Ok(()));
    let coin = party::output(&parent, 0);
    let mut child = unsigned(&[coin], vec![to(party.script(), 98_000)]);
    child.input[0].sequence = Sequence::from_height(1);
    let child = party.signed(child, &[coin]);
    assert_eq!(broadcast(&chain, &child), Err(Rule::RelativeLockNotMet));
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &child), Ok(()));
}

#[test]
fn a_script_with_a_relative_lock_is_enforced() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let script = Builder::new().push_int(3).push_opcode(opcodes::all::OP_CSV).into_script();
    let outpoint = chain.fund(&script.to_p2wsh(), sat(100_000)).unwrap();
    let coin = party::Coin { outpoint, amount: sat(100_000) };
    let with = |sequence: Sequence| {
        let mut tx = unsigned(&[coin], vec![to(party.script(), 99_000)]);
        tx.input[0].sequence = sequence;
        tx.input[0].witness = Witness::from_slice(&[script.as_bytes()]);
        tx
    };
    chain.mine(10, &party.script());
    assert_eq!(broadcast(&chain, &with(Sequence::from_height(2))), Err(Rule::ScriptInvalid));
    assert_eq!(broadcast(&chain, &with(Sequence::MAX)), Err(Rule::ScriptInvalid));
    assert_eq!(broadcast(&chain, &with(Sequence::from_height(3))), Ok(()));
}

#[test]
fn a_block_reward_ripens_for_100_blocks() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    chain.mine(1, &party.script());
    let block = chain.clone().block(chain.best().hash).unwrap().unwrap();
    let coin = party::output(&block.txdata[0], 0);
    assert_eq!(coin.amount, Amount::ONE_BTC * 50);
    let spend = party.spend(coin, 1_000);
    chain.mine(98, &ScriptBuf::new_op_return([]));
    assert_eq!(broadcast(&chain, &spend), Err(Rule::CoinbaseImmature));
    chain.mine(1, &ScriptBuf::new_op_return([]));
    assert_eq!(broadcast(&chain, &spend), Ok(()));
}

#[test]
fn the_least_fee_is_a_tenth_of_a_satoshi_per_byte() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let least = least_fee(&party.spend(coin, 0));
    assert_eq!(broadcast(&chain, &party.spend(coin, 0)), Err(Rule::FeeBelowMinimum));
    assert_eq!(broadcast(&chain, &party.spend(coin, least - 1)), Err(Rule::FeeBelowMinimum));
    let just_enough = party.spend(coin, least);
    chain.set_min_relay(101);
    assert_eq!(broadcast(&chain, &just_enough), Err(Rule::FeeBelowMinimum));
    chain.set_min_relay(100);
    assert_eq!(broadcast(&chain, &just_enough), Ok(()));
}

#[test]
fn dust_is_refused_by_kind_of_script() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let key = [2; 20];
    let anchor = ScriptBuf::from_bytes(vec![0x51, 0x02, 0x4e, 0x73]);
    let legacy = Builder::new()
        .push_opcode(opcodes::all::OP_DUP)
        .push_opcode(opcodes::all::OP_HASH160)
        .push_slice(key)
        .push_opcode(opcodes::all::OP_EQUALVERIFY)
        .push_opcode(opcodes::all::OP_CHECKSIG)
        .into_script();
    for (script, least) in [
        (party.script(), 294),
        (party.script().to_p2wsh(), 330),
        (party.taproot_script(), 330),
        (anchor, 240),
        (legacy, 546),
        (party.script().to_p2sh(), 540),
        (ScriptBuf::new_op_return([1, 2, 3]), 0),
    ] {
        let with = |value| {
            let rest = 90_000 - value;
            party.pay(&[coin], vec![to(script.clone(), value), to(party.script(), rest)])
        };
        if least > 0 {
            assert_eq!(broadcast(&chain, &with(least - 1)), Err(Rule::Dust), "{script}");
        }
        let enough = with(least);
        assert_eq!(broadcast(&chain, &enough), Ok(()), "{script}");
        chain.drop_from_mempool(&enough.compute_txid());
    }
}

#[test]
fn odd_forms_are_not_relayed() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let changed = |change: &dyn Fn(&mut Transaction)| {
        let mut tx = unsigned(&[coin], vec![to(party.script(), 99_000)]);
        change(&mut tx);
        party.signed(tx, &[coin])
    };
    let any_script = Builder::new().push_opcode(opcodes::OP_TRUE).into_script();
    let refused: [(&str, Transaction); 5] = [
        ("version", changed(&|tx| tx.version = Version(3))),
        ("version 0", changed(&|tx| tx.version = Version(0))),
        ("script", changed(&|tx| tx.output[0].script_pubkey = any_script.clone())),
        ("small", changed(&|tx| tx.output[0].script_pubkey = ScriptBuf::new_op_return([]))),
        ("large", changed(&|tx| tx.output = vec![to(party.script(), 300); 3_300])),
    ];
    for (what, transaction) in refused {
        assert_eq!(broadcast(&chain, &transaction), Err(Rule::NotStandard), "{what}");
    }
    assert_eq!(broadcast(&chain, &changed(&|_| ())), Ok(()));
}

#[test]
fn what_is_no_transaction_is_refused() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let good = party.spend(coin, 1_000);
    let changed = |change: &dyn Fn(&mut Transaction)| {
        let mut tx = good.clone();
        change(&mut tx);
        tx
    };
    let coinbase = chain.template(&[], &party.script()).txdata[0].clone();
    for (what, transaction) in [
        ("no inputs", changed(&|tx| tx.input.clear())),
        ("no outputs", changed(&|tx| tx.output.clear())),
        ("twice", changed(&|tx| tx.input.push(tx.input[0].clone()))),
        ("more out than in", changed(&|tx| tx.output[0].value = sat(100_001))),
        ("more than there is", changed(&|tx| tx.output[0].value = Amount::MAX)),
        ("coinbase", coinbase),
    ] {
        assert_eq!(broadcast(&chain, &transaction), Err(Rule::Malformed), "{what}");
    }
}

#[test]
fn an_input_must_be_there() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let spend = party.spend(coin, 1_000);
    let nowhere = party::Coin { outpoint: party::output(&spend, 0).outpoint, ..coin };
    let orphan = party.spend(nowhere, 1_000);
    assert_eq!(broadcast(&chain, &orphan), Err(Rule::InputsMissingOrSpent));
    assert_eq!(broadcast(&chain, &spend), Ok(()));
    chain.mine(1, &party.script());
    let again = party.spend(coin, 5_000);
    assert_eq!(broadcast(&chain, &again), Err(Rule::InputsMissingOrSpent), "spent in the chain");
}
