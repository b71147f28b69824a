//! A web server of fee estimates, as LND's `--fee.url` wants one: what LND thinks of fees is what a test says.

use crate::world::Wish;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running one. Its thread ends with the test's process.
pub struct FeeServer {
    port: u16,
    sat_per_vbyte: Arc<AtomicU32>,
}

impl FeeServer {
    /// Starts one with an estimate for every target.
    pub fn start(sat_per_vbyte: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let sat_per_vbyte = Arc::new(AtomicU32::new(sat_per_vbyte));
        let estimate = sat_per_vbyte.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = answer(stream, estimate.load(Ordering::SeqCst));
            }
        });
        Self { port, sat_per_vbyte }
    }

    /// From LND's next look on, which comes within two seconds.
    pub fn set(&self, sat_per_vbyte: u32) {
        self.sat_per_vbyte.store(sat_per_vbyte, Ordering::SeqCst);
    }

    /// A world with an LND that asks it.
    pub fn wish(&self) -> Wish {
        let url = format!("--fee.url=http://127.0.0.1:{}/fees", self.port);
        // As long as the process, like all options.
        let options = [url.leak(), "--fee.min-update-timeout=1s", "--fee.max-update-timeout=2s"];
        Wish { peer_options: Vec::from(options).leak(), ..Wish::default() }
    }
}

fn answer(mut stream: TcpStream, sat_per_vbyte: u32) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.extend(byte);
    }
    let sat_per_kvb = u64::from(sat_per_vbyte) * 1_000;
    let body =
        format!("{{\"fee_by_block_target\":{{\"1\":{sat_per_kvb}}},\"min_relay_feerate\":1000}}");
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
