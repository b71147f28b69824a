//! Fields of requests, read or refused with a line that names them.

use crate::proto::lnrpc;
use crate::refusal::malformed;
use bitcoin::address::NetworkUnchecked;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::FromHex as _;
use bitcoin::{Address, Amount, Network, OutPoint, ScriptBuf, Txid};
use node::{FeeratePerKw, KeysId};
use secp256k1::PublicKey;
use tonic::Status;

/// A node id of 66 hex digits.
pub(crate) fn node_id(field: &str, text: &str) -> Result<PublicKey, Status> {
    if text.is_empty() {
        return Err(malformed(field, "a node id is missing: 66 hex digits"));
    }
    if text.len() != 66 {
        let length = text.len();
        return Err(malformed(
            field,
            format!("a node id has 66 hex digits, this has {length} bytes"),
        ));
    }
    text.parse().map_err(|_| malformed(field, "these 66 characters are no node id"))
}

/// A node id of 33 bytes.
pub(crate) fn node_id_bytes(field: &str, bytes: &[u8]) -> Result<PublicKey, Status> {
    if bytes.len() != 33 {
        let length = bytes.len();
        return Err(malformed(field, format!("a node id has 33 bytes, this has {length}")));
    }
    PublicKey::from_slice(bytes).map_err(|_| malformed(field, "these 33 bytes are no node id"))
}

/// An amount of satoshis that is not negative.
pub(crate) fn amount(field: &str, satoshis: i64) -> Result<Amount, Status> {
    let satoshis = u64::try_from(satoshis)
        .map_err(|_| malformed(field, format!("{satoshis} sat is negative")))?;
    let amount = Amount::from_sat(satoshis);
    if amount > Amount::MAX_MONEY {
        return Err(malformed(field, format!("{satoshis} sat is more than there will ever be")));
    }
    Ok(amount)
}

/// `txid:output_index`.
pub(crate) fn outpoint_text(field: &str, text: &str) -> Result<OutPoint, Status> {
    text.parse().map_err(|error| {
        malformed(field, format!("{text:?} is not of the form txid:output_index ({error})"))
    })
}

/// 32 hex digits.
pub(crate) fn keys_id(field: &str, text: &str) -> Result<KeysId, Status> {
    let bytes = <[u8; 16]>::from_hex(text);
    bytes.map(KeysId).map_err(|_| malformed(field, "it has 32 hex digits"))
}

/// A txid in the order of the wire.
pub(crate) fn txid_bytes(field: &str, bytes: &[u8]) -> Result<Txid, Status> {
    Txid::from_slice(bytes).map_err(|_| {
        let length = bytes.len();
        malformed(field, format!("a txid has 32 bytes, this has {length}"))
    })
}

/// A txid as people write it.
fn txid_text(field: &str, text: &str) -> Result<Txid, Status> {
    text.parse().map_err(|_| malformed(field, format!("{text:?} is not a txid of 64 hex digits")))
}

/// LND's two ways to name a coin.
pub(crate) fn coin(field: &str, outpoint: &lnrpc::OutPoint) -> Result<OutPoint, Status> {
    let vout = outpoint.output_index;
    let (bytes, text) = (&outpoint.txid_bytes, &outpoint.txid_str);
    let txid = match (bytes.is_empty(), text.is_empty()) {
        (true, true) => return Err(malformed(field, "a txid is missing")),
        (false, true) => txid_bytes(field, bytes)?,
        (true, false) => txid_text(field, text)?,
        (false, false) => {
            let txid = txid_bytes(field, bytes)?;
            if txid != txid_text(field, text)? {
                return Err(malformed(field, "txid_bytes and txid_str name two transactions"));
            }
            txid
        }
    };
    Ok(OutPoint { txid, vout })
}

/// LND's two ways to name a channel.
pub(crate) fn channel_point(
    field: &str,
    point: Option<&lnrpc::ChannelPoint>,
) -> Result<OutPoint, Status> {
    use lnrpc::channel_point::FundingTxid;
    let point = point.ok_or_else(|| malformed(field, "it is missing"))?;
    let txid = match &point.funding_txid {
        None => return Err(malformed(field, "the funding txid is missing")),
        Some(FundingTxid::FundingTxidBytes(bytes)) => txid_bytes(field, bytes)?,
        Some(FundingTxid::FundingTxidStr(text)) => txid_text(field, text)?,
    };
    Ok(OutPoint { txid, vout: point.output_index })
}

/// An address of this network.
pub(crate) fn address(field: &str, text: &str, network: Network) -> Result<Address, Status> {
    if text.is_empty() {
        return Err(malformed(field, "an address is missing"));
    }
    let address: Address<NetworkUnchecked> =
        text.parse().map_err(|error| malformed(field, format!("{text:?}: {error}")))?;
    address
        .require_network(network)
        .map_err(|_| malformed(field, format!("{text:?} is not an address of {network}")))
}

/// What an address stands for.
pub(crate) fn script(field: &str, text: &str, network: Network) -> Result<ScriptBuf, Status> {
    address(field, text, network).map(|address| address.script_pubkey())
}

/// A feerate as LND's requests say it, old and new.
pub(crate) struct FeeFields {
    pub(crate) sat_per_vbyte: u64,
    pub(crate) sat_per_byte: i64,
    pub(crate) target_conf: i32,
}

/// What is wanted for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FeeWish {
    /// The estimate for 6 blocks.
    Normal,
    /// The estimate for 2 blocks.
    Fast,
    /// So much.
    Exactly(FeeratePerKw),
}

impl FeeFields {
    pub(crate) fn wish(&self) -> Result<FeeWish, Status> {
        let old = u64::try_from(self.sat_per_byte)
            .map_err(|_| malformed("sat_per_byte", "it is negative"))?;
        let ((0, per_vbyte) | (per_vbyte, 0)) = (self.sat_per_vbyte, old) else {
            let what = "it is the old name of sat_per_vbyte: set only one of the two";
            return Err(malformed("sat_per_byte", what));
        };
        match (per_vbyte, self.target_conf) {
            (0, target) if target < 0 => Err(malformed("target_conf", "it is negative")),
            (0, 1..=5) => Ok(FeeWish::Fast),
            (0, _) => Ok(FeeWish::Normal),
            (rate, 0) => feerate("sat_per_vbyte", rate).map(FeeWish::Exactly),
            (_, _) => Err(malformed(
                "target_conf",
                "either target_conf or sat_per_vbyte can be set, but not both",
            )),
        }
    }
}

/// Satoshis per virtual byte, to per 1,000 weight units. A virtual byte is 4 weight units.
pub(crate) fn feerate(field: &str, sat_per_vbyte: u64) -> Result<FeeratePerKw, Status> {
    let per_kw = sat_per_vbyte.checked_mul(250).and_then(|rate| u32::try_from(rate).ok());
    match per_kw {
        Some(rate) if sat_per_vbyte <= HIGHEST_FEERATE => Ok(FeeratePerKw(rate)),
        _ => Err(malformed(
            field,
            format!("{sat_per_vbyte} sat/vbyte is beyond reason: the limit is {HIGHEST_FEERATE}"),
        )),
    }
}

/// The wallet has one account.
pub(crate) fn account(name: &str) -> Result<(), Status> {
    match name {
        "" | "default" => Ok(()),
        _ => Err(Status::not_found(format!(
            "account {name:?} not found: the only account of this wallet is \"default\""
        ))),
    }
}

/// Like the highest that wallets let pass, in satoshi per virtual byte.
const HIGHEST_FEERATE: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: std::fmt::Debug>(result: Result<T, Status>, words: &str) {
        let status = result.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(status.message().contains(words), "{:?} does not say {words:?}", status.message());
    }

    const KEY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

    #[test]
    fn node_ids_are_read_or_refused_by_name() {
        assert_eq!(node_id("pubkey", KEY).unwrap().to_string(), KEY);
        refused(node_id("pubkey", ""), "pubkey: a node id is missing");
        refused(node_id("pubkey", &KEY[2..]), "64 bytes");
        refused(node_id("pubkey", &KEY.replace('7', "z")), "no node id");
        refused(node_id("pubkey", &"é".repeat(33)), "no node id");
        refused(node_id_bytes("node_pubkey", &[2; 32]), "this has 32");
        refused(node_id_bytes("node_pubkey", &[0xff; 33]), "no node id");
    }

    #[test]
    fn amounts_are_read_or_refused_by_name() {
        assert_eq!(amount("amount", 5).unwrap(), Amount::from_sat(5));
        refused(amount("amount", -1), "negative");
        refused(amount("amount", i64::MAX), "more than there will ever be");
    }

    #[test]
    fn channel_points_are_read_or_refused_by_name() {
        use lnrpc::channel_point::FundingTxid;
        let point = |funding_txid| lnrpc::ChannelPoint { funding_txid, output_index: 1 };
        let bytes: Vec<u8> = (0..32).collect();
        let one = point(Some(FundingTxid::FundingTxidBytes(bytes.clone())));
        let text = Txid::from_slice(&bytes).unwrap().to_string();
        assert!(text.starts_with("1f1e"), "people write it backwards: {text}");
        let other = point(Some(FundingTxid::FundingTxidStr(text.clone())));
        let read = |point: &lnrpc::ChannelPoint| channel_point("channel_point", Some(point));
        assert_eq!(read(&one).unwrap(), read(&other).unwrap());
        refused(channel_point("channel_point", None), "missing");
        refused(read(&point(None)), "missing");
        refused(read(&point(Some(FundingTxid::FundingTxidBytes(vec![1; 31])))), "this has 31");
        refused(read(&point(Some(FundingTxid::FundingTxidStr("zz".to_owned())))), "64 hex digits");
        refused(outpoint_text("channel_point", "garbage"), "txid:output_index");
        refused(outpoint_text("channel_point", &format!("{text}:x")), "txid:output_index");
    }

    #[test]
    fn fees_are_read_or_refused_by_name() {
        let fees = |sat_per_vbyte, sat_per_byte, target_conf| {
            FeeFields { sat_per_vbyte, sat_per_byte, target_conf }.wish()
        };
        assert_eq!(fees(0, 0, 0).unwrap(), FeeWish::Normal);
        assert_eq!(fees(0, 0, 2).unwrap(), FeeWish::Fast);
        assert_eq!(fees(0, 0, 144).unwrap(), FeeWish::Normal);
        assert_eq!(fees(2, 0, 0).unwrap(), FeeWish::Exactly(FeeratePerKw(500)));
        assert_eq!(fees(0, 2, 0).unwrap(), FeeWish::Exactly(FeeratePerKw(500)));
        refused(fees(1, 1, 0), "only one of the two");
        refused(fees(1, 0, 6), "not both");
        refused(fees(0, -1, 0), "negative");
        refused(fees(0, 0, -1), "negative");
        refused(fees(u64::MAX, 0, 0), "beyond reason");
    }

    #[test]
    fn addresses_are_of_the_network() {
        let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        refused(script("addr", mainnet, Network::Regtest), "not an address of regtest");
        refused(script("addr", "", Network::Regtest), "missing");
        refused(script("addr", "nonsense", Network::Regtest), "nonsense");
    }
}
