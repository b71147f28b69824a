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
    /// Every type that the BOLTs name, by number.
    pub const ALL: [Self; 50] = [
        Self::of_channel(1, "warning"),
        Self::of_channel(2, "stfu"),
        Self::of_peer(7, "peer_storage"),
        Self::of_peer(9, "peer_storage_retrieval"),
        Self::of_peer(16, "init"),
        Self::of_channel(17, "error"),
        Self::of_peer(18, "ping"),
        Self::of_peer(19, "pong"),
        Self::of_chain(32, "open_channel"),
        Self::of_channel(33, "accept_channel"),
        Self::of_channel(34, "funding_created"),
        Self::of_channel(35, "funding_signed"),
        Self::of_channel(36, "channel_ready"),
        Self::of_channel(38, "shutdown"),
        Self::of_channel(39, "closing_signed"),
        Self::of_channel(40, "closing_complete"),
        Self::of_channel(41, "closing_sig"),
        Self::of_chain(64, "open_channel2"),
        Self::of_channel(65, "accept_channel2"),
        Self::of_channel(66, "tx_add_input"),
        Self::of_channel(67, "tx_add_output"),
        Self::of_channel(68, "tx_remove_input"),
        Self::of_channel(69, "tx_remove_output"),
        Self::of_channel(70, "tx_complete"),
        Self::of_channel(71, "tx_signatures"),
        Self::of_channel(72, "tx_init_rbf"),
        Self::of_channel(73, "tx_ack_rbf"),
        Self::of_channel(74, "tx_abort"),
        Self::of_channel(77, "splice_locked"),
        Self::of_channel(80, "splice_init"),
        Self::of_channel(81, "splice_ack"),
        Self::of_channel(127, "start_batch"),
        Self::of_channel(128, "update_add_htlc"),
        Self::of_channel(130, "update_fulfill_htlc"),
        Self::of_channel(131, "update_fail_htlc"),
        Self::of_channel(132, "commitment_signed"),
        Self::of_channel(133, "revoke_and_ack"),
        Self::of_channel(134, "update_fee"),
        Self::of_channel(135, "update_fail_malformed_htlc"),
        Self::of_channel(136, "channel_reestablish"),
        Self::of_peer(256, "channel_announcement"),
        Self::of_peer(257, "node_announcement"),
        Self::of_peer(258, "channel_update"),
        Self::of_channel(259, "announcement_signatures"),
        Self::of_peer(261, "query_short_channel_ids"),
        Self::of_peer(262, "reply_short_channel_ids_end"),
        Self::of_peer(263, "query_channel_range"),
        Self::of_peer(264, "reply_channel_range"),
        Self::of_peer(265, "gossip_timestamp_filter"),
        Self::of_peer(513, "onion_message"),
    ];

    /// The type with this number, if the BOLTs name it.
    pub fn find(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.number == number)
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
