//! The daemon itself: `getinfo`, `debuglevel`, `stop`.

use super::output::print_line;
use super::session::Session;
use super::table::sheet;
use crate::exit::Failure;
use clap::Args;
use rpc::proto::lnrpc::{DebugLevelRequest, GetInfoRequest, GetInfoResponse, StopRequest};

/// What to log.
#[derive(Args, Debug)]
pub struct DebugLevel {
    /// Only say what can be set.
    #[arg(long)]
    show: bool,
    /// A level, or TARGET=LEVEL pairs with commas between them.
    #[arg(long, value_name = "SPEC", conflicts_with = "spec")]
    level: Option<String>,
    /// The same without the flag.
    #[arg(value_name = "SPEC")]
    spec: Option<String>,
}

/// Shows the node and its chain.
///
/// # Errors
/// See [`Session::failure`].
pub async fn info(session: &Session) -> Result<(), Failure> {
    let answer = session.lightning().get_info(GetInfoRequest {}).await;
    let info = answer.map_err(|status| session.failure(&status))?.into_inner();
    session.show("lnrpc.GetInfoResponse", &info, info_table)
}

fn info_table(info: &GetInfoResponse) -> String {
    let network = info.chains.first().map_or("", |chain| &chain.network);
    let synced = if info.synced_to_chain { "followed to its end" } else { "still being followed" };
    sheet(&[
        ("node", info.identity_pubkey.clone()),
        ("alias", info.alias.clone()),
        ("version", info.version.clone()),
        ("network", network.to_owned()),
        ("block", format!("{} {}", info.block_height, info.block_hash)),
        ("chain", synced.to_owned()),
        ("peers", info.num_peers.to_string()),
        (
            "channels",
            format!(
                "{} active, {} inactive, {} pending",
                info.num_active_channels, info.num_inactive_channels, info.num_pending_channels
            ),
        ),
        ("reached at", info.uris.join(" ")),
    ])
}

impl DebugLevel {
    /// Sets or shows what is logged.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let level_spec = self.level.or(self.spec).unwrap_or_default();
        let show = self.show || level_spec.is_empty();
        let request = DebugLevelRequest { show, level_spec };
        let answer = session.lightning().debug_level(request).await;
        let answer = answer.map_err(|status| session.failure(&status))?.into_inner();
        let name = "lnrpc.DebugLevelResponse";
        session.show(name, &answer, |answer| format!("{}\n", answer.sub_systems.trim_end()))
    }
}

/// Stops the daemon.
///
/// # Errors
/// See [`Session::failure`].
pub async fn stop(session: &Session) -> Result<(), Failure> {
    let answer = session.lightning().stop_daemon(StopRequest {}).await;
    let answer = answer.map_err(|status| session.failure(&status))?.into_inner();
    if session.format.is_table() {
        return print_line("the daemon is stopping");
    }
    session.show("lnrpc.StopResponse", &answer, |_| String::new())
}
