//! Types and services out of the `.proto` files, without the program `protoc`.

use prost::Message;
use std::path::PathBuf;

const FILES: [&str; 4] =
    ["proto/lightning.proto", "proto/state.proto", "proto/version.proto", "proto/navvy.proto"];

#[allow(clippy::disallowed_methods)] // cargo says in no other way where the files go
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // The same order each time, so that two runs print the same.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
