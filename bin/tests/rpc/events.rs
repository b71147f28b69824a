//! The journal over the RPC: everything, in order, from any number on.

use crate::stage::Stage;
use rpc::proto::navvy::event::Event as Kind;
use rpc::proto::navvy::show_open_request::Open as Wanted;
use rpc::proto::navvy::{
    CancelRequestRequest, ChangeOpenRequest, Event, EventsRequest, ListRequestsRequest,
    ShowOpenRequest, change_open_request,
};
use rpc::tonic::metadata::MetadataValue;
use rpc::tonic::{Code, Request};

fn replay(stage: &Stage, since: u64) -> Vec<Event> {
    let request = EventsRequest { since, ..EventsRequest::default() };
    let mut stream = stage.run(stage.alice.navvy.clone().events(request)).unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(event) = stage.run(stream.message()).unwrap() {
        events.push(event);
    }
    events
}

#[test]
fn a_follower_misses_nothing_between_what_was_and_what_is() {
    let stage = Stage::funded(1_000_000);
    let request = EventsRequest { since: 0, follow: true, news: true };
    let mut stream = stage.run(stage.alice.navvy.clone().events(request)).unwrap().into_inner();
    let mut open = Request::new(stage.open_request());
    open.metadata_mut().insert(rpc::REQUEST_ID, MetadataValue::from_static("watched"));
    stage.run(stage.alice.lightning.clone().open_channel_sync(open)).unwrap();
    stage.mine_until_open();
    let (mut seen, mut blocks, mut requests) = (Vec::new(), 0, 0);
    loop {
        let event = stage.run(stream.message()).unwrap().unwrap();
        match event.event.clone().unwrap() {
            Kind::Channel(channel) => {
                assert_eq!(channel.request_id, "watched");
                assert_eq!(channel.remote_pubkey, stage.bob.daemon.node_id.to_string());
                let is_open = channel.to == "Normal";
                seen.push(event);
                if is_open {
                    break;
                }
            }
            Kind::Block(_) => blocks += 1,
            Kind::Request(_) => requests += 1,
            Kind::Peer(_) | Kind::Note(_) => {}
            Kind::Gap(gap) => panic!("{gap:?}"),
        }
    }
    assert!(blocks > 0 && requests > 0, "news were asked for");
    let numbers: Vec<u64> = seen.iter().map(|event| event.number).collect();
    let expected: Vec<u64> = (0..u64::try_from(seen.len()).unwrap()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(replay(&stage, 0)[..seen.len()], seen[..]);
    assert_eq!(replay(&stage, 2)[..seen.len() - 2], seen[2..]);
    assert!(replay(&stage, 1_000).is_empty());
    stage.stop();
}

#[test]
fn an_open_is_shown_by_each_of_its_names_with_every_transition() {
    let stage = Stage::funded(1_000_000);
    let mut open = Request::new(stage.open_request());
    open.metadata_mut().insert(rpc::REQUEST_ID, MetadataValue::from_static("shown"));
    stage.run(stage.alice.lightning.clone().open_channel_sync(open)).unwrap();
    stage.mine_until_open();
    let show = |open: Wanted| {
        let request = ShowOpenRequest { open: Some(open) };
        stage.run(stage.alice.navvy.clone().show_open(request)).map(|answer| answer.into_inner())
    };
    let by_request = show(Wanted::RequestId("shown".to_owned())).unwrap();
    let [open] = by_request.opens.as_slice() else { panic!("{by_request:?}") };
    assert_eq!(by_request.request.as_ref().unwrap().status, "funded");
    assert_eq!((open.state.as_str(), open.role.as_str()), ("Normal", "opener"));
    assert_eq!((open.confirmations, open.minimum_depth), (3, 3));
    let states: Vec<&str> = open.transitions.iter().map(|step| step.to.as_str()).collect();
    assert_eq!(states[0], "WaitForAcceptChannel");
    assert_eq!(states.last(), Some(&"Normal"));
    assert!(open.transitions.iter().all(|step| step.time_ms > 0 && !step.cause.is_empty()));
    assert_eq!(show(Wanted::KeysId(open.keys_id.clone())).unwrap(), by_request);
    assert_eq!(
        show(Wanted::ChannelPoint(open.channel_point.clone())).unwrap().opens,
        by_request.opens
    );
    for (wanted, code) in [
        (Wanted::RequestId("nobody".to_owned()), Code::NotFound),
        (Wanted::KeysId("ff".to_owned()), Code::InvalidArgument),
        (Wanted::KeysId("ff".repeat(16)), Code::NotFound),
        (Wanted::ChannelPoint("garbage".to_owned()), Code::InvalidArgument),
    ] {
        assert_eq!(show(wanted).unwrap_err().code(), code);
    }
    stage.stop();
}

#[test]
fn a_request_that_waits_can_be_cancelled_and_stays_so() {
    let stage = Stage::funded(1_000_000);
    // Bob goes away, and the request waits for him.
    let bob = stage.bob.daemon.node_id.to_string();
    let request = rpc::proto::lnrpc::DisconnectPeerRequest { pub_key: bob };
    stage.run(stage.alice.lightning.clone().disconnect_peer(request)).unwrap();
    let mut open = Request::new(rpc::proto::lnrpc::OpenChannelRequest {
        // More than is confirmed and free, but no more than there is: it waits.
        local_funding_amount: 900_000,
        ..stage.open_request()
    });
    open.metadata_mut().insert(rpc::REQUEST_ID, MetadataValue::from_static("first"));
    drop(stage.run(stage.alice.lightning.clone().open_channel(open)).unwrap());
    let mut open = Request::new(rpc::proto::lnrpc::OpenChannelRequest {
        local_funding_amount: 90_000,
        ..stage.open_request()
    });
    open.metadata_mut().insert(rpc::REQUEST_ID, MetadataValue::from_static("second"));
    open.metadata_mut().insert(rpc::FORCE, MetadataValue::from_static("1"));
    let second = stage.run(stage.alice.lightning.clone().open_channel(open));
    let mut navvy = stage.alice.navvy.clone();
    let cancel = |name: &str| CancelRequestRequest { request_id: name.to_owned() };
    if let Ok(second) = second {
        let mut updates = second.into_inner();
        let cancelled = stage.run(navvy.cancel_request(cancel("second"))).unwrap().into_inner();
        let view = cancelled.request.unwrap();
        assert_eq!((view.status.as_str(), view.origin.as_str()), ("failed", "local"));
        let status = stage.run(updates.message()).unwrap_err();
        assert!(status.message().contains("cancelled"), "{status}");
        // Cancelled twice is cancelled.
        stage.run(navvy.cancel_request(cancel("second"))).unwrap();
    }
    let status = stage.run(navvy.cancel_request(cancel("third"))).unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let request = ListRequestsRequest { undecided_only: true };
    let undecided = stage.run(navvy.list_requests(request)).unwrap().into_inner().requests;
    assert!(undecided.iter().all(|request| request.request_id != "second"));
    stage.stop();
}

/// Opens a channel under a name, as far as its funding transaction, and gives its channel point.
fn stuck_open(stage: &Stage, name: &'static str) -> String {
    let mut open = Request::new(stage.open_request());
    open.metadata_mut().insert(rpc::REQUEST_ID, MetadataValue::from_static(name));
    stage.run(stage.alice.lightning.clone().open_channel_sync(open)).unwrap();
    stage.wait_for("the funding transaction", || (stage.chain.mempool().len() == 1).then_some(()));
    let pending = stage.pending(&stage.alice).pending_open_channels.remove(0);
    pending.channel.unwrap().channel_point
}

#[test]
fn an_open_that_is_stuck_is_bumped_or_cancelled() {
    let stage = Stage::funded(1_000_000);
    let mut navvy = stage.alice.navvy.clone();
    stuck_open(&stage, "slow");
    let bump = ChangeOpenRequest {
        open: Some(change_open_request::Open::RequestId("slow".to_owned())),
        sat_per_vbyte: 20,
        max_fee_sat: 0,
    };
    let child = stage.run(navvy.bump_open(bump)).unwrap().into_inner();
    assert!(child.fee_sat > 1_000 && child.txid.len() == 64, "{child:?}");
    stage.wait_for("the child", || (stage.chain.mempool().len() == 2).then_some(()));
    stage.mine(3);
    stage.wait_for("an open channel", || stage.channels(&stage.alice).first().map(|_| ()));

    let point = stuck_open(&stage, "unwanted");
    let cancel = ChangeOpenRequest {
        open: Some(change_open_request::Open::ChannelPoint(point)),
        ..ChangeOpenRequest::default()
    };
    let back = stage.run(navvy.cancel_open(cancel)).unwrap().into_inner();
    assert!(back.fee_sat > 0, "{back:?}");
    stage.wait_for("the other transaction", || {
        let mempool = stage.chain.mempool();
        (mempool.len() == 1 && mempool[0].compute_txid().to_string() == back.txid).then_some(())
    });
    stage.mine(6);
    stage.wait_for("its end", || {
        stage.pending(&stage.alice).pending_open_channels.is_empty().then_some(())
    });
    let nothing = ChangeOpenRequest {
        open: Some(change_open_request::Open::KeysId("ab".repeat(16))),
        ..ChangeOpenRequest::default()
    };
    assert_eq!(stage.run(navvy.bump_open(nothing)).unwrap_err().code(), Code::NotFound);
    stage.stop();
}
