//! `openchannel`.

use super::channel_point::{self, to_coin};
use super::channels::node_key;
use super::fee_flags::Feerate;
use super::follow::{Follow, Goal};
use super::output;
use super::peers;
use super::progress::Progress;
use super::session::Session;
use crate::entropy;
use crate::exit::{Exit, Failure};
use bitcoin::OutPoint;
use clap::{Args, ValueEnum};
use rpc::proto::lnrpc::{CommitmentType, OpenChannelRequest};
use rpc::proto::navvy::{Open, show_open_request};
use rpc::tonic::metadata::MetadataValue;
use serde_json::json;

/// A channel to open.
#[derive(Args, Debug)]
#[command(override_usage = "navvy openchannel [OPTIONS] NODE_KEY[@HOST:PORT] SAT [PUSH_SAT]")]
pub struct OpenChannel {
    /// The peer.
    #[arg(long = "node_key", alias = "node-key", value_name = "NODE_KEY")]
    node_key: Option<String>,
    /// Where the peer is: connect first. A peer that is connected stays so.
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// The whole channel, in satoshi.
    #[arg(long = "local_amt", alias = "local-amt", value_name = "SAT")]
    local_amt: Option<i64>,
    /// A gift to the peer in it, in satoshi.
    #[arg(long = "push_amt", alias = "push-amt", value_name = "SAT")]
    push_amt: Option<i64>,
    #[command(flatten)]
    feerate: Feerate,
    /// The highest fee of the funding transaction, in satoshi.
    #[arg(long = "max_fee", alias = "max-fee", value_name = "SAT")]
    max_fee: Option<u64>,
    /// Do not announce the channel.
    #[arg(long)]
    private: bool,
    /// anchors, or static_remotekey, whose commitment cannot be helped along by a child.
    #[arg(
        hide_possible_values = true,
        long = "channel_type",
        alias = "channel-type",
        value_name = "TYPE",
        value_enum
    )]
    channel_type: Option<ChannelType>,
    /// A coin to spend, again for each; without it the wallet chooses.
    #[arg(long, value_name = "TXID:INDEX", value_parser = channel_point::parse)]
    utxo: Vec<OutPoint>,
    /// A name for this open. The same name is the same open, for ever: after a crash ask again with it, and
    /// get the answer to the first one. Without it a name is drawn, and printed.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Even though an open to that peer is pending, or died after funding_created.
    #[arg(long)]
    force: bool,
    /// Stay until the channel is open, and show each step and the confirmations.
    #[arg(long, visible_alias = "block")]
    wait: bool,
    /// Return as soon as the daemon has the request on its disk.
    #[arg(long = "no_wait", alias = "no-wait", conflicts_with = "wait")]
    no_wait: bool,
    /// The first three without their flags; the peer may be NODE_KEY@HOST:PORT.
    #[arg(value_name = "NODE_KEY SAT PUSH_SAT", num_args = 0..=3)]
    words: Vec<String>,
}

/// What navvyd can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ChannelType {
    Anchors,
    #[value(name = "static_remotekey", alias = "tweakless", alias = "static-remotekey")]
    StaticRemotekey,
}

impl OpenChannel {
    /// Opens it, and stays as long as was asked for.
    ///
    /// # Errors
    /// [`Exit::Usage`]; [`Exit::Refused`] when nothing happened; [`Exit::Ended`] when it failed later.
    pub async fn run(mut self, session: &Session) -> Result<(), Failure> {
        self.take_words()?;
        let request = self.message()?;
        let id = match self.request.take() {
            Some(id) => id,
            None => drawn_name(),
        };
        if let (Some(host), Some(node_key)) = (&self.connect, &self.node_key) {
            peers::connect(session, node_key, host, false, 0).await?;
        }
        self.ask(session, &id, request).await?;
        if self.no_wait {
            return self.tell(session, &id, &Open::default());
        }
        let progress = Progress::new(session.format, self.wait);
        let open = show_open_request::Open::RequestId(id.clone());
        let goal = if self.wait { Goal::Open } else { Goal::Pending };
        let on = format!("the open goes on without this command: look at it with navvy show {id}");
        let result = Follow::new(session, open, progress).to(goal, &on).await;
        match result {
            Ok(open) => self.tell(session, &id, &open),
            Err(failure) => Err(failure),
        }
    }

    async fn ask(
        &self,
        session: &Session,
        id: &str,
        message: OpenChannelRequest,
    ) -> Result<(), Failure> {
        let mut request = rpc::tonic::Request::new(message);
        let name = MetadataValue::try_from(id).map_err(|_| {
            usage(&format!("{id:?} is no name for a request: use ASCII letters, digits and signs"))
        })?;
        let metadata = request.metadata_mut();
        metadata.insert(rpc::REQUEST_ID, name);
        if let Some(max_fee) = self.max_fee {
            metadata.insert(rpc::MAX_FEE_SAT, MetadataValue::from(max_fee));
        }
        if self.force {
            metadata.insert(rpc::FORCE, MetadataValue::from_static("1"));
        }
        // The answer comes when the request is durable. From then on the open belongs to the node, and the
        // stream has nothing that the record of the open does not have.
        let answer = session.lightning().open_channel(request).await;
        answer.map(drop).map_err(|status| session.failure(&status))
    }

    /// What has no flag is taken from the words, in their order.
    fn take_words(&mut self) -> Result<(), Failure> {
        let mut words = std::mem::take(&mut self.words).into_iter();
        if self.node_key.is_none() {
            self.node_key = words.next();
        }
        for amount in [&mut self.local_amt, &mut self.push_amt] {
            if amount.is_none() {
                *amount = words.next().map(|word| satoshi(&word)).transpose()?;
            }
        }
        if let Some(word) = words.next() {
            return Err(usage(&format!("{word:?} is one word too many")));
        }
        let address = self.node_key.as_deref().and_then(|peer| peer.split_once('@'));
        if let Some((node_key, host)) = address.map(|(key, host)| (key.to_owned(), host.to_owned()))
        {
            self.node_key = Some(node_key);
            self.connect.get_or_insert(host);
        }
        Ok(())
    }

    fn message(&self) -> Result<OpenChannelRequest, Failure> {
        let peer = self.node_key.as_deref().ok_or_else(|| usage("say to whom: --node_key KEY"))?;
        let amount = self.local_amt.ok_or_else(|| usage("say how much: --local_amt SAT"))?;
        let commitment_type = match self.channel_type {
            None => CommitmentType::UnknownCommitmentType,
            Some(ChannelType::Anchors) => CommitmentType::Anchors,
            Some(ChannelType::StaticRemotekey) => CommitmentType::StaticRemoteKey,
        };
        Ok(OpenChannelRequest {
            node_pubkey: node_key(peer)?.serialize().to_vec(),
            local_funding_amount: amount,
            push_sat: self.push_amt.unwrap_or_default(),
            sat_per_vbyte: self.feerate.sat_per_vbyte,
            private: self.private,
            commitment_type: commitment_type.into(),
            outpoints: self.utxo.iter().copied().map(to_coin).collect(),
            ..Default::default()
        })
    }

    fn tell(&self, session: &Session, id: &str, open: &Open) -> Result<(), Failure> {
        let point = &open.channel_point;
        if session.format.is_table() {
            let refused = open.position.as_ref().map_or("", |position| &position.refused);
            let text = match (self.wait, self.no_wait) {
                (true, _) => format!("channel {point} is open"),
                (_, true) => format!("asked for: look at it with navvy show {id}"),
                _ if !refused.is_empty() => format!(
                    "channel {point}: its funding transaction was refused, and is offered again at \
                     each block: {refused}"
                ),
                _ => format!("channel {point} is pending: look at it with navvy show {id}"),
            };
            return output::print_line(&text);
        }
        let funding_txid = point.split(':').next().unwrap_or_default();
        if self.wait {
            let json = json!({
                "event": "open", "funding_txid": funding_txid, "channel_point": point, "request_id": id,
            });
            return output::print(&format!("{json}\n"));
        }
        let json = if self.no_wait {
            json!({"request_id": id})
        } else {
            json!({"funding_txid": funding_txid, "channel_point": point, "request_id": id})
        };
        output::print(&format!("{json:#}\n"))
    }
}

fn satoshi(word: &str) -> Result<i64, Failure> {
    word.parse().map_err(|_| usage(&format!("{word:?} is no amount in satoshi")))
}

fn usage(text: &str) -> Failure {
    Failure::new(Exit::Usage, text)
}

/// A name that nobody gave.
fn drawn_name() -> String {
    let mut bytes = [0; 8];
    node::Entropy::fill(&mut entropy::System, &mut bytes);
    super::message_json::hex(&bytes)
}
