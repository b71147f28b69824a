//! Questions to the node, each with the kind of answer that belongs to it.

use crate::fields::FeeWish;
use crate::host::Host;
use crate::refusal::{Purpose, expect_reply};
use bitcoin::OutPoint;
use node::{
    ChannelView, CoinView, Command, FeeratePerKw, InfoView, KeysId, PeerView, Reply, RequestId,
    RequestView,
};
use tonic::Status;

impl Host {
    pub(crate) async fn info(&self) -> Result<InfoView, Status> {
        let reply = self.node.ask(Command::Info).await;
        expect_reply!(reply, Purpose::Other, Reply::Info(info) => info)
    }

    pub(crate) async fn channels(&self) -> Result<Vec<ChannelView>, Status> {
        let reply = self.node.ask(Command::Channels).await;
        expect_reply!(reply, Purpose::Other, Reply::Channels(channels) => channels)
    }

    pub(crate) async fn channel(&self, keys_id: KeysId) -> Result<Option<ChannelView>, Status> {
        let reply = self.node.ask(Command::Channel { keys_id }).await;
        let channels: Result<Vec<ChannelView>, Status> =
            expect_reply!(reply, Purpose::Other, Reply::Channels(channels) => channels);
        Ok(channels?.into_iter().next())
    }

    pub(crate) async fn channel_at(&self, outpoint: OutPoint) -> Result<ChannelView, Status> {
        let channels = self.channels().await?;
        channels.into_iter().find(|channel| channel.outpoint == Some(outpoint)).ok_or_else(|| {
            Status::not_found(format!("unable to find channel: none has the output {outpoint}"))
        })
    }

    pub(crate) async fn peers(&self) -> Result<Vec<PeerView>, Status> {
        let reply = self.node.ask(Command::Peers).await;
        expect_reply!(reply, Purpose::Other, Reply::Peers(peers) => peers)
    }

    pub(crate) async fn coins(&self) -> Result<Vec<CoinView>, Status> {
        let reply = self.node.ask(Command::Coins).await;
        expect_reply!(reply, Purpose::Other, Reply::Coins(coins) => coins)
    }

    pub(crate) async fn requests(&self) -> Result<Vec<RequestView>, Status> {
        let reply = self.node.ask(Command::Requests).await;
        expect_reply!(reply, Purpose::Other, Reply::Requests(requests) => requests)
    }

    pub(crate) async fn request(&self, id: &RequestId) -> Result<Option<RequestView>, Status> {
        Ok(self.requests().await?.into_iter().find(|request| request.id == *id))
    }

    /// `None`: the node's own estimate for 6 blocks.
    pub(crate) async fn feerate(&self, wish: FeeWish) -> Result<Option<FeeratePerKw>, Status> {
        Ok(match wish {
            FeeWish::Normal => None,
            FeeWish::Exactly(feerate) => Some(feerate),
            FeeWish::Fast => Some(self.info().await?.fee_fast),
        })
    }
}
