//! What every transaction that the wallet builds has to hold, over random wallets and wishes.

use super::World;
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TxOut};
use proptest::prelude::*;
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, FundRequest, Funded, Funds, FundsError};

/// Coins of these amounts, some of them leased, and wishes that are asked of one wallet in turn.
#[derive(Clone, Debug)]
struct Case {
    coins: Vec<(u64, bool)>,
    wishes: Vec<Wish>,
}

#[derive(Clone, Debug)]
struct Wish {
    amount: u64,
    feerate: u32,
    max_fee: u64,
    reserve: u64,
    named: Vec<usize>,
    preferred: Vec<usize>,
    taproot: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let coins = prop::collection::vec((300..400_000_u64, prop::bool::weighted(0.2)), 1..12);
    let wishes = prop::collection::vec(wish(), 8..16);
    (coins, wishes).prop_map(|(coins, wishes)| Case { coins, wishes })
}

fn wish() -> impl Strategy<Value = Wish> {
    let reserve = prop_oneof![Just(0), 1..60_000_u64];
    let picks = || prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(0..12_usize, 1..4)];
    let sums = (1_000..600_000_u64, 253..20_000_u32, 100..60_000_u64, reserve);
    (sums, picks(), picks(), any::<bool>()).prop_map(|(sums, named, preferred, taproot)| {
        let (amount, feerate, max_fee, reserve) = sums;
        Wish { amount, feerate, max_fee, reserve, named, preferred, taproot }
    })
}

struct Played {
    world: World,
    leased: BTreeSet<OutPoint>,
    results: Vec<(FundRequest, Result<Funded, FundsError>)>,
}

fn play(case: &Case) -> Played {
    let mut world = World::new();
    let scripts: Vec<_> =
        case.coins.iter().map(|_| world.wallet.fresh_address().script_pubkey()).collect();
    let payments: Vec<_> = case
        .coins
        .iter()
        .zip(scripts)
        .map(|((amount, _), script)| world.foreign(script, *amount))
        .collect();
    world.mine(&payments);
    let coins: Vec<_> =
        payments.iter().map(|payment| OutPoint { txid: payment.compute_txid(), vout: 0 }).collect();
    let leased = (0..coins.len()).filter(|index| case.coins[*index].1);
    let leased: BTreeSet<_> = leased.map(|index| coins[index]).collect();
    let mut results = Vec::new();
    for wish in &case.wishes {
        let request = request(wish, &coins);
        let result = world.wallet.fund(&request, &leased);
        results.push((request, result));
    }
    Played { world, leased, results }
}

fn request(wish: &Wish, coins: &[OutPoint]) -> FundRequest {
    let pick = |picks: &[usize]| -> Vec<OutPoint> {
        picks.iter().filter_map(|index| coins.get(*index).copied()).collect()
    };
    let script_pubkey = if wish.taproot {
        let secret = secp256k1::SecretKey::from_slice(&[0x79; 32]).unwrap();
        let (key, _) = secret.x_only_public_key(secp256k1::SECP256K1);
        ScriptBuf::new_p2tr_tweaked(bitcoin::key::TweakedPublicKey::dangerous_assume_tweaked(key))
    } else {
        ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros())
    };
    FundRequest {
        output: TxOut { value: Amount::from_sat(wish.amount), script_pubkey },
        feerate: FeeratePerKw(wish.feerate),
        max_fee: Amount::from_sat(wish.max_fee),
        coins: pick(&wish.named),
        reserve: Amount::from_sat(wish.reserve),
        prefer: pick(&wish.preferred),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_built_is_right(case in case()) {
        let Played { world, leased, results } = play(&case);
        for (request, result) in &results {
            match result {
                Ok(funded) => check(&world, request, &leased, funded),
                Err(error) => check_refusal(&world, request, &leased, error),
            }
        }
    }
}

/// The same wallet and wishes give the same transactions, to the byte.
#[test]
fn nothing_is_left_to_chance() {
    let wish = |amount, named, preferred| Wish {
        amount,
        feerate: 750,
        max_fee: 20_000,
        reserve: 1_000,
        named,
        preferred,
        taproot: false,
    };
    let coins = (0..40).map(|index| (20_000 + index % 5, index % 7 == 0)).collect();
    let wishes = vec![
        wish(300_000, vec![], vec![]),
        wish(39_000, vec![], vec![3]),
        wish(50_000, vec![1, 2, 3], vec![]),
    ];
    let case = Case { coins, wishes };
    let results = play(&case).results;
    assert!(results.iter().all(|(_, result)| result.is_ok()));
    assert_eq!(results, play(&case).results);
}

fn check(world: &World, request: &FundRequest, leased: &BTreeSet<OutPoint>, funded: &Funded) {
    let transaction = &funded.transaction;
    assert_eq!(transaction.output[usize::from(funded.output_index)], request.output);
    assert_eq!(world.fee(transaction), funded.fee);
    assert!(funded.fee <= request.max_fee);
    assert_eq!(transaction.version.0, 2);
    assert_eq!(transaction.lock_time.to_consensus_u32(), world.height());
    let spent: Vec<_> = transaction.input.iter().map(|input| input.previous_output).collect();
    assert_eq!(spent, funded.coins);
    assert!(spent.is_sorted());
    assert!(transaction.output.is_sorted_by_key(|output| output.value));
    for (index, input) in transaction.input.iter().enumerate() {
        assert_eq!(input.sequence, Sequence(0xffff_fffe));
        assert!(!leased.contains(&input.previous_output));
        world.check_signature(transaction, index);
    }
    if !request.coins.is_empty() {
        let named: BTreeSet<_> = request.coins.iter().copied().collect();
        assert_eq!(spent.iter().copied().collect::<BTreeSet<_>>(), named);
    }
    check_fee(request, funded);
    // What stays, with the change, is the reserve at least.
    let left: Amount = world
        .wallet
        .coins()
        .filter(|coin| !spent.contains(&coin.outpoint) && !leased.contains(&coin.outpoint))
        .map(|coin| coin.output.value)
        .sum();
    let change: Amount = transaction
        .output
        .iter()
        .filter(|output| world.wallet.owns(&output.script_pubkey))
        .map(|output| output.value)
        .sum();
    assert!(left + change >= request.reserve);
}

/// With change the feerate is the wish's within 1 %; without, what is above it is less than a change
/// would have cost or been worth.
fn check_fee(request: &FundRequest, funded: &Funded) {
    let weight = funded.transaction.weight().to_wu();
    let exact = request.feerate.fee_ceil(weight);
    assert!(funded.fee >= exact, "{} for {weight} at {:?}", funded.fee, request.feerate);
    let above = funded.fee - exact;
    if funded.transaction.output.len() == 2 {
        assert!(above.to_sat() * 100 <= exact.to_sat() + 100, "{above} above {exact}");
    } else {
        let change_output = request.feerate.fee_ceil(4 * 31 + 4);
        assert!(above <= change_output + Amount::from_sat(294) + exact / 100 + Amount::from_sat(2));
    }
}

fn check_refusal(
    world: &World,
    request: &FundRequest,
    leased: &BTreeSet<OutPoint>,
    error: &FundsError,
) {
    let balance = world.wallet.balance(leased);
    match error {
        FundsError::Insufficient { have, need } => {
            assert!(have < need);
            assert!(*have <= balance.confirmed);
            assert!(*need > request.output.value);
            if request.coins.is_empty() {
                assert!(*have + balance.leased >= *have);
            }
        }
        FundsError::Busy { have, need } => {
            assert!(have < need && *have + balance.leased >= *need);
        }
        FundsError::FeeExceedsLimit { fee, limit } => {
            assert!(fee > limit && *limit == request.max_fee);
        }
        FundsError::CoinNotAvailable(outpoint) => assert!(leased.contains(outpoint)),
    }
}
