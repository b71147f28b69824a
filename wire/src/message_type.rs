//! The numbers and names of all message types (BOLT 1, 2, 4 and 7).

/// What is known of a type of message without reading its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageType {
    /// The number on the wire.
    pub number: u16,
    /// The name in the BOLTs.
    pub name: &'static str,
    /// Where in the payload the `channel_id` or `temporary_channel_id` begins, if it has one.
    pub channel_id_at: Option<usize>,
}

impl MessageType {
    /// The type with this number, if the BOLTs name it.
    pub fn find(number: u16) -> Option<&'static Self> {
        ALL.iter().find(|known| known.number == number)
    }

    const fn of_channel(number: u16, name: &'static str) -> Self {
        Self { number, name, channel_id_at: Some(0) }
    }

    const fn of_chain(number: u16, name: &'static str) -> Self {
        Self { number, name, channel_id_at: Some(32) }
    }

    const fn of_peer(number: u16, name: &'static str) -> Self {
        Self { number, name, channel_id_at: None }
    }
}

/// Every type that the BOLTs name, by number.
pub const ALL: [MessageType; 50] = [
    MessageType::of_channel(1, "warning"),
    MessageType::of_channel(2, "stfu"),
    MessageType::of_peer(7, "peer_storage"),
    MessageType::of_peer(9, "peer_storage_retrieval"),
    MessageType::of_peer(16, "init"),
    MessageType::of_channel(17, "error"),
    MessageType::of_peer(18, "ping"),
    MessageType::of_peer(19, "pong"),
    MessageType::of_chain(32, "open_channel"),
    MessageType::of_channel(33, "accept_channel"),
    MessageType::of_channel(34, "funding_created"),
    MessageType::of_channel(35, "funding_signed"),
    MessageType::of_channel(36, "channel_ready"),
    MessageType::of_channel(38, "shutdown"),
    MessageType::of_channel(39, "closing_signed"),
    MessageType::of_channel(40, "closing_complete"),
    MessageType::of_channel(41, "closing_sig"),
    MessageType::of_chain(64, "open_channel2"),
    MessageType::of_channel(65, "accept_channel2"),
    MessageType::of_channel(66, "tx_add_input"),
    MessageType::of_channel(67, "tx_add_output"),
    MessageType::of_channel(68, "tx_remove_input"),
    MessageType::of_channel(69, "tx_remove_output"),
    MessageType::of_channel(70, "tx_complete"),
    MessageType::of_channel(71, "tx_signatures"),
    MessageType::of_channel(72, "tx_init_rbf"),
    MessageType::of_channel(73, "tx_ack_rbf"),
    MessageType::of_channel(74, "tx_abort"),
    MessageType::of_channel(77, "splice_locked"),
    MessageType::of_channel(80, "splice_init"),
    MessageType::of_channel(81, "splice_ack"),
    MessageType::of_channel(127, "start_batch"),
    MessageType::of_channel(128, "update_add_htlc"),
    MessageType::of_channel(130, "update_fulfill_htlc"),
    MessageType::of_channel(131, "update_fail_htlc"),
    MessageType::of_channel(132, "commitment_signed"),
    MessageType::of_channel(133, "revoke_and_ack"),
    MessageType::of_channel(134, "update_fee"),
    MessageType::of_channel(135, "update_fail_malformed_htlc"),
    MessageType::of_channel(136, "channel_reestablish"),
    MessageType::of_peer(256, "channel_announcement"),
    MessageType::of_peer(257, "node_announcement"),
    MessageType::of_peer(258, "channel_update"),
    MessageType::of_channel(259, "announcement_signatures"),
    MessageType::of_peer(261, "query_short_channel_ids"),
    MessageType::of_peer(262, "reply_short_channel_ids_end"),
    MessageType::of_peer(263, "query_channel_range"),
    MessageType::of_peer(264, "reply_channel_range"),
    MessageType::of_peer(265, "gossip_timestamp_filter"),
    MessageType::of_peer(513, "onion_message"),
];
