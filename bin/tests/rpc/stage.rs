//! Two daemons on one chain, each served over a socket, and a client of each.

use bin::daemon::{Daemon, Setup};
use bin::data_folder::DataFolder;
use bin::miner::Miner;
use bin::{entropy, log, rpc_host};
use bitcoin::{Address, Amount, Network};
use chain::Backend;
use chain::regtest::{Options, Regtest, faucet_script};
use rpc::proto::lnrpc::lightning_client::LightningClient;
use rpc::proto::lnrpc::*;
use rpc::proto::navvy::navvy_client::NavvyClient;
use rpc::tonic::transport::Channel;
use std::future::Future;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A node with its socket.
pub struct Served {
    pub daemon: Daemon,
    pub lightning: LightningClient<Channel>,
    pub navvy: NavvyClient<Channel>,
    pub channel: Channel,
    /// Becomes true when a client asks for the end.
    pub asked_to_stop: watch::Receiver<bool>,
    serving: rpc::Serving,
    _folder: DataFolder,
    _data: TempDir,
}

/// See the file's head.
pub struct Stage {
    pub chain: Regtest,
    pub runtime: Runtime,
    pub alice: Served,
    pub bob: Served,
}

impl Stage {
    pub fn new() -> Self {
        let chain = Regtest::new(Options::default());
        chain.mine(1, &faucet_script());
        let runtime = Runtime::new().unwrap();
        let [alice, bob] = [(); 2].map(|()| Served::start(&chain, &runtime));
        let stage = Self { chain, runtime, alice, bob };
        stage.settle();
        stage
    }

    /// Alice has a coin of so many satoshi, and is connected with Bob.
    pub fn funded(satoshis: u64) -> Self {
        let stage = Self::new();
        stage.fund_alice(satoshis);
        let request = stage.connect_request();
        stage.run(stage.alice.lightning.clone().connect_peer(request)).unwrap();
        stage
    }

    pub fn fund_alice(&self, satoshis: u64) {
        let request = NewAddressRequest::default();
        let answer = self.run(self.alice.lightning.clone().new_address(request)).unwrap();
        let address: Address<_> = answer.into_inner().address.parse().unwrap();
        let address = address.require_network(Network::Regtest).unwrap();
        self.chain.fund(&address.script_pubkey(), Amount::from_sat(satoshis)).unwrap();
        self.mine(1);
    }

    pub fn connect_request(&self) -> ConnectPeerRequest {
        ConnectPeerRequest {
            addr: Some(LightningAddress {
                pubkey: self.bob.daemon.node_id.to_string(),
                host: self.bob.daemon.address.to_string(),
            }),
            ..ConnectPeerRequest::default()
        }
    }

    /// An open of 200,000 sat to Bob.
    pub fn open_request(&self) -> OpenChannelRequest {
        OpenChannelRequest {
            node_pubkey: self.bob.daemon.node_id.serialize().to_vec(),
            local_funding_amount: 200_000,
            private: true,
            ..OpenChannelRequest::default()
        }
    }

    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let limited = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(limited).expect("an answer in time")
    }

    /// Mines, and waits until both have seen it.
    pub fn mine(&self, blocks: u32) {
        self.chain.mine(blocks, &faucet_script());
        self.settle();
    }

    /// Waits until both follow the chain to its end.
    pub fn settle(&self) {
        let height = self.chain.best().height;
        for served in [&self.alice, &self.bob] {
            self.wait_for("the tip", || {
                let info = self.run(served.lightning.clone().get_info(GetInfoRequest {}));
                let info = info.unwrap().into_inner();
                (info.synced_to_chain && info.block_height == height).then_some(())
            });
        }
    }

    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            let nap = Duration::from_millis(20);
            self.runtime.block_on(async { tokio::time::sleep(nap).await });
        }
    }

    pub fn pending(&self, of: &Served) -> PendingChannelsResponse {
        let request = PendingChannelsRequest { include_raw_tx: true };
        self.run(of.lightning.clone().pending_channels(request)).unwrap().into_inner()
    }

    pub fn channels(&self, of: &Served) -> Vec<rpc::proto::lnrpc::Channel> {
        let request = ListChannelsRequest::default();
        self.run(of.lightning.clone().list_channels(request)).unwrap().into_inner().channels
    }

    pub fn closed(&self, of: &Served) -> Vec<ChannelCloseSummary> {
        let request = ClosedChannelsRequest::default();
        self.run(of.lightning.clone().closed_channels(request)).unwrap().into_inner().channels
    }

    /// Opens a channel of 200,000 sat, and mines until it is open.
    pub fn open_channel(&self) -> ChannelPoint {
        let request = self.open_request();
        let point = self.run(self.alice.lightning.clone().open_channel_sync(request)).unwrap();
        self.mine_until_open();
        point.into_inner()
    }

    pub fn mine_until_open(&self) {
        self.wait_for("the funding transaction", || {
            (self.chain.mempool().len() == 1).then_some(())
        });
        self.mine(3);
        for served in [&self.alice, &self.bob] {
            self.wait_for("an open channel", || {
                self.channels(served).first().filter(|channel| channel.active).map(|_| ())
            });
        }
    }

    pub fn stop(self) {
        for served in [self.alice, self.bob] {
            served.daemon.stop().unwrap();
            served.serving.stop();
        }
    }
}

impl Served {
    fn start(chain: &Regtest, runtime: &Runtime) -> Self {
        let data = TempDir::new().unwrap();
        let folder = DataFolder::take(&data.path().join("regtest")).unwrap();
        let daemon = Daemon::start(Setup {
            network: Network::Regtest,
            backend: chain.another(),
            listen: ([127, 0, 0, 1], 0).into(),
            seed: folder.seed(Network::Regtest, 0, None, false).unwrap().seed,
            database: folder.database().unwrap(),
            birthday: Some(chain.another().birthday().unwrap()),
            features: ::peer::offered_features(),
            entropy: Box::new(entropy::System),
            tap: None,
            limits: Default::default(),
            reset_sockets: false,
        })
        .unwrap();
        let miner = Some(Miner::Embedded(chain.clone()));
        let log = log::start_with("warn", None).unwrap();
        let stop = watch::Sender::new(false);
        let asked_to_stop = stop.subscribe();
        let host = rpc_host::host(&daemon, log, stop, miner, Network::Regtest);
        let path = folder.rpc_path();
        let serving = daemon.runtime().block_on(rpc::serve(&path, host)).unwrap();
        let channel = runtime.block_on(rpc::connect(&path)).unwrap();
        Self {
            daemon,
            lightning: LightningClient::new(channel.clone()),
            navvy: NavvyClient::new(channel.clone()),
            channel,
            asked_to_stop,
            serving,
            _folder: folder,
            _data: data,
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
