//! The node in one line.

use node::InfoView;

/// The node in one line, for `systemctl status`.
pub fn status(info: &InfoView) -> String {
    let height = info.height.0;
    let chain = match (&info.chain_problem, info.synced) {
        (Some(problem), _) => format!("block {height}, no news of the chain: {problem}"),
        (None, false) => format!("block {height} of {}, catching up", info.end_height.0),
        (None, true) => format!("block {height}, synced"),
    };
    let count = |number: usize, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    format!(
        "{chain}; {} pending, {} open, {}",
        count(info.pending, "open", "opens"),
        count(info.open, "channel", "channels"),
        count(info.peers, "peer", "peers"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash as _;
    use bitcoin::{BlockHash, Network};

    #[test]
    fn the_line_says_how_chain_and_opens_are() {
        let key = secp256k1::SecretKey::from_slice(&[1; 32]).unwrap();
        let mut info = InfoView {
            node_id: key.public_key(secp256k1::SECP256K1),
            network: Network::Regtest,
            height: transactions::Height(812),
            block_hash: BlockHash::all_zeros(),
            block_time: 0,
            features: wire::Features::default(),
            fee_normal: transactions::FeeratePerKw(500),
            fee_fast: transactions::FeeratePerKw(1_000),
            end_height: transactions::Height(900),
            synced: true,
            chain_problem: None,
            chain_problem_since: None,
            peers: 2,
            pending: 1,
            open: 0,
        };
        assert_eq!(status(&info), "block 812, synced; 1 open pending, 0 channels open, 2 peers");
        info.synced = false;
        assert!(status(&info).starts_with("block 812 of 900, catching up; "));
        info.chain_problem = Some("bitcoind is away".to_owned());
        assert!(status(&info).starts_with("block 812, no news of the chain: bitcoind is away; "));
    }
}
