//! The daemon itself: `getinfo`, `debuglevel`, `stop`.

use super::moment::Moment;
use super::output::print_line;
use super::session::Session;
use super::table::sheet;
use crate::exit::Failure;
use clap::Args;
use rpc::proto::lnrpc::{DebugLevelRequest, GetInfoRequest, GetInfoResponse, StopRequest};
use rpc::proto::navvy::{StandingResponse, Unconfirmed};
use std::collections::BTreeMap;

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
    let standing = session.standing().await?;
    session.show_with("lnrpc.GetInfoResponse", &info, &standing, info_table)
}

fn info_table(info: &GetInfoResponse, standing: &StandingResponse) -> String {
    let network = info.chains.first().map_or("", |chain| &chain.network);
    sheet(&[
        ("node", info.identity_pubkey.clone()),
        ("alias", info.alias.clone()),
        ("version", info.version.clone()),
        ("network", network.to_owned()),
        ("block", format!("{} {}", info.block_height, info.block_hash)),
        ("chain", chain_text(standing)),
        ("peers", info.num_peers.to_string()),
        (
            "channels",
            format!(
                "{} active, {} inactive, {} pending",
                info.num_active_channels, info.num_inactive_channels, info.num_pending_channels
            ),
        ),
        ("unconfirmed", unconfirmed_text(&standing.unconfirmed)),
        ("reached at", info.uris.join(" ")),
    ])
}

/// How far the chain is followed, or what is in the way, since when, and what helps: all in one line.
fn chain_text(standing: &StandingResponse) -> String {
    let (height, end) = (standing.block_height, standing.end_height);
    if !standing.chain_problem.is_empty() {
        let since = Moment(standing.chain_problem_since_ms);
        let problem = &standing.chain_problem;
        return format!(
            "no news since {since} UTC: {problem}; with its backend back navvyd goes on by itself"
        );
    }
    match (standing.synced, end.saturating_sub(height)) {
        (true, _) => "followed to its end".to_owned(),
        (false, 0) => "still being followed".to_owned(),
        (false, left) => format!("catching up: block {height} of {end}, {left} to go"),
    }
}

/// How many of our transactions are in no block, by their standing; the refused ones by their reason.
fn unconfirmed_text(unconfirmed: &[Unconfirmed]) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for one in unconfirmed {
        let text = standing_text(one);
        let count = counts.entry(text).or_default();
        *count = count.saturating_add(1);
    }
    let counts: Vec<String> =
        counts.iter().map(|(text, count)| format!("{count} {text}")).collect();
    counts.join(", ")
}

/// How a transaction of ours stands with the backend.
pub fn standing_text(unconfirmed: &Unconfirmed) -> String {
    match &*unconfirmed.standing {
        "held" => "in the mempool".to_owned(),
        "missing" => "missing from the mempool, sent again".to_owned(),
        "refused" => format!("refused ({}), tried again with each block", unconfirmed.reason),
        _ => "not answered for by the backend".to_owned(),
    }
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
