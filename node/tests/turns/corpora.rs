//! The corpus of the fuzz target, replayed.

use std::fs;
use std::path::Path;

use crate::disk_rows::check;

#[test]
fn corpus_of_disk_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/disk_rows");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus is committed") {
        check(&fs::read(entry.expect("an entry").path()).expect("a file"));
        count += 1;
    }
    assert!(count > 0, "the corpus is empty");
}
