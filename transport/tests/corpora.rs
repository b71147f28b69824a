//! The checks of the fuzz targets: their corpora replayed, and random bytes.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::{fs, path::Path};

use proptest::prelude::*;

#[path = "../../fuzz/src/transport_acts.rs"]
mod transport_acts;
#[path = "../../fuzz/src/transport_decoder.rs"]
mod transport_decoder;
#[path = "../../fuzz/src/transport_session.rs"]
mod transport_session;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inputs: Vec<_> = entries.map(|path| fs::read(path).unwrap()).collect();
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    inputs.iter().for_each(|bytes| check(bytes));
}

#[test]
fn corpus_of_transport_acts() {
    replay("transport_acts", transport_acts::check);
}

#[test]
fn corpus_of_transport_decoder() {
    replay("transport_decoder", transport_decoder::check);
}

#[test]
fn corpus_of_transport_session() {
    replay("transport_session", transport_session::check);
}

proptest! {
    #[test]
    fn any_bytes_as_acts(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
        transport_acts::check(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_to_the_decoder(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        tail in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        transport_decoder::check(&[bytes, tail].concat());
    }

    #[test]
    fn any_steps_of_a_session(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        transport_session::check(&bytes);
    }
}
