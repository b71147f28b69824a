//! Events: the journal from any number on, without a hole, and the news that are not in it.
//!
//! The journal on disk is the only source of numbered events. What the node says is no more than the sign to
//! read on, so that nothing lies between what was and what is.

use crate::channels::{hex, point};
use crate::host::Host;
use crate::journal::Numbered;
use crate::proto::navvy::event::Event as Kind;
use crate::proto::navvy::{
    Block, ChannelMoved, Event, EventsRequest, Gap, Note, PeerMoved, Request,
};
use crate::updates::{Updates, ended};
use node::{Notice, RequestView};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tonic::Status;

/// Tells until there is nothing more, or, if it is to follow, until the client is gone.
pub(crate) async fn tell(
    host: Host,
    notices: Receiver<Notice>,
    request: EventsRequest,
    updates: Updates<Event>,
) {
    let told = tokio::select! {
        told = told(&host, notices, &request, &updates) => told,
        () = updates.abandoned() => return,
    };
    updates.finish(told).await;
}

async fn told(
    host: &Host,
    mut notices: Receiver<Notice>,
    request: &EventsRequest,
    updates: &Updates<Event>,
) -> Result<(), Status> {
    let mut next = request.since;
    loop {
        loop {
            let rows = host.journal(next).await?;
            let Some(first) = rows.first() else { break };
            // The oldest rows are dropped some day. To ask for 0 is to ask for what there is.
            if first.number > next && next > 0 {
                let gap = Gap { from: next, to: first.number.saturating_sub(1) };
                updates.send(event(0, now(), Kind::Gap(gap))).await?;
            }
            for row in rows {
                next = row.number.saturating_add(1);
                updates.send(moved(&row)).await?;
            }
        }
        if !request.follow {
            return Ok(());
        }
        loop {
            match notices.recv().await {
                Ok(Notice::Channel { .. }) => break,
                Ok(notice) => {
                    if let Some(kind) = news(notice).filter(|_| request.news) {
                        updates.send(event(0, now(), kind)).await?;
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    if request.news {
                        updates.send(event(0, now(), Kind::Gap(Gap::default()))).await?;
                    }
                    break;
                }
                Err(RecvError::Closed) => return Err(ended()),
            }
        }
    }
}

fn moved(numbered: &Numbered) -> Event {
    let row = &numbered.row;
    let channel = ChannelMoved {
        keys_id: hex(&row.keys_id.0),
        request_id: row.subject.request.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
        remote_pubkey: row.subject.node_id.map(|id| id.to_string()).unwrap_or_default(),
        channel_point: point(row.subject.outpoint),
        from: row.entry.from.clone(),
        to: row.entry.to.clone(),
        cause: row.entry.cause.clone(),
    };
    event(numbered.number, row.entry.at.0, Kind::Channel(channel))
}

fn news(notice: Notice) -> Option<Kind> {
    Some(match notice {
        Notice::Channel { .. } => return None,
        Notice::Request(view) => Kind::Request(request(&view)),
        Notice::Peer { node_id, connected, reason } => {
            Kind::Peer(PeerMoved { pubkey: node_id.to_string(), connected, reason })
        }
        Notice::Block { height } => Kind::Block(Block { height: height.0 }),
        Notice::Note { node_id, keys_id, text } => Kind::Note(Note {
            remote_pubkey: node_id.to_string(),
            keys_id: keys_id.map(|id| hex(&id.0)).unwrap_or_default(),
            text,
        }),
    })
}

/// A request in the words of the `.proto` file.
pub(crate) fn request(view: &RequestView) -> Request {
    Request {
        request_id: view.id.0.clone(),
        remote_pubkey: view.node_id.to_string(),
        funding_sat: view.funding.to_sat(),
        status: view.status.to_owned(),
        text: view.text.clone(),
        origin: view.origin.map(|origin| origin.to_string()).unwrap_or_default(),
        channel_point: point(view.outpoint),
        attempts: view.attempts,
    }
}

fn event(number: u64, time_ms: u64, kind: Kind) -> Event {
    Event { number, time_ms, event: Some(kind) }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Answer, Controls, History, NodeHandle};
    use crate::updates::updates;
    use bitcoin::Network;
    use node::{
        Command, HistoryEntry, JournalRow, JournalSubject, KeysId, Row, StoreError, Table,
        Timestamp,
    };
    use std::sync::Arc;
    use tokio::sync::broadcast;
    use tokio_stream::StreamExt as _;

    /// A journal whose first rows were dropped.
    struct Dropped;

    impl History for Dropped {
        fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
            let from = u64::from_be_bytes(from.try_into().unwrap());
            let numbers = (FIRST..=FIRST + ROWS).filter(|number| *number >= from).take(limit);
            Ok(numbers.map(|number| (table, number.to_be_bytes().to_vec(), row(number))).collect())
        }
    }

    impl NodeHandle for broadcast::Sender<Notice> {
        fn ask(&self, _: Command) -> Answer {
            panic!("nobody asks the node")
        }

        fn notices(&self) -> Receiver<Notice> {
            self.subscribe()
        }
    }

    struct Nothing;

    impl Controls for Nothing {
        fn traffic(&self, _: &secp256k1::PublicKey) -> Option<crate::host::Traffic> {
            None
        }

        fn levels(&self) -> String {
            String::new()
        }

        fn set_levels(&self, _: &str) -> Result<(), String> {
            Ok(())
        }

        fn log_parts(&self) -> Vec<&'static str> {
            Vec::new()
        }

        fn stop(&self) {}

        fn draw(&self) -> Result<[u8; 16], String> {
            Ok([0; 16])
        }
    }

    fn row(number: u64) -> Vec<u8> {
        let entry = HistoryEntry {
            at: Timestamp(number),
            from: "WaitForChannelReady".to_owned(),
            to: "Normal".to_owned(),
            cause: "a cause".to_owned(),
        };
        let subject = JournalSubject::default();
        JournalRow { keys_id: KeysId([1; 16]), subject, entry }.row()
    }

    fn host(notices: &broadcast::Sender<Notice>) -> Host {
        Host {
            node: Arc::new(notices.clone()),
            history: Arc::new(Dropped),
            controls: Arc::new(Nothing),
            miner: None,
            network: Network::Regtest,
            alias: None,
            uris: Vec::new(),
        }
    }

    async fn replay(since: u64) -> Vec<Event> {
        let notices = broadcast::Sender::new(4);
        let request = EventsRequest { since, ..EventsRequest::default() };
        let (updates, stream) = updates();
        tokio::spawn(tell(host(&notices), notices.subscribe(), request, updates));
        stream.map(|event| event.expect("an event")).collect().await
    }

    fn gap(event: &Event) -> Option<(u64, u64)> {
        match &event.event {
            Some(Kind::Gap(gap)) => Some((gap.from, gap.to)),
            _ => None,
        }
    }

    #[tokio::test]
    async fn numbers_that_were_dropped_are_named() {
        let events = replay(2).await;
        assert_eq!(gap(&events[0]), Some((2, 4)));
        let numbers: Vec<u64> = events[1..].iter().map(|event| event.number).collect();
        let all: Vec<u64> = (FIRST..=FIRST + ROWS).collect();
        assert_eq!(numbers, all, "and then every one, also beyond what is read at once");
        // Who asks for everything wants what there is.
        assert_eq!(gap(&replay(0).await[0]), None);
        assert_eq!(gap(&replay(FIRST).await[0]), None);
    }

    #[tokio::test]
    async fn a_follower_that_lags_behind_the_news_is_told_and_loses_no_number() {
        let notices = broadcast::Sender::new(1);
        let last = FIRST + ROWS;
        let request = EventsRequest { since: last, follow: true, news: true };
        let (updates, mut stream) = updates();
        let receiver = notices.subscribe();
        for height in 0..3 {
            notices.send(Notice::Block { height: node::Height(height) }).unwrap();
        }
        tokio::spawn(tell(host(&notices), receiver, request, updates));
        let mut next = async || stream.next().await.unwrap().unwrap();
        assert_eq!(next().await.number, last);
        assert_eq!(gap(&next().await), Some((0, 0)));
        let Some(Kind::Block(block)) = next().await.event else { panic!("no block") };
        assert_eq!(block.height, 2);
    }

    const FIRST: u64 = 5;
    /// More than are read at once.
    const ROWS: u64 = 2_500;
}
