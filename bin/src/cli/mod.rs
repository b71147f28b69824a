//! The command: verbs as of lncli, tables for people, JSON in LND's shape for programs.
//!
//! It speaks gRPC to the daemon's unix socket and knows nothing of the node but what that says.

mod arguments;
mod bitcoind_flags;
mod change_open;
mod channel_point;
mod channels;
mod close_channel;
mod daemon_socket;
mod events_verb;
mod fee_flags;
mod follow;
mod message_json;
mod moment;
mod node_verbs;
mod open_channel;
mod output;
mod peers;
mod pending_channels;
mod progress;
mod regtest;
mod session;
mod show_verb;
pub(crate) mod table;
mod wallet_verbs;

pub use arguments::{Arguments, Verb};

use crate::exit::{Exit, Failure};
use crate::log::Reload;
use change_open::Change;
use session::Session;

/// Does what was asked for.
///
/// # Errors
/// With the number and the line that the process should end with.
pub fn run(arguments: Arguments, log: &Reload) -> Result<(), Failure> {
    let Arguments { location, output: format, verb } = arguments;
    #[cfg(not(feature = "regtest"))]
    let _ = log;
    #[cfg(feature = "regtest")]
    if let Verb::Demo { keep, force_close, kill, seed } = verb {
        if keep {
            return crate::demo::keep(seed, log);
        }
        return crate::demo::play(crate::demo::Act { force_close, kill, seed });
    }
    if let Verb::Regtest(regtest) = &verb
        && let Some(bitcoind) = regtest.bitcoind()?
    {
        let Verb::Regtest(regtest) = verb else { return Ok(()) };
        return regtest::tell(format, &regtest.run_on_bitcoind(bitcoind)?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(Exit::Failed, format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let session = Session::connect(location, format).await?;
        ask(verb, &session).await
    })
}

async fn ask(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        #[cfg(feature = "regtest")]
        Verb::Demo { .. } => Ok(()),
        Verb::GetInfo => node_verbs::info(session).await,
        Verb::DebugLevel(verb) => verb.run(session).await,
        Verb::Stop => node_verbs::stop(session).await,
        Verb::Connect(verb) => verb.run(session).await,
        Verb::Disconnect(verb) => verb.run(session).await,
        Verb::ListPeers => peers::list(session).await,
        Verb::NewAddress(verb) => verb.run(session).await,
        Verb::WalletBalance => wallet_verbs::balance(session).await,
        Verb::ChannelBalance => channels::balance(session).await,
        Verb::ListUnspent(verb) => verb.run(session).await,
        Verb::Coins => wallet_verbs::coins(session).await,
        Verb::SendCoins(verb) => verb.run(session).await,
        Verb::OpenChannel(verb) => verb.run(session).await,
        Verb::CloseChannel(verb) => verb.run(session).await,
        Verb::PendingChannels => pending_channels::list(session).await,
        Verb::ListChannels(verb) => verb.run(session).await,
        Verb::ClosedChannels(verb) => verb.run(session).await,
        Verb::Show(verb) => verb.run(session).await,
        Verb::Events(verb) => verb.run(session).await,
        Verb::Requests(verb) => verb.run(session).await,
        Verb::Cancel(verb) => verb.run(Change::Cancel, session).await,
        Verb::Bump(verb) => verb.run(Change::Bump, session).await,
        Verb::Regtest(verb) => regtest::tell(session.format, &verb.run_on_daemon(session).await?),
    }
}
