//! A man in the middle between navvyd and its peer. It ends BOLT 8 on both sides with a key of its own, so that
//! each side takes it for the other: it sees every message, and stops the traffic at exactly the one that a test
//! names. What a v1 open signs holds no node id (only announcements do), so nobody notices.

use crate::process::{free_port, wait_for};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::secp256k1::{PublicKey, SecretKey};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use transport::{Deadlines, NodeKey, Reader, Writer};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// navvyd.
    Navvyd,
    /// The real peer.
    Peer,
}

impl Side {
    /// The one across.
    pub const fn other(self) -> Self {
        match self {
            Self::Navvyd => Self::Peer,
            Self::Peer => Self::Navvyd,
        }
    }
}

/// See the file's head.
pub struct Proxy {
    /// As whom each side knows the other.
    pub node_id: String,
    /// Where navvyd finds the peer.
    pub for_navvyd: String,
    /// Where the peer finds navvyd.
    pub for_peer: String,
    control: watch::Sender<Control>,
    shared: Arc<Shared>,
}

/// One end: its node id and where it listens.
#[derive(Clone, Debug)]
pub struct End {
    /// Its node id.
    pub node_id: String,
    /// Where it listens.
    pub address: String,
}

impl Proxy {
    /// One with a fresh key, which lets everything pass.
    pub fn start(navvyd: &End, peer: &End) -> Self {
        let secret = fresh_secret("node");
        let node_id = NodeKey::new(secret).public_key().to_string();
        let (control, watched) =
            watch::channel(Control { up: true, session: 0, hold: None, forged: None });
        let shared = Arc::new(Shared::default());
        let listen = |from: Side, to: &End| {
            let port = free_port();
            let line = Line {
                secret,
                from,
                to: to.clone(),
                control: watched.clone(),
                shared: Arc::clone(&shared),
            };
            let listener = runtime()
                .block_on(TcpListener::bind(("127.0.0.1", port)))
                .expect("a port for the proxy");
            runtime().spawn(line.serve(listener));
            format!("127.0.0.1:{port}")
        };
        let for_navvyd = listen(Side::Navvyd, peer);
        let for_peer = listen(Side::Peer, navvyd);
        Self { node_id, for_navvyd, for_peer, control, shared }
    }

    /// The next message of this type from this side goes no further, nor does what that side sends after it.
    pub fn hold(&self, from: Side, message: u16) {
        self.shared.lock().is_held = false;
        self.control.send_modify(|control| control.hold = Some((from, message)));
    }

    /// Waits until the message is there.
    pub fn wait_held(&self) {
        let what = match self.control.borrow().hold {
            Some((from, message)) => format!("{from} to send {}", name(message)),
            None => "nothing".to_owned(),
        };
        wait_for(&what, || self.shared.lock().is_held.then_some(()));
    }

    /// Both connections end, what is held is lost, and nobody gets through.
    pub fn cut(&self) {
        self.control.send_modify(|control| {
            let session = control.session + 1;
            *control = Control { up: false, session, hold: None, forged: None };
        });
    }

    /// Until the next cut the peer's `channel_reestablish` says that we revoked so many commitments, with this secret.
    pub fn forge(&self, numbers: (u64, [u8; 32])) {
        self.control.send_modify(|control| control.forged = Some(numbers));
    }

    /// From now on they get through again. Only what is said after this is in [`Proxy::said`].
    pub fn mend(&self) {
        self.shared.lock().said.clear();
        self.control.send_modify(|control| control.up = true);
    }

    /// The messages that this side sent, without those that say nothing about a channel.
    pub fn said(&self, from: Side) -> Vec<&'static str> {
        let shared = self.shared.lock();
        let said = shared.said.iter().filter(|(side, _)| *side == from);
        said.map(|(_, message)| name(*message)).filter(|name| *name != "other").collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Navvyd => "navvyd",
            Self::Peer => "peer",
        })
    }
}

#[derive(Clone, Debug)]
struct Control {
    up: bool,
    /// Counts cuts: a connection that is older than the last one has to end.
    session: u64,
    hold: Option<(Side, u16)>,
    /// What the peer's `channel_reestablish` says instead of the truth: `next_revocation_number` and its secret.
    forged: Option<(u64, [u8; 32])>,
}

#[derive(Default)]
struct Shared(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    is_held: bool,
    said: Vec<(Side, u16)>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place where one side connects to get to the other.
struct Line {
    secret: SecretKey,
    from: Side,
    to: End,
    control: watch::Receiver<Control>,
    shared: Arc<Shared>,
}

impl Line {
    async fn serve(self, listener: TcpListener) {
        let line = Arc::new(self);
        let mut control = line.control.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((socket, _)) = accepted else { return };
                    if line.control.borrow().up {
                        tokio::spawn(Arc::clone(&line).session(socket));
                    }
                }
                // The proxy itself is gone.
                changed = control.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn session(self: Arc<Self>, socket: TcpStream) -> Option<()> {
        let mut control = self.control.clone();
        let session = control.borrow().session;
        let key = NodeKey::new(self.secret);
        let deadlines = Deadlines::DEFAULT;
        let caller = transport::accept_tcp(socket, &key, fresh_secret("ephemeral"), &deadlines)
            .await
            .ok()?;
        let socket = TcpStream::connect(&self.to.address).await.ok()?;
        let to: PublicKey = self.to.node_id.parse().ok()?;
        let ephemeral = fresh_secret("ephemeral");
        let called =
            transport::connect_tcp(socket, &key, ephemeral, to, &[], &deadlines).await.ok()?;
        let other = self.from.other();
        let ended = async {
            while control.borrow_and_update().session == session {
                if control.changed().await.is_err() {
                    break;
                }
            }
        };
        let ((from_a, to_a), (from_b, to_b)) = (caller.into_split(), called.into_split());
        tokio::select! {
            () = self.pump(self.from, from_a, to_b) => {}
            () = self.pump(other, from_b, to_a) => {}
            () = ended => {}
        }
        self.shared.lock().is_held = false;
        Some(())
    }

    /// Hands on what this side says, until it is held or over.
    async fn pump<R, W>(&self, side: Side, mut reader: Reader<R>, mut writer: Writer<W>)
    where
        R: tokio::io::AsyncRead + Unpin,
        W: tokio::io::AsyncWrite + Unpin,
    {
        let deadlines = Deadlines::DEFAULT;
        let mut control = self.control.clone();
        while let Ok(Some(message)) = transport::receive(&mut reader, &deadlines).await {
            let number = u16::from_be_bytes([message[0], message[1]]);
            let is_wanted = control.borrow_and_update().hold == Some((side, number));
            if is_wanted {
                self.shared.lock().is_held = true;
                // What follows is lost too, until the cut or the end of the sender.
                while let Ok(Some(_)) = transport::receive(&mut reader, &deadlines).await {}
                return;
            }
            self.shared.lock().said.push((side, number));
            let mut message = message.to_vec();
            let forged = control.borrow().forged;
            if let (Side::Peer, REESTABLISH, Some((revoked, secret))) = (side, number, forged) {
                message[42..50].copy_from_slice(&revoked.to_be_bytes());
                message[50..82].copy_from_slice(&secret);
            }
            if transport::send(&mut writer, [message], &deadlines).await.is_err() {
                return;
            }
        }
    }
}

/// Where everything between the processes runs.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime")
    })
}

/// Never the same twice in one process, and secret from nobody.
fn fresh_secret(what: &str) -> SecretKey {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = std::process::id();
    let digest = sha256::Hash::hash(format!("{what} {number} {id}").as_bytes());
    SecretKey::from_slice(digest.as_byte_array()).expect("a secret key")
}

/// The name of a message that says something about a channel; `other` for the rest.
pub fn name(message: u16) -> &'static str {
    NAMES.iter().find(|(number, _)| *number == message).map_or("other", |(_, name)| name)
}

/// The number of a message.
pub fn number(message: &str) -> u16 {
    let found = NAMES.iter().find(|(_, name)| *name == message);
    found.unwrap_or_else(|| panic!("{message} is no message")).0
}

/// `channel_reestablish`.
const REESTABLISH: u16 = 136;
const NAMES: &[(u16, &str)] = &[
    (16, "init"),
    (17, "error"),
    (32, "open_channel"),
    (33, "accept_channel"),
    (34, "funding_created"),
    (35, "funding_signed"),
    (36, "channel_ready"),
    (38, "shutdown"),
    (39, "closing_signed"),
    (136, "channel_reestablish"),
    (259, "announcement_signatures"),
];
