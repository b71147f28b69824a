//! Writes what the fuzz targets start from into a folder: `seeds FOLDER`.

use std::path::Path;
use std::{env, fs, io};

use wire::codec::Writer;

#[path = "../../wire/tests/wire/samples.rs"]
mod samples;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    let folder = Path::new(&folder);
    let messages = samples::full().into_iter().chain(samples::spare());
    for (number, message) in messages.enumerate() {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        write(folder, "wire_message", &format!("{number}-{}", message.name()), &bytes)?;
    }
    write(folder, "wire_tlv", "stream", &stream())
}

/// A record of each type that the target knows, and one that it skips.
fn stream() -> Vec<u8> {
    let values: [&[u8]; 12] = [
        &[0x51],
        &[1, 0],
        &[0, 0, 1, 0, 0, 2, 0, 3],
        &samples::point(1).serialize(),
        &samples::signature(1).serialize_compact(),
        &1_000_u64.to_be_bytes(),
        &[1, 7],
        &[0, 2, 7, 7],
        &[1, 0, 0],
        &[1],
        &[0xff; 8],
        &[],
    ];
    let mut stream = Vec::new();
    let mut writer = Writer::new(&mut stream);
    for (tlv_type, value) in (0..).zip(values) {
        writer.tlv(tlv_type, value);
    }
    writer.tlv(0x1_0001, &[1, 2, 3]);
    stream
}

fn write(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
