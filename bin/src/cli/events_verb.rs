//! `events`: the journal from a number on, and what happens.

use super::message_json;
use super::moment::Moment;
use super::output;
use super::session::Session;
use super::show_verb::movement;
use crate::exit::Failure;
use clap::Args;
use rpc::proto::navvy::event;
use rpc::proto::navvy::{Event, EventsRequest};

/// Which events.
#[derive(Args, Debug)]
pub struct Events {
    /// The number of the first one; without it the first that is still known.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    since: u64,
    /// Go on with what happens.
    #[arg(long, short)]
    follow: bool,
    /// With --follow: also requests, peers, blocks and notes, which have no number.
    #[arg(long, requires = "follow")]
    news: bool,
}

impl Events {
    /// Prints them, one a line.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { since, follow, news } = self;
        let request = EventsRequest { since, follow, news };
        let stream = session.navvy().events(request).await;
        let mut stream = stream.map_err(|status| session.failure(&status))?.into_inner();
        while let Some(event) = stream.message().await.map_err(|status| session.failure(&status))? {
            if session.format.is_table() {
                output::print_for_people(&line(&event))?;
            } else {
                output::print(&message_json::line("navvy.v1.Event", &event)?)?;
            }
        }
        Ok(())
    }
}

fn line(event: &Event) -> String {
    let is_kept = matches!(event.event, Some(event::Event::Channel(_)));
    let number = if is_kept { event.number.to_string() } else { String::new() };
    format!("{number:>6}  {}  {}\n", Moment(event.time_ms), text(event))
}

fn text(event: &Event) -> String {
    match &event.event {
        Some(event::Event::Channel(moved)) => {
            let name = [&moved.request_id, &moved.channel_point, &moved.keys_id];
            let name = name.into_iter().find(|name| !name.is_empty()).map_or("", |name| name);
            format!("{name}: {}: {}", movement(&moved.from, &moved.to), moved.cause)
        }
        Some(event::Event::Gap(gap)) if gap.to == 0 => {
            "some news were lost: read faster".to_owned()
        }
        Some(event::Event::Gap(gap)) => {
            format!("the events {} to {} are no longer kept", gap.from, gap.to)
        }
        Some(event::Event::Request(request)) => {
            let end = if request.text.is_empty() { "" } else { ": " };
            format!("request {}: {}{end}{}", request.request_id, request.status, request.text)
        }
        Some(event::Event::Peer(peer)) if peer.connected => {
            format!("peer {} is connected", peer.pubkey)
        }
        Some(event::Event::Peer(peer)) => format!("peer {} is gone: {}", peer.pubkey, peer.reason),
        Some(event::Event::Block(block)) => format!("block {}", block.height),
        Some(event::Event::Note(note)) => format!("note on {}: {}", note.remote_pubkey, note.text),
        None => "an event that this command is too old for".to_owned(),
    }
}
