//! Two ends on loopback that talk real BOLT 8, or one end and a peer that is played by the test.

mod duplicates;
mod hostile;
mod keeping;
mod talking;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::constants::ChainHash;
use secp256k1::PublicKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use transport::{Deadlines, NodeKey, Reader, Writer};
use wire::{ChannelId, Init, Message, Warning};

use super::handle::encoded;
use super::*;
use crate::entropy;

/// One network with its inbox.
struct End {
    net: Net,
    node_id: PublicKey,
    address: SocketAddr,
    events: mpsc::Receiver<NetEvent>,
}

impl End {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: NetSettings) -> Self {
        Self::with_inbox(settings, 1_000).await
    }

    async fn with_inbox(settings: NetSettings, inbox: usize) -> Self {
        let key = key();
        let node_id = key.public_key();
        let (sender, events) = mpsc::channel(inbox);
        let net = Net::new(settings, key, Arc::new(sender), Clock::start());
        let address = net.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        Self { net, node_id, address, events }
    }

    async fn event(&mut self) -> NetEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("no event in time").unwrap()
    }

    async fn connected(&mut self) -> (ConnId, PublicKey) {
        let event = self.event().await;
        let NetEvent::Connected { conn, node_id, .. } = event else { panic!("{event:?}") };
        (conn, node_id)
    }

    async fn message(&mut self) -> Message {
        let event = self.event().await;
        let NetEvent::Message { message, .. } = event else { panic!("{event:?}") };
        message
    }

    async fn lost(&mut self) -> String {
        let event = self.event().await;
        let NetEvent::Lost { reason, .. } = event else { panic!("{event:?}") };
        reason
    }

    async fn dial_failed(&mut self) -> String {
        let event = self.event().await;
        let NetEvent::DialFailed { error, .. } = event else { panic!("{event:?}") };
        error
    }

    async fn quiet(&mut self, millis: u64) {
        let event = timeout(Duration::from_millis(millis), self.events.recv()).await;
        assert!(event.is_err(), "{event:?}");
    }

    fn send(&self, conn: ConnId, message: Message) {
        self.net.command(conn, ConnCommand::Send(message));
    }

    fn disconnect(&self, conn: ConnId) {
        self.net.command(conn, ConnCommand::Disconnect { reason: "enough".to_owned() });
    }
}

/// A peer that does what the test says and nothing else.
struct Played {
    reader: Reader<tokio::net::tcp::OwnedReadHalf>,
    writer: Writer<tokio::net::tcp::OwnedWriteHalf>,
}

impl Played {
    /// Dials, and says `init`.
    async fn dial(end: &End, key: &NodeKey) -> Self {
        let socket = TcpStream::connect(end.address).await.unwrap();
        let ephemeral = entropy::secret_key().unwrap();
        let init = encoded(&Message::Init(init()));
        let secured =
            transport::connect_tcp(socket, key, ephemeral, end.node_id, &init, &Deadlines::DEFAULT);
        Self::from(secured.await.unwrap())
    }

    /// Accepts, and says nothing.
    async fn accept(listener: &TcpListener, key: &NodeKey) -> Self {
        let (socket, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let ephemeral = entropy::secret_key().unwrap();
        let secured = transport::accept_tcp(socket, key, ephemeral, &Deadlines::DEFAULT);
        Self::from(secured.await.unwrap())
    }

    fn from(secured: transport::Connection<TcpStream>) -> Self {
        let (reader, writer) = secured.into_split();
        Self { reader, writer }
    }

    async fn send(&mut self, message: &Message) {
        self.send_all(&[encoded(message)]).await;
    }

    async fn send_all(&mut self, messages: &[Vec<u8>]) {
        transport::send(&mut self.writer, messages, &Deadlines::DEFAULT).await.unwrap();
    }

    /// The next message; `None` when the stream has ended.
    async fn read(&mut self) -> Option<Message> {
        let message = transport::receive(&mut self.reader, &Deadlines::DEFAULT);
        let message = timeout(PATIENCE, message).await.expect("no message in time");
        message.ok().flatten().map(|bytes| Message::decode(&bytes).unwrap())
    }

    async fn read_init(&mut self) -> Init {
        match self.read().await {
            Some(Message::Init(init)) => init,
            other => panic!("no init: {other:?}"),
        }
    }
}

/// Two ends, the first of which has dialled the second.
async fn pair() -> (End, ConnId, End, ConnId) {
    let (mut one, mut two) = (End::new().await, End::new().await);
    one.net.dial(two.node_id, two.address.to_string());
    let (at_one, node_id) = one.connected().await;
    assert_eq!(node_id, two.node_id);
    let (at_two, node_id) = two.connected().await;
    assert_eq!(node_id, one.node_id);
    (one, at_one, two, at_two)
}

fn settings() -> NetSettings {
    NetSettings::new(init())
}

fn init() -> Init {
    Init {
        features: peer::offered_features(),
        networks: Some(vec![ChainHash::REGTEST]),
        remote_address: None,
    }
}

fn key() -> NodeKey {
    NodeKey::new(entropy::secret_key().unwrap())
}

/// A message with this number in it.
fn numbered(number: u32) -> Message {
    sized(number, 4)
}

/// The same, of at least this size.
fn sized(number: u32, size: usize) -> Message {
    let mut data = number.to_be_bytes().to_vec();
    data.resize(size.max(4), b'.');
    Message::Warning(Warning { channel_id: ChannelId([1; 32]), data })
}

fn number_of(message: &Message) -> u32 {
    let Message::Warning(warning) = message else { panic!("no number: {message:?}") };
    u32::from_be_bytes(*warning.data.first_chunk().unwrap())
}

/// More than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
