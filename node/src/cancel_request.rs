//! The end of a request by the operator's word, before it has a channel.

use crate::channel::ChannelEvent;
use crate::node::Node;
use crate::reply::{CommandError, RequestView};
use crate::request::{Request, RequestStatus};
use crate::turn::Turn;
use funding::{CancelCause, Origin, RequestId};

impl Node {
    /// The operator wants it no more. Refused while the peer may hold a signature of ours.
    pub(crate) fn cancel_request(
        &mut self,
        id: &RequestId,
        turn: &mut Turn<'_>,
    ) -> Result<RequestView, CommandError> {
        let fail = |code, text: String| Err(CommandError { code, text });
        let Some(request) = self.requests.get(id) else {
            return fail("unknown_request", format!("there is no request {id:?}"));
        };
        let trying = match &request.status {
            RequestStatus::Failed { .. } => return Ok(request.view()),
            RequestStatus::Funded { outpoint, .. } => {
                let text = format!("request {id:?} has its channel {outpoint}: close that");
                return fail("funded", text);
            }
            RequestStatus::Trying { keys_id } => Some(*keys_id),
            RequestStatus::WaitForPeer
            | RequestStatus::WaitForChain { .. }
            | RequestStatus::WaitForCoin { .. }
            | RequestStatus::WaitForRetry { .. } => None,
        };
        let channel = trying.and_then(|keys_id| self.channels.get(&keys_id));
        if channel.is_some_and(|channel| channel.state.name() == "WaitForFundingSigned") {
            let text = format!("the peer may hold the channel of {id:?} already: wait for its end");
            return fail("too_late", text);
        }
        let text = "the operator cancelled it".to_owned();
        self.set_status(id, RequestStatus::Failed { origin: Origin::Local, text }, turn);
        self.save_request(id, turn);
        if let Some(keys_id) = trying {
            self.drive(keys_id, ChannelEvent::Cancel(CancelCause::Operator), turn);
        }
        let request = self.requests.get(id).map(Request::view);
        request.ok_or_else(|| CommandError { code: "internal", text: "no request".to_owned() })
    }
}
