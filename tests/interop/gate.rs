//! A gate in front of bitcoind's RPC. It lets everything pass until a test closes it for one call, which then
//! never arrives: navvyd can be killed between its commit and the broadcast that follows.

use crate::process::{free_port, wait_for};
use crate::proxy::runtime;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// See the file's head.
pub struct Gate {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    calls: &'static [&'static str],
    is_held: bool,
}

impl Gate {
    /// One before the RPC at this port.
    pub fn start(bitcoind: u16) -> Self {
        let port = free_port();
        let shared = Arc::<Mutex<Shared>>::default();
        let listener = runtime()
            .block_on(TcpListener::bind(("127.0.0.1", port)))
            .expect("a port for the gate");
        runtime().spawn(serve(listener, bitcoind, Arc::clone(&shared)));
        Self { port, shared }
    }

    /// The next call of one of these names does not arrive, nor do later ones.
    pub fn close(&self, calls: &'static [&'static str]) {
        *lock(&self.shared) = Shared { calls, is_held: false };
    }

    /// Waits until the call is there.
    pub fn wait_held(&self) {
        wait_for("the call at the gate", || lock(&self.shared).is_held.then_some(()));
    }

    /// Everything passes again; what was held is lost.
    pub fn open(&self) {
        *lock(&self.shared) = Shared::default();
    }
}

async fn serve(listener: TcpListener, bitcoind: u16, shared: Arc<Mutex<Shared>>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(session(socket, bitcoind, Arc::clone(&shared)));
    }
}

async fn session(socket: TcpStream, bitcoind: u16, shared: Arc<Mutex<Shared>>) -> Option<()> {
    let (mut from_client, mut to_client) = socket.into_split();
    let bitcoind = TcpStream::connect(("127.0.0.1", bitcoind)).await.ok()?;
    let (mut from_bitcoind, mut to_bitcoind) = bitcoind.into_split();
    let answers = tokio::io::copy(&mut from_bitcoind, &mut to_client);
    let questions = async {
        // The end of what was read before: a name may be torn by a read.
        let mut seen = Vec::new();
        let mut chunk = [0; 4_096];
        loop {
            let length = from_client.read(&mut chunk).await.unwrap_or(0);
            if length == 0 {
                return;
            }
            seen.extend_from_slice(&chunk[..length]);
            if is_stopped(&shared, &seen) {
                // Nothing of it arrives: the connection ends when the client does.
                while from_client.read(&mut chunk).await.unwrap_or(0) > 0 {}
                return;
            }
            if to_bitcoind.write_all(&chunk[..length]).await.is_err() {
                return;
            }
            seen.drain(..seen.len().saturating_sub(LONGEST_NAME));
        }
    };
    tokio::select! {
        _ = answers => {}
        () = questions => {}
    }
    Some(())
}

fn is_stopped(shared: &Mutex<Shared>, seen: &[u8]) -> bool {
    let mut shared = lock(shared);
    let is_there = shared.calls.iter().any(|call| {
        let name = format!("\"{call}\"");
        seen.windows(name.len()).any(|window| window == name.as_bytes())
    });
    shared.is_held |= is_there;
    is_there
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of any call.
const LONGEST_NAME: usize = 32;
