//! SubscribeChannelEvents: transitions of channels in LND's words.

use crate::channels::{channel, is_closed, summary};
use crate::host::Host;
use crate::open_channel::point;
use crate::proto::lnrpc::channel_event_update::{Channel as Event, UpdateType};
use crate::proto::lnrpc::{ChannelEventUpdate, PendingUpdate};
use crate::updates::{Updates, ended};
use bitcoin::OutPoint;
use bitcoin::hashes::Hash as _;
use node::{ChannelView, KeysId, Notice};
use secp256k1::PublicKey;
use std::collections::BTreeMap;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tonic::Status;

/// Tells what happens to channels until the client is gone. A client that reads too slowly loses its place and
/// is told so; navvy.v1's Events has everything, from any number on.
pub(crate) async fn tell(
    host: Host,
    notices: Receiver<Notice>,
    updates: Updates<ChannelEventUpdate>,
) {
    let told = tokio::select! {
        told = told(&host, notices, &updates) => told,
        () = updates.abandoned() => return,
    };
    updates.finish(told).await;
}

async fn told(
    host: &Host,
    mut notices: Receiver<Notice>,
    updates: &Updates<ChannelEventUpdate>,
) -> Result<(), Status> {
    // What was said last of each open channel: nobody wants to hear twice that it is active.
    let mut active = Active::default();
    for view in host.channels().await?.iter().filter(|view| view.state == "Normal") {
        active.0.insert(view.keys_id, view.connected);
    }
    loop {
        match notices.recv().await {
            Ok(Notice::Channel { keys_id, entry, .. }) => {
                let Some(view) = host.channel(keys_id).await? else { continue };
                if entry.from != entry.to {
                    for event in moved(&view, &entry.to, host) {
                        updates.send(event).await?;
                    }
                }
                if let Some(event) = active.look(&view) {
                    updates.send(event).await?;
                }
            }
            Ok(Notice::Peer { node_id, .. }) => {
                for event in peer_moved(host, &node_id, &mut active).await? {
                    updates.send(event).await?;
                }
            }
            Ok(Notice::Request(_) | Notice::Block { .. } | Notice::Note { .. }) => {}
            Err(RecvError::Lagged(missed)) => {
                return Err(Status::data_loss(format!(
                    "{missed} events were not read in time: list the channels and subscribe again"
                )));
            }
            Err(RecvError::Closed) => return Err(ended()),
        }
    }
}

async fn peer_moved(
    host: &Host,
    node_id: &PublicKey,
    active: &mut Active,
) -> Result<Vec<ChannelEventUpdate>, Status> {
    let channels = host.channels().await?;
    let channels = channels.iter().filter(|view| view.node_id == *node_id);
    Ok(channels.filter_map(|view| active.look(view)).collect())
}

/// A transition. The view may be ahead of it: LND's event goes by the state that was entered.
fn moved(view: &ChannelView, to: &str, host: &Host) -> Vec<ChannelEventUpdate> {
    let Some(outpoint) = view.outpoint else { return Vec::new() };
    let closed = || {
        let summary = summary(view, host.network);
        event(UpdateType::ClosedChannel, Event::ClosedChannel(summary))
    };
    match to {
        "WaitForChannelReady" => {
            let pending = PendingUpdate {
                txid: outpoint.txid.to_byte_array().to_vec(),
                output_index: outpoint.vout,
                ..PendingUpdate::default()
            };
            vec![event(UpdateType::PendingOpenChannel, Event::PendingOpenChannel(pending))]
        }
        "Normal" => vec![event(UpdateType::OpenChannel, Event::OpenChannel(channel(view)))],
        "Closed" if is_closed(view) => {
            let resolved = Event::FullyResolvedChannel(point(outpoint));
            vec![closed(), event(UpdateType::FullyResolvedChannel, resolved)]
        }
        "Tombstone" => {
            let given_up = Event::ChannelFundingTimeout(point(outpoint));
            vec![event(UpdateType::ChannelFundingTimeout, given_up)]
        }
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Active(BTreeMap<KeysId, bool>);

impl Active {
    fn look(&mut self, view: &ChannelView) -> Option<ChannelEventUpdate> {
        let outpoint: OutPoint = view.outpoint?;
        let is_active = view.state == "Normal" && view.connected;
        let was_active = self.0.get(&view.keys_id).copied().unwrap_or(false);
        if view.state == "Normal" {
            self.0.insert(view.keys_id, is_active);
        } else {
            self.0.remove(&view.keys_id);
        }
        match (was_active, is_active) {
            (false, true) => {
                Some(event(UpdateType::ActiveChannel, Event::ActiveChannel(point(outpoint))))
            }
            (true, false) => {
                Some(event(UpdateType::InactiveChannel, Event::InactiveChannel(point(outpoint))))
            }
            (true, true) | (false, false) => None,
        }
    }
}

fn event(kind: UpdateType, channel: Event) -> ChannelEventUpdate {
    ChannelEventUpdate { channel: Some(channel), r#type: kind.into() }
}
