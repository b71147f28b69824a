//! `init`, type 16, both ways, the first message of a connection (BOLT 1).

use bitcoin::constants::ChainHash;

use crate::codec::{Reader, Writer};
use crate::tlv::{self, Known};
use crate::{DecodeError, DecodeReason, Features};

/// `init` (BOLT 1): what the sender can do, and must be able to rely on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// `globalfeatures` and `features`, together.
    pub features: Features,
    /// TLV 1: the chains the sender serves.
    pub networks: Option<Vec<ChainHash>>,
    /// TLV 3: our address as the sender sees it, undecoded.
    pub remote_address: Option<Vec<u8>>,
}

impl Init {
    /// The number of the type.
    pub const TYPE: u16 = 16;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        // Bits above 13 may not stand in `globalfeatures`, and the others need not: it stays empty.
        writer.u16_bytes(&[]);
        writer.u16_bytes(&self.features.to_be_bytes());
        if let Some(networks) = &self.networks {
            let value: Vec<u8> = networks.iter().flat_map(|chain| *chain.as_bytes()).collect();
            writer.tlv(NETWORKS, &value);
        }
        if let Some(address) = &self.remote_address {
            writer.tlv(REMOTE_ADDR, address);
        }
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read; an even feature bit above 65,535.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("init", payload);
        let globalfeatures = read_features(&mut reader, "globalfeatures")?;
        // Both maps are read as one.
        let features = read_features(&mut reader, "features")?.union(&globalfeatures);
        let mut networks = None;
        let mut remote_address = None;
        tlv::read(reader, |tlv_type, value| {
            match tlv_type {
                NETWORKS => {
                    let mut chains = Vec::new();
                    while !value.is_empty() {
                        chains.push(value.chain_hash("networks")?);
                    }
                    networks = Some(chains);
                }
                REMOTE_ADDR => remote_address = Some(value.rest().to_vec()),
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        Ok(Self { features, networks, remote_address })
    }
}

fn read_features(reader: &mut Reader<'_>, field: &'static str) -> Result<Features, DecodeError> {
    let start = reader.offset();
    let bytes = reader.u16_bytes(field)?;
    Features::from_be_bytes(bytes)
        .ok_or_else(|| reader.error_at(start, field, DecodeReason::FeatureBitTooLarge))
}

const NETWORKS: u64 = 1;
const REMOTE_ADDR: u64 = 3;
