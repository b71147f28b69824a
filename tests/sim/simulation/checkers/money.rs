//! Every satoshi, in the end: what the faucet gave is in a wallet, in an open channel, at a miner, paid out,
//! or in an anchor that nobody wanted.

use crate::simulation::operator::owns;
use crate::simulation::world::{Violation, World};
use bitcoin::{Amount, OutPoint, Transaction, TxOut};
use chain::regtest::faucet_script;
use std::collections::{BTreeMap, BTreeSet};

/// Where the money is.
#[derive(Debug, Default)]
struct Books {
    given: u64,
    wallets: u64,
    channels: u64,
    anchors: u64,
    too_small: u64,
    paid_out: u64,
    fees: u64,
}

impl World {
    /// The last check.
    pub fn check_the_end(&mut self) -> Result<(), Violation> {
        let mut books = Books::default();
        let mut unspent: BTreeMap<OutPoint, TxOut> = BTreeMap::new();
        let mut faucet_spent = BTreeSet::new();
        for block in self.chain.best_blocks() {
            for transaction in block.txdata.iter().skip(1) {
                book(transaction, &mut unspent, &mut faucet_spent, &mut books)?;
            }
        }
        let channels = self.open_channels();
        for (outpoint, output) in &unspent {
            self.classify(*outpoint, output, &channels, &mut books)?;
        }
        for host in &self.hosts {
            let coins = host.node().into_iter().flat_map(|node| node.wallet().coins());
            for coin in coins {
                if unspent.get(&coin.outpoint) != Some(&coin.output) {
                    let (index, outpoint) = (host.index, coin.outpoint);
                    let blocks = self.chain.best_blocks();
                    let mut all = blocks.iter().flat_map(|block| &block.txdata);
                    let spender = all
                        .find(|tx| tx.input.iter().any(|input| input.previous_output == outpoint));
                    let spender = spender.map(Transaction::compute_txid);
                    return Err(format!(
                        "n{index} counts {outpoint} of block {:?}, which is not there: spent by {spender:?}",
                        coin.height
                    ));
                }
            }
        }
        let Books { given, wallets, channels, anchors, too_small, paid_out, fees } = books;
        self.trace.line(format_args!("{books:?}"));
        if given == wallets + channels + anchors + too_small + paid_out + fees {
            Ok(())
        } else {
            Err(format!("the books do not balance: {books:?}"))
        }
    }

    /// The funding outpoints that two nodes hold for open.
    fn open_channels(&self) -> BTreeSet<OutPoint> {
        let nodes = self.hosts.iter().filter_map(|host| host.node());
        let channels = nodes.flat_map(|node| node.channels().values());
        let open = channels.filter(|channel| channel.state.name() == "Normal");
        open.filter_map(|c| c.state.channel().map(|channel| channel.outpoint)).collect()
    }

    fn classify(
        &self,
        outpoint: OutPoint,
        output: &TxOut,
        channels: &BTreeSet<OutPoint>,
        books: &mut Books,
    ) -> Result<(), Violation> {
        let value = output.value.to_sat();
        if let Some(host) = self.hosts.iter().find(|host| owns(host, &output.script_pubkey)) {
            let mut coins = host.node().into_iter().flat_map(|node| node.wallet().coins());
            if !coins.any(|coin| coin.outpoint == outpoint) {
                return Err(format!("n{} does not know its coin {outpoint}", host.index));
            }
            books.wallets += value;
        } else if channels.contains(&outpoint) {
            books.channels += value;
        } else if value == ANCHOR && output.script_pubkey.is_p2wsh() {
            books.anchors += value;
        } else if value < TOO_SMALL {
            books.too_small += value;
        } else {
            return Err(format!("{value} sat are stranded in {outpoint}"));
        }
        Ok(())
    }
}

/// Books one transaction. Those of the faucet spend its own outputs only.
fn book(
    transaction: &Transaction,
    unspent: &mut BTreeMap<OutPoint, TxOut>,
    faucet: &mut BTreeSet<OutPoint>,
    books: &mut Books,
) -> Result<(), Violation> {
    let txid = transaction.compute_txid();
    let mut brought = Amount::ZERO;
    let mut is_ours = false;
    for input in &transaction.input {
        if let Some(output) = unspent.remove(&input.previous_output) {
            brought += output.value;
            is_ours = true;
        } else {
            faucet.insert(input.previous_output);
        }
    }
    let mut paid = Amount::ZERO;
    for (vout, output) in (0_u32..).zip(&transaction.output) {
        paid += output.value;
        if output.script_pubkey == faucet_script() {
            if is_ours {
                books.paid_out += output.value.to_sat();
            }
            continue;
        }
        unspent.insert(OutPoint { txid, vout }, output.clone());
        if !is_ours {
            books.given += output.value.to_sat();
        }
    }
    if is_ours {
        let fee = brought
            .checked_sub(paid)
            .ok_or_else(|| format!("{txid} spends coins of a node and of the faucet"))?;
        if fee > MOST_FEE {
            return Err(format!("{txid} costs a fee of {fee}"));
        }
        books.fees += fee.to_sat();
    }
    Ok(())
}

/// An anchor (BOLT 3).
const ANCHOR: u64 = 330;
/// An output that costs more than it brings.
const TOO_SMALL: u64 = 700;
/// No limit of the simulated operator's allows more.
const MOST_FEE: Amount = Amount::from_sat(100_000);
