//! Our own services.

use crate::channels::hex;
use crate::fields;
use crate::host::{Host, Mine, Mined};
use crate::lightning::Server;
use crate::proto::navvy::navvy_server::Navvy;
use crate::proto::navvy::regtest_server::Regtest;
use crate::proto::navvy::*;
use crate::refusal::{Purpose, expect_reply, malformed, refusal, unexpected};
use crate::updates::{UpdateStream, updates};
use crate::{events, show_open, standing};
use bitcoin::Amount;
use node::{CoinView, Command, FeeratePerKw, OpenName, Reply, RequestId, RequestView};
use std::sync::{Arc, PoisonError};
use tonic::{Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Navvy for Server {
    async fn standing(&self, _: tonic::Request<StandingRequest>) -> Answer<StandingResponse> {
        standing::standing(&self.host).await.map(Response::new)
    }

    async fn show_open(
        &self,
        request: tonic::Request<ShowOpenRequest>,
    ) -> Answer<ShowOpenResponse> {
        show_open::show(&self.host, request.into_inner()).await.map(Response::new)
    }

    type EventsStream = UpdateStream<Event>;

    async fn events(&self, request: tonic::Request<EventsRequest>) -> Answer<Self::EventsStream> {
        let request = request.into_inner();
        if request.news && !request.follow {
            return Err(malformed("news", "it needs follow: they are not kept"));
        }
        let (updates, stream) = updates();
        let notices = self.host.node.notices();
        tokio::spawn(events::tell(self.host.clone(), notices, request, updates));
        Ok(Response::new(stream))
    }

    async fn list_requests(
        &self,
        request: tonic::Request<ListRequestsRequest>,
    ) -> Answer<ListRequestsResponse> {
        let undecided_only = request.into_inner().undecided_only;
        let is_decided = |view: &RequestView| matches!(view.status, "funded" | "failed");
        let requests = self.host.requests().await?;
        let wanted = requests.iter().filter(|view| !undecided_only || !is_decided(view));
        Ok(Response::new(ListRequestsResponse { requests: wanted.map(events::request).collect() }))
    }

    async fn list_coins(&self, _: tonic::Request<ListCoinsRequest>) -> Answer<ListCoinsResponse> {
        let coins = self.host.coins().await?;
        let coins = coins.iter().map(coin).collect();
        Ok(Response::new(ListCoinsResponse { coins }))
    }

    async fn cancel_request(
        &self,
        request: tonic::Request<CancelRequestRequest>,
    ) -> Answer<CancelRequestResponse> {
        let request = RequestId(request.into_inner().request_id);
        let reply = self.host.node.ask(Command::CancelRequest { request }).await;
        let view: Result<RequestView, Status> =
            expect_reply!(reply, Purpose::Other, Reply::Request(view) => view);
        let request = Some(events::request(&view?));
        Ok(Response::new(CancelRequestResponse { request }))
    }

    async fn cancel_open(
        &self,
        request: tonic::Request<ChangeOpenRequest>,
    ) -> Answer<ChangeOpenResponse> {
        change_open(self, request.into_inner(), |open, feerate, max_fee| Command::CancelOpen {
            open,
            feerate,
            max_fee,
        })
        .await
    }

    async fn bump_open(
        &self,
        request: tonic::Request<ChangeOpenRequest>,
    ) -> Answer<ChangeOpenResponse> {
        change_open(self, request.into_inner(), |open, feerate, max_fee| Command::BumpOpen {
            open,
            feerate,
            max_fee,
        })
        .await
    }
}

/// Both changes of an open.
async fn change_open(
    server: &Server,
    request: ChangeOpenRequest,
    command: impl FnOnce(OpenName, Option<FeeratePerKw>, Option<Amount>) -> Command,
) -> Answer<ChangeOpenResponse> {
    use change_open_request::Open;
    let open = match request.open {
        None => return Err(malformed("open", "say channel_point, keys_id or request_id")),
        Some(Open::ChannelPoint(text)) => {
            OpenName::Outpoint(fields::outpoint_text("channel_point", &text)?)
        }
        Some(Open::KeysId(text)) => OpenName::KeysId(fields::keys_id("keys_id", &text)?),
        Some(Open::RequestId(text)) => OpenName::Request(RequestId(text)),
    };
    let feerate = match request.sat_per_vbyte {
        0 => None,
        rate => Some(fields::feerate("sat_per_vbyte", rate)?),
    };
    let max_fee = Some(request.max_fee_sat).filter(|fee| *fee > 0).map(Amount::from_sat);
    let response = match server.host.node.ask(command(open, feerate, max_fee)).await {
        Reply::Done => ChangeOpenResponse::default(),
        Reply::Sent { txid, fee } => {
            ChangeOpenResponse { txid: txid.to_string(), fee_sat: fee.to_sat() }
        }
        Reply::Failed(error) => return Err(refusal(&error, Purpose::Other)),
        other @ (Reply::Request(_)
        | Reply::Address(_)
        | Reply::Balance(_)
        | Reply::Coins(_)
        | Reply::Channels(_)
        | Reply::Requests(_)
        | Reply::Peers(_)
        | Reply::Info(_)) => return Err(unexpected(&other)),
    };
    Ok(Response::new(response))
}

#[tonic::async_trait]
impl Regtest for Server {
    async fn mine(&self, request: tonic::Request<MineRequest>) -> Answer<MineResponse> {
        let request = request.into_inner();
        if !(1..=MOST_BLOCKS).contains(&request.blocks) {
            return Err(malformed("blocks", format!("choose 1 to {MOST_BLOCKS}")));
        }
        let to = match request.address.as_str() {
            "" => None,
            text => Some(fields::address("address", text, self.host.network)?),
        };
        let Mined { height, hashes } =
            on_miner(&self.host, move |miner| miner.mine(request.blocks, to.as_ref())).await?;
        let block_hashes = hashes.iter().map(ToString::to_string).collect();
        Ok(Response::new(MineResponse { height, block_hashes }))
    }

    async fn fund(&self, request: tonic::Request<FundRequest>) -> Answer<FundResponse> {
        let request = request.into_inner();
        let address = fields::address("address", &request.address, self.host.network)?;
        let amount = Amount::from_sat(request.amount_sat);
        if amount == Amount::ZERO || amount > Amount::MAX_MONEY {
            return Err(malformed("amount_sat", "it is nothing, or more than there will ever be"));
        }
        let coin = on_miner(&self.host, move |miner| miner.fund(&address, amount)).await?;
        Ok(Response::new(FundResponse { txid: coin.txid.to_string(), output_index: coin.vout }))
    }

    async fn reorg(&self, request: tonic::Request<ReorgRequest>) -> Answer<ReorgResponse> {
        let depth = request.into_inner().depth;
        if !(1..=MOST_BLOCKS).contains(&depth) {
            return Err(malformed("depth", format!("choose 1 to {MOST_BLOCKS}")));
        }
        let Mined { height, hashes } =
            on_miner(&self.host, move |miner| miner.reorg(depth)).await?;
        let block_hashes = hashes.iter().map(ToString::to_string).collect();
        Ok(Response::new(ReorgResponse { height, block_hashes }))
    }
}

fn coin(coin: &CoinView) -> Coin {
    Coin {
        outpoint: coin.outpoint.to_string(),
        amount_sat: coin.amount.to_sat(),
        height: coin.height.unwrap_or_default(),
        leased_by: coin.lease.map(|keys_id| hex(&keys_id.0)).unwrap_or_default(),
    }
}

/// Mining blocks: it has a thread of its own.
async fn on_miner<T: Send + 'static>(
    host: &Host,
    f: impl FnOnce(&mut dyn Mine) -> Result<T, String> + Send + 'static,
) -> Result<T, Status> {
    let Some(miner) = host.miner.as_ref().map(Arc::clone) else {
        let text =
            format!("there is nothing to mine on: the chain is {}, not regtest", host.network);
        return Err(Status::failed_precondition(text));
    };
    let mined = tokio::task::spawn_blocking(move || {
        let mut miner = miner.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut *miner)
    });
    let mined = mined.await.map_err(|_| Status::internal("the miner failed"))?;
    mined.map_err(Status::failed_precondition)
}

/// As many as anybody needs in a test.
const MOST_BLOCKS: u32 = 10_000;
