//! Two of LDK's `PeerManager`s, joined in memory. Its encryptor is private, so what LDK needs for BOLT 8 is
//! measured with what always comes with it: the queue of a peer, framing, and for the handshake both `init`s.

use bitcoin::secp256k1::PublicKey;
use lightning::io;
use lightning::ln::msgs::{DecodeError, Init, LightningError};
use lightning::ln::peer_handler::{
    CustomMessageHandler, ErroringMessageHandler, IgnoringMessageHandler, MessageHandler,
    PeerManager, SocketDescriptor,
};
use lightning::ln::wire::{CustomMessageReader, Type};
use lightning::sign::{KeysManager, NodeSigner, Recipient};
use lightning::types::features::{InitFeatures, NodeFeatures};
use lightning::util::logger::{Logger, Record};
use lightning::util::ser::{LengthLimitedRead, Writeable, Writer};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

type Manager = PeerManager<
    Wire,
    Arc<ErroringMessageHandler>,
    Arc<IgnoringMessageHandler>,
    Arc<IgnoringMessageHandler>,
    Arc<Silence>,
    Arc<Texts>,
    Arc<KeysManager>,
    Arc<IgnoringMessageHandler>,
>;

/// Two sides, and what is on its way from each.
pub struct Pair {
    sides: [Side; 2],
    numbers: AtomicU64,
}

struct Side {
    manager: Manager,
    texts: Arc<Texts>,
    node_id: PublicKey,
}

/// A connection of a pair.
pub struct Connection {
    wires: [Wire; 2],
}

impl Pair {
    /// Two nodes with keys of their own.
    pub fn new() -> Self {
        Self { sides: [side(1), side(2)], numbers: AtomicU64::new(0) }
    }

    /// A whole handshake and both `init`s.
    pub fn connect(&self) -> Connection {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let wires = [(); 2].map(|()| Wire { number, bytes: Arc::default() });
        let [dialler, listener] = &self.sides;
        listener.manager.new_inbound_connection(wires[1].clone(), None).unwrap();
        let node_id = listener.node_id;
        let act_one =
            dialler.manager.new_outbound_connection(node_id, wires[0].clone(), None).unwrap();
        wires[0].clone().send_data(&act_one, true);
        let connection = Connection { wires };
        while self.exchange(&connection) {}
        assert!(self.sides.iter().all(|side| side.manager.list_peers().len() == 1));
        connection
    }

    /// Ends it on both sides.
    pub fn disconnect(&self, connection: &Connection) {
        for (side, wire) in self.sides.iter().zip(&connection.wires) {
            side.manager.socket_disconnected(wire);
        }
    }

    /// Sends so many messages of this many bytes from one side to the other, which reads them.
    pub fn send(&self, connection: &Connection, count: usize, bytes: usize) {
        let [sender, receiver] = &self.sides;
        let before = receiver.texts.received.load(Ordering::Relaxed);
        let message = Text(vec![7; bytes - 2]);
        let messages = (0..count).map(|_| (receiver.node_id, message.clone()));
        sender.texts.waiting.lock().unwrap().extend(messages);
        while self.exchange(connection) {}
        assert_eq!(receiver.texts.received.load(Ordering::Relaxed) - before, count);
    }

    /// Lets each side send what it has, and the other read it. Whether there was anything.
    fn exchange(&self, connection: &Connection) -> bool {
        let mut moved = false;
        for from in [0, 1] {
            self.sides[from].manager.process_events();
            let bytes = std::mem::take(&mut *connection.wires[from].bytes.lock().unwrap());
            let mut to = connection.wires[1 - from].clone();
            for part in bytes.chunks(4_096) {
                self.sides[1 - from].manager.read_event(&mut to, part).unwrap();
                moved = true;
            }
        }
        moved
    }
}

fn side(seed: u8) -> Side {
    let keys = Arc::new(KeysManager::new(&[seed; 32], 1, 1, true));
    let node_id = keys.get_node_id(Recipient::Node).unwrap();
    let texts = Arc::new(Texts::default());
    let handler = MessageHandler {
        chan_handler: Arc::new(ErroringMessageHandler::new()),
        route_handler: Arc::new(IgnoringMessageHandler {}),
        onion_message_handler: Arc::new(IgnoringMessageHandler {}),
        custom_message_handler: Arc::clone(&texts),
        send_only_message_handler: Arc::new(IgnoringMessageHandler {}),
    };
    let manager = PeerManager::new(handler, 1, &[seed; 32], Arc::new(Silence), keys);
    Side { manager, texts, node_id }
}

/// What one side has written.
#[derive(Clone)]
struct Wire {
    number: u64,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl PartialEq for Wire {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Wire {}

impl Hash for Wire {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl SocketDescriptor for Wire {
    fn send_data(&mut self, data: &[u8], _continue_read: bool) -> usize {
        self.bytes.lock().unwrap().extend_from_slice(data);
        data.len()
    }

    fn disconnect_socket(&mut self) {}
}

/// A message without meaning.
#[derive(Clone, Debug)]
struct Text(Vec<u8>);

impl Type for Text {
    fn type_id(&self) -> u16 {
        TYPE
    }
}

impl Writeable for Text {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        writer.write_all(&self.0)
    }
}

#[derive(Default)]
struct Texts {
    waiting: Mutex<Vec<(PublicKey, Text)>>,
    received: AtomicUsize,
}

impl CustomMessageReader for Texts {
    type CustomMessage = Text;

    fn read<R: LengthLimitedRead>(
        &self,
        message_type: u16,
        buffer: &mut R,
    ) -> Result<Option<Text>, DecodeError> {
        if message_type != TYPE {
            return Ok(None);
        }
        let mut bytes = vec![0; buffer.remaining_bytes() as usize];
        io::Read::read_exact(buffer, &mut bytes).map_err(|_| DecodeError::ShortRead)?;
        Ok(Some(Text(bytes)))
    }
}

impl CustomMessageHandler for Texts {
    fn handle_custom_message(&self, _: Text, _: PublicKey) -> Result<(), LightningError> {
        self.received.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn get_and_clear_pending_msg(&self) -> Vec<(PublicKey, Text)> {
        std::mem::take(&mut self.waiting.lock().unwrap())
    }

    fn peer_disconnected(&self, _: PublicKey) {}

    fn peer_connected(&self, _: PublicKey, _: &Init, _: bool) -> Result<(), ()> {
        Ok(())
    }

    fn provided_node_features(&self) -> NodeFeatures {
        NodeFeatures::empty()
    }

    fn provided_init_features(&self, _: PublicKey) -> InitFeatures {
        InitFeatures::empty()
    }
}

struct Silence;

impl Logger for Silence {
    fn log(&self, _: Record<'_>) {}
}

const TYPE: u16 = 32_769;
