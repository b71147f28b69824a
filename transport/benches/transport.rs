//! What BOLT 8 costs, as ratios to baselines of the same run, for the machines that it runs on are shared and
//! noisy. The method is in docs/benchmarks.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a benchmark ends at the first surprise"
)]

mod handshake;

use bytes::BytesMut;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use handshake::{curve_operations, secret_key, shaken};
use std::time::{Duration, Instant};
use tokio_util::codec::{Decoder, Encoder};
use transport::NodeKey;

fn main() {
    println!("{:<46} {:>12} {:>12} {:>8}", "work", "it", "baseline", "ratio");
    whole_handshake();
    packet();
}

fn row(work: &str, it: Duration, baseline: Duration) {
    let ratio = it.as_secs_f64() / baseline.as_secs_f64();
    println!("{work:<46} {:>12} {:>12} {ratio:>8.2}", show(it), show(baseline));
}

fn show(time: Duration) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6)
}

/// The fastest of many batches: what the machine can do when nobody disturbs it.
fn fastest(batches: usize, each: usize, mut f: impl FnMut()) -> Duration {
    (0..batches)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..each {
                f();
            }
            start.elapsed() / each as u32
        })
        .min()
        .unwrap()
}

/// Both sides of a handshake, against the curve operations that BOLT 8 cannot do without.
fn whole_handshake() {
    let [ours, theirs] = [(); 2].map(|()| NodeKey::new(secret_key()));
    let it = fastest(30, 20, || {
        shaken(&ours, &theirs);
    });
    let baseline = fastest(30, 20, curve_operations());
    row("handshake, both sides / its curve operations", it, baseline);
}

/// A message of 300 bytes sealed and opened, against the bare cipher.
fn packet() {
    let [ours, theirs] = [(); 2].map(|()| NodeKey::new(secret_key()));
    let ((mut sealer, _), (_, mut opener)) = shaken(&ours, &theirs);
    let message = [7_u8; 300];
    let mut buffer = BytesMut::with_capacity(1 << 16);
    let it = fastest(50, 2_000, || {
        sealer.encode(&message, &mut buffer).unwrap();
        assert_eq!(opener.decode(&mut buffer).unwrap().unwrap().len(), 300);
    });
    let cipher = ChaCha20Poly1305::new(&[3; 32].into());
    let nonce = [0; 12].into();
    let baseline = fastest(50, 2_000, || {
        for length in [2, 300] {
            let mut body = [7_u8; 300];
            let body = &mut body[..length];
            let tag = cipher.encrypt_inout_detached(&nonce, &[], (&mut *body).into()).unwrap();
            cipher.decrypt_inout_detached(&nonce, &[], (&mut *body).into(), &tag).unwrap();
        }
    });
    row("seal and open 300 bytes / the bare cipher", it, baseline);
}
