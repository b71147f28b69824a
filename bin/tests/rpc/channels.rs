//! The life of a channel, as LND's clients would follow it.

use crate::stage::Stage;
use rpc::proto::lnrpc::channel_close_summary::ClosureType;
use rpc::proto::lnrpc::channel_event_update::UpdateType;
use rpc::proto::lnrpc::channel_point::FundingTxid;
use rpc::proto::lnrpc::*;
use rpc::proto::navvy::show_open_request::Open;
use rpc::proto::navvy::{ShowOpenRequest, StandingRequest};
use rpc::tonic::Request;
use rpc::tonic::metadata::MetadataValue;

fn text(point: &ChannelPoint) -> String {
    let Some(FundingTxid::FundingTxidBytes(bytes)) = &point.funding_txid else { panic!("a txid") };
    let txid: bitcoin::Txid = bitcoin::consensus::deserialize(bytes).unwrap();
    format!("{txid}:{}", point.output_index)
}

fn named(request: OpenChannelRequest, name: &str) -> Request<OpenChannelRequest> {
    let mut request = Request::new(request);
    request.metadata_mut().insert(rpc::REQUEST_ID, MetadataValue::try_from(name).unwrap());
    request
}

#[test]
fn an_open_is_told_step_by_step_and_the_same_name_is_the_same_open() {
    let stage = Stage::funded(1_000_000);
    let mut alice = stage.alice.lightning.clone();
    let request = OpenChannelRequest { push_sat: 30_000, ..stage.open_request() };
    let response = stage.run(alice.open_channel(named(request.clone(), "one"))).unwrap();
    assert_eq!(response.metadata().get(rpc::REQUEST_ID).unwrap(), "one");
    let mut updates = response.into_inner();
    let pending = stage.run(updates.message()).unwrap().unwrap();
    assert_eq!(pending.pending_chan_id.len(), 16);
    let Some(open_status_update::Update::ChanPending(pending)) = pending.update else {
        panic!("{pending:?}")
    };
    let txid: bitcoin::Txid = bitcoin::consensus::deserialize(&pending.txid).unwrap();

    let list = stage.pending(&stage.alice).pending_open_channels;
    let [open] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!((open.confirmations_until_active, open.confirmation_height), (3, 0));
    assert_eq!(open.funding_expiry_blocks, 2_016);
    let channel = open.channel.clone().unwrap();
    assert_eq!(channel.channel_point, format!("{txid}:{}", pending.output_index));
    let costs = open.commit_fee + 660;
    assert_eq!((channel.local_balance, channel.remote_balance), (170_000 - costs, 30_000));
    assert_eq!(channel.local_chan_reserve_sat, 2_000);
    assert_eq!(channel.initiator(), Initiator::Local);
    assert_eq!(channel.commitment_type(), CommitmentType::Anchors);

    stage.wait_for("the funding transaction", || (stage.chain.mempool().len() == 1).then_some(()));
    stage.mine(1);
    let open = stage.pending(&stage.alice).pending_open_channels.remove(0);
    let height = stage.chain.best().height;
    assert_eq!((open.confirmations_until_active, open.confirmation_height), (2, height));
    stage.mine(2);
    let open = stage.run(updates.message()).unwrap().unwrap();
    let Some(open_status_update::Update::ChanOpen(open)) = open.update else { panic!("{open:?}") };
    assert_eq!(text(&open.channel_point.unwrap()), channel.channel_point);
    assert!(stage.run(updates.message()).unwrap().is_none(), "that was all");

    // Asked again, it tells the same open from the beginning, and opens nothing.
    let again = stage.run(alice.open_channel(named(request, "one"))).unwrap();
    let mut again = again.into_inner();
    for _ in 0..2 {
        assert!(stage.run(again.message()).unwrap().is_some());
    }
    assert!(stage.run(again.message()).unwrap().is_none());
    let list = stage.channels(&stage.alice);
    let [channel] = list.as_slice() else { panic!("{list:?}") };
    assert!(channel.initiator && channel.private && channel.chan_id > 0);
    assert_eq!(channel.local_balance + channel.remote_balance + costs, 200_000);
    assert_eq!(channel.push_amount_sat, 30_000);
    let constraints = channel.local_constraints.unwrap();
    assert_eq!((constraints.csv_delay, constraints.dust_limit_sat), (144, 354));
    let balance = stage.run(alice.channel_balance(ChannelBalanceRequest {})).unwrap().into_inner();
    assert_eq!(balance.local_balance.unwrap().sat, u64::try_from(channel.local_balance).unwrap());
    stage.stop();
}

#[test]
fn a_dropped_stream_changes_nothing() {
    let stage = Stage::funded(1_000_000);
    let mut alice = stage.alice.lightning.clone();
    // As clients of LND do it: they leave once the channel is pending.
    let response = stage.run(alice.open_channel(stage.open_request())).unwrap();
    let mut updates = response.into_inner();
    stage.run(updates.message()).unwrap().unwrap();
    drop(updates);
    stage.mine_until_open();
    // The close, too: nobody waits for a single update.
    let point = stage.channels(&stage.alice)[0].channel_point.clone();
    let (txid, index) = point.split_once(':').unwrap();
    let request = CloseChannelRequest {
        channel_point: Some(ChannelPoint {
            funding_txid: Some(FundingTxid::FundingTxidStr(txid.to_owned())),
            output_index: index.parse().unwrap(),
        }),
        ..CloseChannelRequest::default()
    };
    drop(stage.run(alice.close_channel(request)).unwrap());
    stage.wait_for("the close", || (stage.chain.mempool().len() == 1).then_some(()));
    stage.mine(6);
    let closed = stage.wait_for("its end", || stage.closed(&stage.alice).pop());
    assert_eq!(closed.channel_point, point);
    stage.stop();
}

#[test]
fn a_mutual_close_is_told_and_listed_until_it_is_closed() {
    let stage = Stage::funded(1_000_000);
    let point = stage.open_channel();
    let mut alice = stage.alice.lightning.clone();
    let events = stage.run(alice.subscribe_channel_events(ChannelEventSubscription {})).unwrap();
    let mut events = events.into_inner();
    let request = CloseChannelRequest {
        channel_point: Some(point),
        sat_per_vbyte: 5,
        max_fee_per_vbyte: 20,
        no_wait: true,
        ..CloseChannelRequest::default()
    };
    let mut updates = stage.run(alice.close_channel(request)).unwrap().into_inner();
    let instant = stage.run(updates.message()).unwrap().unwrap().update.unwrap();
    assert!(matches!(instant, close_status_update::Update::CloseInstant(_)), "{instant:?}");
    let pending = stage.run(updates.message()).unwrap().unwrap().update.unwrap();
    let close_status_update::Update::ClosePending(pending) = pending else { panic!("{pending:?}") };
    let txid: bitcoin::Txid = bitcoin::consensus::deserialize(&pending.txid).unwrap();
    assert!(stage.channels(&stage.alice).is_empty());
    let list = stage.pending(&stage.alice);
    let [waiting] = list.waiting_close_channels.as_slice() else { panic!("{list:?}") };
    assert_eq!(waiting.closing_txid, txid.to_string());
    assert!(waiting.closing_tx_hex.len() > 100, "the raw transaction was asked for");
    assert_eq!((waiting.close_height, waiting.blocks_til_close_confirmed), (0, 6));
    assert_eq!(waiting.limbo_balance, list.total_limbo_balance);
    assert!(waiting.limbo_balance > 190_000);

    stage.wait_for("the close", || (stage.chain.mempool().len() == 1).then_some(()));
    stage.mine(1);
    let closed = stage.run(updates.message()).unwrap().unwrap().update.unwrap();
    let close_status_update::Update::ChanClose(closed) = closed else { panic!("{closed:?}") };
    assert!(closed.success && closed.closing_txid == pending.txid);
    let list = stage.pending(&stage.alice).waiting_close_channels;
    assert_eq!(list[0].close_height, stage.chain.best().height);
    assert_eq!(list[0].blocks_til_close_confirmed, 5);
    let height = list[0].close_height;
    stage.mine(5);
    let closed = stage.wait_for("its end", || stage.closed(&stage.alice).pop());
    assert_eq!(closed.closing_tx_hash, txid.to_string());
    assert_eq!(closed.close_type(), ClosureType::CooperativeClose);
    assert_eq!((closed.close_height, closed.time_locked_balance), (height, 0));
    assert!(closed.settled_balance > 190_000);
    assert_eq!(closed.close_initiator(), Initiator::Local);
    assert!(stage.pending(&stage.alice).waiting_close_channels.is_empty());
    let mut kinds = Vec::new();
    while kinds.last() != Some(&UpdateType::FullyResolvedChannel) {
        kinds.push(stage.run(events.message()).unwrap().unwrap().r#type());
    }
    let expected =
        [UpdateType::InactiveChannel, UpdateType::ClosedChannel, UpdateType::FullyResolvedChannel];
    assert_eq!(kinds, expected);
    stage.stop();
}

#[test]
fn a_forced_close_is_listed_with_its_limbo_and_maturity() {
    let stage = Stage::funded(1_000_000);
    let point = stage.open_channel();
    let mut alice = stage.alice.lightning.clone();
    let request = CloseChannelRequest {
        channel_point: Some(point),
        force: true,
        ..CloseChannelRequest::default()
    };
    let mut updates = stage.run(alice.close_channel(request)).unwrap().into_inner();
    let pending = stage.run(updates.message()).unwrap().unwrap().update.unwrap();
    assert!(matches!(pending, close_status_update::Update::ClosePending(_)), "{pending:?}");
    stage.wait_for("the commitment", || (!stage.chain.mempool().is_empty()).then_some(()));
    stage.mine(1);
    let height = stage.chain.best().height;
    let list = stage.pending(&stage.alice);
    let [forced] = list.pending_force_closing_channels.as_slice() else { panic!("{list:?}") };
    assert_eq!((forced.maturity_height, forced.blocks_til_maturity), (height + 144, 144));
    assert_eq!(forced.recovered_balance, 0);
    let local = forced.channel.as_ref().unwrap().local_balance;
    assert!(forced.limbo_balance >= local, "{forced:?}");
    // Bob sees the same close from the other side; he had nothing in the channel.
    let bobs = stage.pending(&stage.bob);
    assert_eq!(bobs.pending_force_closing_channels[0].maturity_height, 0, "{bobs:?}");

    stage.mine(143);
    stage.wait_for("the sweep", || (!stage.chain.mempool().is_empty()).then_some(()));
    stage.mine(1);
    let list = stage.pending(&stage.alice).pending_force_closing_channels;
    assert!(list[0].recovered_balance >= local && list[0].limbo_balance < 1_000, "{list:?}");
    stage.mine(5);
    let closed = stage.wait_for("its end", || stage.closed(&stage.alice).pop());
    assert_eq!(closed.close_type(), ClosureType::LocalForceClose);
    assert!(closed.time_locked_balance >= local);
    assert_eq!(closed.resolutions[0].outcome(), ResolutionOutcome::Claimed);
    stage.stop();
}

#[test]
fn a_transaction_that_the_backend_refuses_is_said_with_its_reason() {
    let stage = Stage::funded(1_000_000);
    let mut navvy = stage.alice.navvy.clone();
    stage.run(stage.alice.lightning.clone().open_channel_sync(stage.open_request())).unwrap();
    let funding = stage.wait_for("the funding transaction", || stage.chain.mempool().pop());
    let mut look = |standing: &str| {
        stage.wait_for(standing, || {
            let answer = stage.run(navvy.standing(StandingRequest {})).unwrap().into_inner();
            let [one] = answer.unconfirmed.as_slice() else { panic!("{answer:?}") };
            (one.standing == standing).then(|| one.clone())
        })
    };
    let held = look("held");
    assert_eq!(held.txid, funding.compute_txid().to_string());
    let point = &stage.pending(&stage.alice).pending_open_channels[0];
    assert_eq!(held.channel_point, point.channel.as_ref().unwrap().channel_point);
    // The floor rises, and the mempool has lost it.
    stage.chain.set_min_relay(1_000_000);
    stage.chain.drop_from_mempool(&funding.compute_txid());
    stage.mine(1);
    let refused = look("refused");
    assert!(refused.reason.contains("fee-below-minimum"), "{refused:?}");
    let point = ShowOpenRequest { open: Some(Open::ChannelPoint(refused.channel_point.clone())) };
    let shown = stage.run(stage.alice.navvy.clone().show_open(point)).unwrap().into_inner();
    assert_eq!(shown.opens[0].unconfirmed, [refused]);
    stage.stop();
}
