//! A funding output, as it is written in arguments and as it is in messages.

use bitcoin::OutPoint;
use bitcoin::hashes::Hash;
use rpc::proto::lnrpc;
use rpc::proto::lnrpc::channel_point::FundingTxid;

/// For a request.
pub fn to_message(outpoint: OutPoint) -> lnrpc::ChannelPoint {
    lnrpc::ChannelPoint {
        funding_txid: Some(FundingTxid::FundingTxidStr(outpoint.txid.to_string())),
        output_index: outpoint.vout,
    }
}

/// For a coin in a request.
pub fn to_coin(outpoint: OutPoint) -> lnrpc::OutPoint {
    lnrpc::OutPoint {
        txid_bytes: outpoint.txid.to_byte_array().to_vec(),
        txid_str: outpoint.txid.to_string(),
        output_index: outpoint.vout,
    }
}

/// Reads `txid:index`, and says what is wrong with it.
///
/// # Errors
/// A sentence for people.
pub fn parse(text: &str) -> Result<OutPoint, String> {
    text.parse().map_err(|error| format!("{error}: write TXID:INDEX"))
}
