//! A no of the node's, or of ours: the code of gRPC that says whose turn it is, and a text that LND's clients
//! know. Many of them read the text and not the code, so the words that they look for come first.

use node::{CommandError, Reply};
use tonic::{Code, Status};

/// What the command was meant for: some refusals are known by other words there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Open,
    Connect,
    Disconnect,
    Close,
    Other,
}

/// The node's no.
pub(crate) fn refusal(error: &CommandError, purpose: Purpose) -> Status {
    let (code, known) = words(error.code, purpose);
    let text = &error.text;
    let text = if known.is_empty() { text.clone() } else { format!("{known}: {text}") };
    Status::new(code, text)
}

/// The code, and LND's words, if it has some that are as true here.
fn words(code: &str, purpose: Purpose) -> (Code, &'static str) {
    match (code, purpose) {
        ("own_node", Purpose::Open) => (Code::InvalidArgument, "cannot open channel to self"),
        ("own_node", _) => (Code::InvalidArgument, "cannot make connection to self"),
        ("unknown_peer", _) => (Code::FailedPrecondition, "peer is not online"),
        ("not_connected", _) => (Code::NotFound, "unable to disconnect peer"),
        ("chain_syncing", _) => {
            (Code::Unavailable, "channels cannot be created before the wallet is fully synced")
        }
        ("chain_unavailable" | "stopping", _) => (Code::Unavailable, ""),
        ("funds", Purpose::Open) => {
            (Code::FailedPrecondition, "not enough witness outputs to create funding transaction")
        }
        ("funds", _) => {
            (Code::FailedPrecondition, "insufficient funds available to construct transaction")
        }
        ("pending_open_at_peer", _) => {
            (Code::FailedPrecondition, "pending channels exceed maximum")
        }
        ("unknown_channel", _) => (Code::NotFound, "unable to find channel"),
        ("unknown_request" | "unknown_open", _) => (Code::NotFound, ""),
        (
            "dead_open_at_peer"
            | "not_open"
            | "closed"
            | "closing"
            | "dead"
            | "peer_update_pending"
            | "too_late"
            | "funded",
            _,
        ) => (Code::FailedPrecondition, ""),
        ("terms" | "channel_type" | "dust" | "feerate" | "fee_limit" | "address", _) => {
            (Code::InvalidArgument, "")
        }
        ("internal", _) => (Code::Internal, ""),
        _ => (Code::FailedPrecondition, ""),
    }
}

/// A field that is not honoured is refused by its name, with what to do instead.
pub(crate) fn not_honoured(field: &str, instead: &str) -> Status {
    Status::invalid_argument(format!("{field} is not served by navvy: {instead}"))
}

/// A field that makes no sense.
pub(crate) fn malformed(field: &str, what: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("{field}: {what}"))
}

/// A reply of another kind than the command's: a fault of ours.
pub(crate) fn unexpected(reply: &Reply) -> Status {
    tracing::error!(?reply, "a reply of another kind than its command");
    Status::internal("navvy gave an answer of the wrong kind: this is a bug")
}

/// Takes the one kind of reply that belongs to a command.
macro_rules! expect_reply {
    ($reply:expr, $purpose:expr, $pattern:pat => $value:expr) => {
        match $reply {
            $pattern => Ok($value),
            node::Reply::Failed(error) => Err($crate::refusal::refusal(&error, $purpose)),
            other => Err($crate::refusal::unexpected(&other)),
        }
    };
}
pub(crate) use expect_reply;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &'static str, purpose: Purpose) -> (Code, String) {
        let error = CommandError { code, text: "more: do this".to_owned() };
        let status = refusal(&error, purpose);
        (status.code(), status.message().to_owned())
    }

    #[test]
    fn refusals_have_the_words_that_clients_look_for() {
        for (code, purpose, words) in [
            ("own_node", Purpose::Open, "cannot open channel to self"),
            ("own_node", Purpose::Connect, "connection to self"),
            ("unknown_peer", Purpose::Open, "is not online"),
            ("funds", Purpose::Open, "not enough witness outputs to create funding"),
            (
                "chain_syncing",
                Purpose::Open,
                "channels cannot be created before the wallet is fully synced",
            ),
            ("pending_open_at_peer", Purpose::Open, "pending channels exceed maximum"),
        ] {
            let (status, text) = text(code, purpose);
            assert!(text.contains(words), "{code}: {text}");
            assert!(text.ends_with("more: do this"), "{text}");
            assert_ne!(status, Code::Unknown);
        }
    }
}
