//! ShowOpen: an open or a channel with every transition that is still known.

use crate::channels::{hex, point};
use crate::events::request as request_message;
use crate::fields;
use crate::host::Host;
use crate::journal::Numbered;
use crate::proto::navvy::show_open_request::Open as Wanted;
use crate::proto::navvy::{FundingPosition, Open, ShowOpenRequest, ShowOpenResponse, Transition};
use crate::standing::unconfirmed;
use node::{ChannelView, CommitmentFormat, KeysId, Role};
use std::collections::BTreeMap;
use tonic::Status;

pub(crate) async fn show(
    host: &Host,
    request: ShowOpenRequest,
) -> Result<ShowOpenResponse, Status> {
    let wanted = Wish::read(request.open)?;
    let mut found: BTreeMap<KeysId, Found> = BTreeMap::new();
    for view in host.channels().await? {
        if wanted.is_channel(&view) {
            let found = found.entry(view.keys_id).or_default();
            found.view = Some(view);
        }
    }
    let mut from = 0;
    loop {
        let rows = host.journal(from).await?;
        let Some(last) = rows.last() else { break };
        from = last.number.saturating_add(1);
        for row in rows.into_iter() {
            let keys_id = row.row.keys_id;
            if found.contains_key(&keys_id) || wanted.is_row(&row) {
                found.entry(keys_id).or_default().rows.push(row);
            }
        }
    }
    let mut opens: Vec<Found> = found.into_values().collect();
    opens.sort_by_key(Found::begun);
    let id = match &wanted {
        Wish::Request(id) => Some(id.clone()),
        Wish::All => None,
        Wish::Keys(_) | Wish::Output(_) => opens.iter().find_map(Found::request),
    };
    let requests = host.requests().await?;
    let request = requests.iter().find(|view| Some(&view.id.0) == id.as_ref()).map(request_message);
    if opens.is_empty() && request.is_none() && !matches!(wanted, Wish::All) {
        return Err(Status::not_found("no open and no channel goes by that name"));
    }
    Ok(ShowOpenResponse { request, opens: opens.iter().map(Found::message).collect() })
}

enum Wish {
    All,
    Output(bitcoin::OutPoint),
    Keys(KeysId),
    Request(String),
}

impl Wish {
    fn read(wanted: Option<Wanted>) -> Result<Self, Status> {
        match wanted {
            None => Ok(Self::All),
            Some(Wanted::ChannelPoint(text)) => {
                fields::outpoint_text("channel_point", &text).map(Self::Output)
            }
            Some(Wanted::KeysId(text)) => fields::keys_id("keys_id", &text).map(Self::Keys),
            Some(Wanted::RequestId(text)) => Ok(Self::Request(text)),
        }
    }

    fn is_channel(&self, view: &ChannelView) -> bool {
        match self {
            Self::All => true,
            Self::Output(outpoint) => view.outpoint == Some(*outpoint),
            Self::Keys(keys_id) => view.keys_id == *keys_id,
            Self::Request(id) => view.request.as_ref().is_some_and(|request| request.0 == *id),
        }
    }

    fn is_row(&self, numbered: &Numbered) -> bool {
        let subject = &numbered.row.subject;
        match self {
            // Of one that is gone there would be nothing but these.
            Self::All => false,
            Self::Output(outpoint) => subject.outpoint == Some(*outpoint),
            Self::Keys(keys_id) => numbered.row.keys_id == *keys_id,
            Self::Request(id) => subject.request.as_ref().is_some_and(|request| request.0 == *id),
        }
    }
}

/// What was found of one open: the channel, if it still is one, and its rows of the journal.
#[derive(Default)]
struct Found {
    view: Option<ChannelView>,
    rows: Vec<Numbered>,
}

impl Found {
    fn begun(&self) -> u64 {
        self.rows.first().map_or(u64::MAX, |row| row.number)
    }

    fn request(&self) -> Option<String> {
        let of_view = self.view.as_ref().and_then(|view| view.request.as_ref());
        let of_rows = self.rows.iter().find_map(|row| row.row.subject.request.as_ref());
        of_view.or(of_rows).map(|id| id.0.clone())
    }

    fn message(&self) -> Open {
        let open = self.view.as_ref().map_or_else(|| self.bare(), of_view);
        Open { transitions: self.transitions(), ..open }
    }

    /// What is known of an open that is gone.
    fn bare(&self) -> Open {
        let node_id = self.rows.iter().find_map(|row| row.row.subject.node_id);
        let outpoint = self.rows.iter().find_map(|row| row.row.subject.outpoint);
        Open {
            keys_id: self.rows.first().map(|row| hex(&row.row.keys_id.0)).unwrap_or_default(),
            request_id: self.request().unwrap_or_default(),
            remote_pubkey: node_id.map(|id| id.to_string()).unwrap_or_default(),
            channel_point: point(outpoint),
            ..Open::default()
        }
    }

    /// From the journal; the older ones, which it may have dropped, from the channel's own record.
    fn transitions(&self) -> Vec<Transition> {
        let oldest = self.rows.first().map(|row| row.row.entry.at);
        let kept = self.view.iter().flat_map(|view| &view.history);
        let older = kept
            .filter(|entry| oldest.is_none_or(|oldest| entry.at < oldest))
            .map(|entry| (0, entry));
        let numbered = self.rows.iter().map(|row| (row.number, &row.row.entry));
        let transition = |(number, entry): (u64, &node::HistoryEntry)| Transition {
            number,
            time_ms: entry.at.0,
            from: entry.from.clone(),
            to: entry.to.clone(),
            cause: entry.cause.clone(),
        };
        older.chain(numbered).map(transition).collect()
    }
}

fn of_view(view: &ChannelView) -> Open {
    Open {
        keys_id: hex(&view.keys_id.0),
        request_id: view.request.as_ref().map(|id| id.0.clone()).unwrap_or_default(),
        remote_pubkey: view.node_id.to_string(),
        role: match view.role {
            Role::Opener => "opener".to_owned(),
            Role::Accepter => "accepter".to_owned(),
        },
        state: view.state.to_owned(),
        channel_point: point(view.outpoint),
        channel_id: view.channel_id.map(|id| id.to_string()).unwrap_or_default(),
        short_channel_id: view.short_channel_id.map(|id| id.to_string()).unwrap_or_default(),
        channel_type: match view.format {
            CommitmentFormat::Anchors => "anchors".to_owned(),
            CommitmentFormat::StaticRemotekey => "static_remotekey".to_owned(),
        },
        announced: view.announced,
        capacity_sat: view.capacity.to_sat(),
        local_balance_msat: view.local_balance.0,
        remote_balance_msat: view.remote_balance.0,
        commit_fee_sat: view.commit_fee.to_sat(),
        position: view.position.as_ref().map(position),
        confirmations: view.confirmations.0,
        minimum_depth: view.minimum_depth,
        connected: view.connected,
        peer_update_pending: view.peer_update_pending,
        text: view.text.clone(),
        closing_txid: closing_txid(view).map(|txid| txid.to_string()).unwrap_or_default(),
        ending: view.ending.unwrap_or_default().to_owned(),
        sweep_txid: view.sweep_txid.map(|txid| txid.to_string()).unwrap_or_default(),
        transitions: Vec::new(),
        unconfirmed: unconfirmed(view),
    }
}

/// What closed the channel; until a block has that, what was broadcast to close it.
fn closing_txid(view: &ChannelView) -> Option<bitcoin::Txid> {
    let broadcast = || view.closing.as_ref()?.transaction.as_ref();
    view.closing_txid.or_else(|| broadcast().map(bitcoin::Transaction::compute_txid))
}

fn position(position: &node::FundingPosition) -> FundingPosition {
    use node::FundingPosition as Position;
    match position {
        Position::Unbroadcast { refused } => FundingPosition {
            name: "unbroadcast".to_owned(),
            refused: refused.clone().unwrap_or_default(),
            ..FundingPosition::default()
        },
        Position::Mempool { .. } => {
            FundingPosition { name: "mempool".to_owned(), ..FundingPosition::default() }
        }
        Position::Confirmed { height, spent, .. } => FundingPosition {
            name: "confirmed".to_owned(),
            height: height.0,
            spent_by: spent
                .as_ref()
                .map(|spend| spend.transaction.compute_txid().to_string())
                .unwrap_or_default(),
            spent_height: spent.as_ref().map_or(0, |spend| spend.height.0),
            ..FundingPosition::default()
        },
        Position::Conflicted { by, height } => FundingPosition {
            name: "conflicted".to_owned(),
            height: height.0,
            spent_by: by.to_string(),
            ..FundingPosition::default()
        },
    }
}
