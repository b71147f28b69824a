//! The corpora of the fuzz targets, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/wire_message.rs"]
mod wire_message;
#[path = "../../../fuzz/src/wire_tlv.rs"]
mod wire_tlv;

pub use wire_message::check as check_message;
pub use wire_tlv::check as check_tlv;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus is committed") {
        check(&fs::read(entry.expect("an entry").path()).expect("a file"));
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}

#[test]
fn corpus_of_wire_message() {
    replay("wire_message", check_message);
}

#[test]
fn corpus_of_wire_tlv() {
    replay("wire_tlv", check_tlv);
}
