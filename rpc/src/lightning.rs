//! LND's services, each method in the file of its subject.

use crate::close_channel::ClosingCall;
use crate::host::Host;
use crate::open_channel::{Opening, point};
use crate::proto::lnrpc::lightning_server::Lightning;
use crate::proto::lnrpc::state_server::State;
use crate::proto::lnrpc::*;
use crate::proto::verrpc::versioner_server::Versioner;
use crate::proto::verrpc::{Version, VersionRequest};
use crate::updates::{UpdateStream, Updates, ended, updates};
use crate::{channel_events, channels, controls, information, peers, pending_channels, wallet};
use node::Notice;
use tokio::sync::broadcast::error::RecvError;
use tonic::{Request, Response, Status};

/// What answers; its methods are those of the `.proto` files.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) host: Host,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Lightning for Server {
    async fn get_info(&self, _: Request<GetInfoRequest>) -> Answer<GetInfoResponse> {
        information::info(&self.host).await.map(Response::new)
    }

    async fn connect_peer(
        &self,
        request: Request<ConnectPeerRequest>,
    ) -> Answer<ConnectPeerResponse> {
        peers::connect(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn disconnect_peer(
        &self,
        request: Request<DisconnectPeerRequest>,
    ) -> Answer<DisconnectPeerResponse> {
        peers::disconnect(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn list_peers(&self, _: Request<ListPeersRequest>) -> Answer<ListPeersResponse> {
        peers::list(&self.host).await.map(Response::new)
    }

    async fn new_address(&self, request: Request<NewAddressRequest>) -> Answer<NewAddressResponse> {
        wallet::new_address(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn wallet_balance(
        &self,
        request: Request<WalletBalanceRequest>,
    ) -> Answer<WalletBalanceResponse> {
        wallet::balance(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn list_unspent(
        &self,
        request: Request<ListUnspentRequest>,
    ) -> Answer<ListUnspentResponse> {
        wallet::unspent(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn send_coins(&self, request: Request<SendCoinsRequest>) -> Answer<SendCoinsResponse> {
        wallet::send(&self.host, request.into_inner()).await.map(Response::new)
    }

    type OpenChannelStream = UpdateStream<OpenStatusUpdate>;

    async fn open_channel(
        &self,
        request: Request<OpenChannelRequest>,
    ) -> Answer<Self::OpenChannelStream> {
        let opening = Opening::begin(&self.host, request).await?;
        let (updates, stream) = updates();
        let response = opening.named(stream);
        tokio::spawn(opening.tell(updates));
        Ok(response)
    }

    async fn open_channel_sync(
        &self,
        request: Request<OpenChannelRequest>,
    ) -> Answer<ChannelPoint> {
        let mut opening = Opening::begin(&self.host, request).await?;
        let outpoint = opening.funded().await?;
        Ok(opening.named(point(outpoint)))
    }

    async fn pending_channels(
        &self,
        request: Request<PendingChannelsRequest>,
    ) -> Answer<PendingChannelsResponse> {
        pending_channels::list(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn list_channels(
        &self,
        request: Request<ListChannelsRequest>,
    ) -> Answer<ListChannelsResponse> {
        channels::list(&self.host, request.into_inner()).await.map(Response::new)
    }

    async fn closed_channels(
        &self,
        request: Request<ClosedChannelsRequest>,
    ) -> Answer<ClosedChannelsResponse> {
        channels::closed(&self.host, request.into_inner()).await.map(Response::new)
    }

    type CloseChannelStream = UpdateStream<CloseStatusUpdate>;

    async fn close_channel(
        &self,
        request: Request<CloseChannelRequest>,
    ) -> Answer<Self::CloseChannelStream> {
        let closing = ClosingCall::begin(&self.host, request.into_inner()).await?;
        let (updates, stream) = updates();
        tokio::spawn(closing.tell(updates));
        Ok(Response::new(stream))
    }

    async fn channel_balance(
        &self,
        _: Request<ChannelBalanceRequest>,
    ) -> Answer<ChannelBalanceResponse> {
        channels::balance(&self.host).await.map(Response::new)
    }

    type SubscribeChannelEventsStream = UpdateStream<ChannelEventUpdate>;

    async fn subscribe_channel_events(
        &self,
        _: Request<ChannelEventSubscription>,
    ) -> Answer<Self::SubscribeChannelEventsStream> {
        let (updates, stream) = updates();
        // From here on: what happens before the client reads is not lost.
        let notices = self.host.node.notices();
        tokio::spawn(channel_events::tell(self.host.clone(), notices, updates));
        Ok(Response::new(stream))
    }

    async fn debug_level(&self, request: Request<DebugLevelRequest>) -> Answer<DebugLevelResponse> {
        controls::debug_level(&self.host, &request.into_inner()).map(Response::new)
    }

    async fn stop_daemon(&self, _: Request<StopRequest>) -> Answer<StopResponse> {
        Ok(Response::new(controls::stop(&self.host)))
    }
}

#[tonic::async_trait]
impl State for Server {
    type SubscribeStateStream = UpdateStream<SubscribeStateResponse>;

    async fn subscribe_state(
        &self,
        _: Request<SubscribeStateRequest>,
    ) -> Answer<Self::SubscribeStateStream> {
        let (updates, stream) = updates();
        tokio::spawn(tell_states(self.host.clone(), updates));
        Ok(Response::new(stream))
    }

    async fn get_state(&self, _: Request<GetStateRequest>) -> Answer<GetStateResponse> {
        let state = information::state(&self.host).await.into();
        Ok(Response::new(GetStateResponse { state }))
    }
}

#[tonic::async_trait]
impl Versioner for Server {
    async fn get_version(&self, _: Request<VersionRequest>) -> Answer<Version> {
        Ok(Response::new(information::version()))
    }
}

/// The state, and each other one: the chain is what it hangs on, so every block is a reason to look.
async fn tell_states(host: Host, updates: Updates<SubscribeStateResponse>) {
    let told = tokio::select! {
        told = states(&host, &updates) => told,
        () = updates.abandoned() => return,
    };
    updates.finish(told).await;
}

async fn states(host: &Host, updates: &Updates<SubscribeStateResponse>) -> Result<(), Status> {
    let mut notices = host.node.notices();
    let mut last = None;
    loop {
        let state = information::state(host).await;
        if last != Some(state) {
            updates.send(SubscribeStateResponse { state: state.into() }).await?;
            last = Some(state);
        }
        loop {
            match notices.recv().await {
                Ok(Notice::Block { .. }) | Err(RecvError::Lagged(_)) => break,
                Ok(_) => {}
                Err(RecvError::Closed) => return Err(ended()),
            }
        }
    }
}
