//! BOLT 2: how a channel is established. One file for each state; the step table is in `state.rs`.
//!
//! ```text
//!        opener                                accepter
//!          |                                      |
//!          |------------ open_channel ----------->|
//! WaitForAcceptChannel                     WaitForDecision
//!          |<----------- accept_channel ----------|
//!     WaitForTests                      WaitForFundingCreated
//!          |------------ funding_created -------->|
//! WaitForFundingSigned                            |   commit, then
//!          |<----------- funding_signed ----------|
//!  commit, then broadcast                         |
//! WaitForChannelReady                    WaitForChannelReady
//!          |<----------- channel_ready ---------->|
//!       Normal                                 Normal
//! ```
//!
//! Two commits guard money: the opener broadcasts only after the commit that holds the peer's
//! `funding_signed`; the accepter sends `funding_signed` only after the commit that holds the channel. Both
//! follow from `node::Step`, which gives its effects away only to a commit.

mod accepter;
mod agreed;
pub mod announcement;
mod attempt;
mod cancel;
mod channel;
mod check_accept_channel;
mod check_open_channel;
mod context;
mod error;
mod event;
mod funded;
mod link;
mod normal;
mod opener;
mod policy;
mod position;
pub mod record;
mod reestablish;
mod role;
mod state;
mod tombstone;
mod wait_for_channel_ready;

pub use accepter::{WaitForDecision, WaitForFundingCreated};
pub use agreed::{ANNOUNCE_CHANNEL, AgreedParameters, format};
pub use attempt::{Attempt, RequestId};
pub use cancel::Cancel;
pub use channel::{CloseCause, FundedChannel, Watches};
pub use check_accept_channel::check_accept_channel;
pub use check_open_channel::{check_commitment, check_open_channel, is_supported};
pub use context::{Context, Fees, Monotonic, Now, Wallet};
pub use error::{
    Failure, FundingError, Origin, Refusal, Violation, error_message, peer_text, warning_message,
};
pub use event::{CancelCause, Effect, Event, Next, Transition, Verdict};
pub use funded::{is_transient, is_update, warn_of_updates};
pub use link::{Link, LinkKind};
pub use normal::Normal;
pub use opener::{OpenError, OpenWish, WaitForAcceptChannel, WaitForFundingSigned, WaitForTests};
pub use policy::Policy;
pub use position::{FINAL_DEPTH, FundingPosition, Spend, depth};
pub use record::{RecordError, Resumed};
pub use reestablish::{Standing, compare};
pub use role::Role;
pub use state::State;
pub use tombstone::Tombstone;
pub use wait_for_channel_ready::{WaitForChannelReady, rebroadcast};
