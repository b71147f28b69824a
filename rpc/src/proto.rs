//! What build.rs makes of `proto/*.proto`: messages, clients and servers, named as in there.

/// LND's `lnrpc`: services `Lightning` and `State`.
#[allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod lnrpc {
    tonic::include_proto!("lnrpc");
}

/// LND's `verrpc`: service `Versioner`.
#[allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod verrpc {
    tonic::include_proto!("verrpc");
}

/// Our own services `Navvy` and `Regtest`.
#[allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod navvy {
    tonic::include_proto!("navvy.v1");
}

/// The files in compiled form (a `FileDescriptorSet`), with the names and types of all fields.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
