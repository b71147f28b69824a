//! The play: fund, open, confirm, close, count.

use super::sheet::Sheet;
use super::stage::{Actor, Stage, failed};
use crate::cli::table::{sheet, thousands};
use crate::exit::{Exit, Failure};
use bitcoin::{Amount, OutPoint};
use funding::RequestId;
use node::{ChannelView, CloseCommand, Command, OpenCommand, Reply};
use std::collections::BTreeSet;
use transactions::FeeratePerKw;
use wire::ChannelType;

/// Which play.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Close by force rather than together.
    pub force_close: bool,
    /// Cut the opener's power after `funding_signed`.
    pub kill: bool,
    /// Where all chance comes from.
    pub seed: u64,
}

/// Plays. The balance sheet has to add up to the satoshi.
///
/// # Errors
/// When anything does not come to pass in time, or the sheet does not add up.
pub fn play(act: Act) -> Result<(), Failure> {
    let stage = Stage::new(act.seed);
    stage.printer.heading("two nodes on an embedded regtest chain");
    stage.mine(1);
    let mut alice = stage.start("alice")?;
    let bob = stage.start("bob")?;
    stage.printer.line("alice", &format!("is {}", alice.daemon.node_id));
    stage.printer.line("bob", &format!("is {} at {}", bob.daemon.node_id, bob.daemon.address));
    let coin =
        stage.chain.fund(&alice.script()?, GIVEN).map_err(|error| failed(&error.to_string()))?;
    stage.wait_synced(&alice)?;
    stage.wait_synced(&bob)?;
    stage.printer.line("alice", &format!("has {}", alice.confirmed()?));

    stage.printer.heading("alice opens a channel to bob");
    open(&alice, &bob)?;
    stage.wait_state(&alice, "WaitForChannelReady")?;
    if act.kill {
        stage.printer.heading("the power of alice is cut");
        alice = stage.power_cut(alice)?;
        stage.wait("alice and bob to be connected", || {
            Ok(alice.channels()?.into_iter().find(|channel| channel.connected))
        })?;
    }
    wait_for_mempool(&stage, &alice)?;
    stage.wait_state(&bob, "WaitForChannelReady")?;
    stage.mine(6);
    let channel = stage.wait_state(&alice, "Normal")?;
    stage.wait_state(&bob, "Normal")?;
    stage.printer.heading("the channel, as alice has it");
    print!("{}", describe(&channel));

    if act.force_close {
        stage.printer.heading("alice closes it by force");
        close(&alice, &channel, true)?;
        force_closed(&stage, &alice, &bob)?;
    } else {
        stage.printer.heading("alice closes it");
        close(&alice, &channel, false)?;
        stage.wait_state(&alice, "Closing")?;
        stage.wait_state(&bob, "Closing")?;
        wait_for_any_mempool(&stage)?;
        stage.mine(6);
    }
    let alices = stage.wait_state(&alice, "Closed")?;
    let bobs = stage.wait_state(&bob, "Closed")?;
    let result = balance_sheet(&stage, (&alice, &alices), (&bob, &bobs), coin);
    alice.daemon.stop()?;
    bob.daemon.stop()?;
    result
}

fn describe(channel: &ChannelView) -> String {
    let sat = |amount: u64| format!("{} sat", thousands(amount));
    let text = |id: Option<String>| id.unwrap_or_default();
    sheet(&[
        ("channel point", text(channel.outpoint.map(|outpoint| outpoint.to_string()))),
        ("channel_id", text(channel.channel_id.map(|id| id.to_string()))),
        ("short_channel_id", text(channel.short_channel_id.map(|id| id.to_string()))),
        ("capacity", sat(channel.capacity.to_sat())),
        ("local", sat(channel.local_balance.0 / 1_000)),
        ("remote", sat(channel.remote_balance.0 / 1_000)),
        ("commitment fee", sat(channel.commit_fee.to_sat())),
        ("confirmations", format!("{}/{}", channel.confirmations.0, channel.minimum_depth)),
    ])
}

fn open(alice: &Actor, bob: &Actor) -> Result<(), Failure> {
    alice.ask(Command::Open(Box::new(OpenCommand {
        request: RequestId("demo".to_owned()),
        node_id: bob.daemon.node_id,
        address: Some(bob.daemon.address.to_string()),
        funding: CHANNEL,
        push: PUSHED,
        announce: false,
        channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
        feerate: None,
        max_fee: Amount::from_sat(10_000),
        coins: Vec::new(),
        force: false,
    })))?;
    Ok(())
}

fn close(actor: &Actor, channel: &ChannelView, force: bool) -> Result<(), Failure> {
    let outpoint = channel.outpoint.ok_or_else(|| failed("the channel has no funding output"))?;
    actor.ask(Command::Close(CloseCommand {
        outpoint,
        force,
        // More than the commitment pays by itself: its anchor gets a child.
        feerate: force.then_some(FeeratePerKw(2_500)),
        cap: None,
        script: None,
    }))?;
    Ok(())
}

/// Alice's commitment and its child, bob's sweep after a block, alice's after the delay.
fn force_closed(stage: &Stage, alice: &Actor, bob: &Actor) -> Result<(), Failure> {
    stage.wait_state(alice, "Closing")?;
    wait_for_any_mempool(stage)?;
    stage.mine(1);
    stage.wait("bob to sweep", || {
        Ok(bob.channels()?.into_iter().find(|channel| channel.sweep_txid.is_some()))
    })?;
    wait_for_any_mempool(stage)?;
    stage.mine(143);
    stage.wait("alice to sweep", || {
        Ok(alice.channels()?.into_iter().find(|channel| channel.sweep_txid.is_some()))
    })?;
    wait_for_any_mempool(stage)?;
    stage.mine(6);
    Ok(())
}

fn wait_for_mempool(stage: &Stage, alice: &Actor) -> Result<(), Failure> {
    stage.wait("the funding transaction", || {
        let channels = alice.channels()?;
        let txid = channels.iter().find_map(|channel| channel.outpoint).map(|o| o.txid);
        Ok(txid.filter(|txid| stage.chain.mempool().iter().any(|t| t.compute_txid() == *txid)))
    })?;
    Ok(())
}

fn wait_for_any_mempool(stage: &Stage) -> Result<(), Failure> {
    stage.wait("a transaction", || Ok((!stage.chain.mempool().is_empty()).then_some(())))
}

fn balance_sheet(
    stage: &Stage,
    (alice, alices): (&Actor, &ChannelView),
    (bob, bobs): (&Actor, &ChannelView),
    coin: OutPoint,
) -> Result<(), Failure> {
    stage.printer.heading("where every satoshi went");
    stage.wait_synced(alice)?;
    stage.wait_synced(bob)?;
    let sheet = Sheet::follow(&stage.chain, coin).ok_or_else(|| failed("a block is missing"))?;
    let (alice_coins, bob_coins) = (coins(alice)?, coins(bob)?);
    let (alice_has, bob_has) = (alice.confirmed()?, bob.confirmed()?);
    let all: BTreeSet<OutPoint> = alice_coins.union(&bob_coins).copied().collect();
    let left = sheet.left_behind(&all);
    row("given to alice", sheet.given);
    for (txid, fee) in &sheet.fees {
        let name = match *txid {
            txid if Some(txid) == alices.outpoint.map(|outpoint| outpoint.txid) => "funding",
            txid if Some(txid) == alices.closing_txid => "closing",
            txid if Some(txid) == alices.sweep_txid => "alice's sweep",
            txid if Some(txid) == bobs.sweep_txid => "bob's sweep",
            _ => "child of the anchor",
        };
        row(&format!("fee: {name}"), *fee);
    }
    row("alice has", alice_has);
    row("bob has", bob_has);
    row("left behind: anchors", left);
    let total = [sheet.total_fees(), alice_has, bob_has, left].into_iter().sum::<Amount>();
    row("sum", total);
    let holds = total == sheet.given
        && alice_has == sheet.owned(&alice_coins)
        && bob_has == sheet.owned(&bob_coins);
    if holds {
        println!("the sheet holds");
        return Ok(());
    }
    Err(Failure::new(Exit::Balance, "the balance sheet does not add up: this is a bug"))
}

fn row(name: &str, amount: Amount) {
    println!("{name:<28} {:>12} sat", amount.to_sat());
}

fn coins(actor: &Actor) -> Result<BTreeSet<OutPoint>, Failure> {
    let Reply::Coins(coins) = actor.ask(Command::Coins)? else {
        return Err(failed("no coins in the answer"));
    };
    Ok(coins.into_iter().map(|coin| coin.outpoint).collect())
}

const GIVEN: Amount = Amount::from_sat(2_000_000);
const CHANNEL: Amount = Amount::from_sat(1_000_000);
const PUSHED: Amount = Amount::from_sat(250_000);
