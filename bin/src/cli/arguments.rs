//! What can be said to `navvy`.

use super::daemon_socket::Location;
use super::output::Format;
use super::{
    change_open, channels, close_channel, events_verb, node_verbs, open_channel, peers, regtest,
    show_verb, wallet_verbs,
};
use clap::{Parser, Subcommand};

/// Drives a navvyd: verbs and flags as of lncli. Amounts are in satoshi.
///
/// On a terminal answers are tables, in a pipe JSON in LND's shape.
///
/// Exit codes: 0 done; 1 failed; 2 bad flag; 20 the daemon refused, nothing happened; 21 the daemon is not
/// there; 22 what was begun came to another end; 30 the balance sheet of the demo does not add up; 130 Ctrl-C
/// ended the waiting, not what was waited for.
#[derive(Parser, Debug)]
#[command(name = "navvy", version, verbatim_doc_comment)]
pub struct Arguments {
    /// How to print: auto (a table on a terminal, JSON in a pipe), table or json.
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        global = true,
        hide_possible_values = true,
        hide_default_value = true,
        display_order = 900
    )]
    pub output: Format,
    /// Where the daemon is.
    #[command(flatten, next_help_heading = "The daemon")]
    pub location: Location,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand, Debug)]
#[command(rename_all = "lower")]
pub enum Verb {
    /// Show the node and its chain.
    GetInfo,
    /// Connect to a peer and stay connected.
    Connect(peers::Connect),
    /// End the connection to a peer.
    Disconnect(peers::Disconnect),
    /// List the peers that are connected.
    ListPeers,
    /// Make a fresh address of the wallet.
    NewAddress(wallet_verbs::NewAddress),
    /// Show what the wallet has.
    WalletBalance,
    /// Show the sums over all channels.
    ChannelBalance,
    /// List the free coins of the wallet.
    ListUnspent(wallet_verbs::ListUnspent),
    /// List every coin of the wallet, with the open or close that holds it.
    Coins,
    /// Pay from the wallet.
    SendCoins(wallet_verbs::SendCoins),
    /// Open a channel.
    OpenChannel(open_channel::OpenChannel),
    /// List channels that are on their way in or out.
    PendingChannels,
    /// List open channels.
    ListChannels(channels::ListChannels),
    /// List channels that were closed, and opens that died.
    ClosedChannels(channels::ClosedChannels),
    /// Close a channel.
    CloseChannel(close_channel::CloseChannel),
    /// Show everything of one open: every step, when and why; or all opens at a glance.
    Show(show_verb::Show),
    /// Print the journal, and what happens.
    Events(events_verb::Events),
    /// List the requests for channels; they are never forgotten.
    Requests(show_verb::Requests),
    /// Give up an open that is no channel yet: once the peer may hold it, by a transaction that spends its coins.
    Cancel(change_open::ChangeOpen),
    /// Have a child pay for a funding transaction that does not confirm.
    Bump(change_open::ChangeOpen),
    /// Show or set what the daemon logs.
    DebugLevel(node_verbs::DebugLevel),
    /// Stop the daemon, politely.
    Stop,
    /// Make blocks, coins and reorganisations on regtest.
    Regtest(regtest::Regtest),
    /// Show a channel's whole life: an embedded chain, two nodes, real TCP and BOLT 8.
    #[cfg(feature = "regtest")]
    Demo {
        /// Leave the two nodes running for this command to drive, and say how.
        #[arg(long, conflicts_with_all = ["force_close", "kill"])]
        keep: bool,
        /// Close by force: commitment, child of the anchor, sweeps after their delays.
        #[arg(long = "force-close")]
        force_close: bool,
        /// Cut the opener's power after funding_signed, and show how it comes back.
        #[arg(long)]
        kill: bool,
        /// The same keys and transactions again.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}
