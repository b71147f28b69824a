//! `closechannel`.

use super::channel_point::{self, to_message};
use super::fee_flags::Feerate;
use super::follow::{Follow, Goal};
use super::output;
use super::progress::Progress;
use super::session::Session;
use crate::exit::{Exit, Failure};
use bitcoin::{OutPoint, Txid};
use clap::Args;
use rpc::proto::lnrpc::CloseChannelRequest;
use rpc::proto::navvy::{Open, show_open_request};
use serde_json::json;

/// A channel to close.
#[derive(Args, Debug)]
#[command(override_usage = "navvy closechannel [OPTIONS] TXID:INDEX")]
pub struct CloseChannel {
    /// The channel.
    #[arg(long = "chan_point", alias = "chan-point", value_name = "TXID:INDEX", value_parser = channel_point::parse)]
    chan_point: Option<OutPoint>,
    /// With our commitment, without the peer: our money comes home after a delay.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    feerate: Feerate,
    /// The highest feerate of the closing transaction, in satoshi per vbyte.
    #[arg(
        long = "max_fee_rate",
        alias = "max-fee-rate",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_fee_rate: u64,
    /// Where our money goes; without it into the wallet.
    #[arg(
        long = "delivery_addr",
        alias = "delivery-addr",
        value_name = "ADDRESS",
        default_value = "",
        hide_default_value = true
    )]
    delivery_addr: String,
    /// Stay until the channel is closed and its money is home, and show each step and the confirmations.
    #[arg(long, visible_alias = "block")]
    wait: bool,
    /// Return as soon as the daemon has the close on its disk.
    #[arg(long = "no_wait", alias = "no-wait", conflicts_with = "wait")]
    no_wait: bool,
    /// The channel without its flag.
    #[arg(value_name = "TXID:INDEX or TXID INDEX", num_args = 0..=2)]
    words: Vec<String>,
}

impl CloseChannel {
    /// Closes it, and stays as long as was asked for.
    ///
    /// # Errors
    /// [`Exit::Usage`]; [`Exit::Refused`] when nothing happened.
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let outpoint = self.outpoint()?;
        let request = CloseChannelRequest {
            channel_point: Some(to_message(outpoint)),
            force: self.force,
            delivery_address: self.delivery_addr.clone(),
            sat_per_vbyte: self.feerate.sat_per_vbyte,
            max_fee_per_vbyte: self.max_fee_rate,
            ..Default::default()
        };
        let open = show_open_request::Open::ChannelPoint(outpoint.to_string());
        let progress = Progress::new(session.format, self.wait);
        let mut follow = Follow::new(session, open, progress);
        follow.skip().await?;
        // The close belongs to the node as soon as it is answered, and the stream has nothing that the record
        // of the channel does not have.
        let answer = session.lightning().close_channel(request).await;
        answer.map(drop).map_err(|status| session.failure(&status))?;
        if self.no_wait {
            return self
                .tell(session, &Open { channel_point: outpoint.to_string(), ..Open::default() });
        }
        let goal = if self.wait { Goal::Closed } else { Goal::ClosePending };
        let on = format!(
            "the close goes on without this command: look at it with navvy show {outpoint}"
        );
        let open = follow.to(goal, &on).await?;
        self.tell(session, &open)
    }

    fn outpoint(&self) -> Result<OutPoint, Failure> {
        let usage = |text: String| Failure::new(Exit::Usage, text);
        match (self.chan_point, &*self.words) {
            (Some(point), []) => Ok(point),
            (None, [point]) => channel_point::parse(point).map_err(usage),
            (None, [txid, index]) => {
                let txid = txid.parse::<Txid>().map_err(|error| usage(error.to_string()))?;
                let vout = index.parse().map_err(|_| usage(format!("{index:?} is no index")))?;
                Ok(OutPoint { txid, vout })
            }
            _ => Err(usage("say which channel, once: --chan_point TXID:INDEX".to_owned())),
        }
    }

    fn tell(&self, session: &Session, open: &Open) -> Result<(), Failure> {
        if session.format.is_table() {
            let text = if self.wait {
                format!(
                    "channel {} is closed by {}: {}",
                    open.channel_point, open.closing_txid, open.ending
                )
            } else {
                format!("channel {} is being closed by {}", open.channel_point, open.closing_txid)
            };
            return output::print_line(&text);
        }
        let closing_txid = &open.closing_txid;
        if self.wait {
            let (point, ending) = (&open.channel_point, &open.ending);
            let json = json!({
                "event": "closed", "closing_txid": closing_txid, "channel_point": point, "ending": ending,
            });
            return output::print(&format!("{json}\n"));
        }
        let json = json!({"closing_txid": closing_txid});
        output::print(&format!("{json:#}\n"))
    }
}
