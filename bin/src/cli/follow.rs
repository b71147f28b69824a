//! An open or a close, followed to its end. It belongs to the node: this only looks on, also over a restart of
//! the daemon, and leaving changes nothing.

use super::progress::Progress;
use super::session::{Session, went_away};
use super::show_verb::{ask, transition_line};
use crate::exit::{Exit, Failure};
use rpc::proto::lnrpc::GetInfoRequest;
use rpc::proto::navvy::show_open_request;
use rpc::proto::navvy::{FundingPosition, Open, ShowOpenResponse};
use rpc::tonic::{Code, Status};
use serde_json::json;
use std::time::{Duration, Instant};

/// Someone who looks on.
pub struct Follow<'a> {
    session: &'a Session,
    open: show_open_request::Open,
    progress: Progress,
    /// Transitions up to this number of the journal were shown.
    shown: Option<u64>,
    request: (String, String),
    confirmations: Option<(u32, u32)>,
    away: Option<Instant>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The funding transaction is on its way, or was refused.
    Pending,
    /// The channel is open.
    Open,
    /// The closing transaction is known.
    ClosePending,
    /// The channel is closed, and its money is in the wallet.
    Closed,
}

impl<'a> Follow<'a> {
    /// Follows this one from its first step.
    pub fn new(session: &'a Session, open: show_open_request::Open, progress: Progress) -> Self {
        let request = Default::default();
        Self { session, open, progress, shown: None, request, confirmations: None, away: None }
    }

    /// Leaves out the steps that were.
    ///
    /// # Errors
    /// When there is no such open.
    pub async fn skip(&mut self) -> Result<(), Failure> {
        let answer = ask(self.session, Some(self.open.clone())).await;
        let answer = answer.map_err(|status| self.session.failure(&status))?;
        let transitions = answer.opens.iter().flat_map(|open| &open.transitions);
        self.shown = transitions.map(|transition| transition.number).max();
        Ok(())
    }

    /// Shows each step until the goal is reached, or cannot be reached any more.
    ///
    /// # Errors
    /// [`Exit::Ended`] when it cannot, [`Exit::Interrupted`] at Ctrl-C, [`Exit::Unreachable`] when the daemon
    /// stays away.
    pub async fn to(&mut self, goal: Goal, on: &str) -> Result<Open, Failure> {
        let result = tokio::select! {
            result = self.look_until(goal) => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, on)),
        };
        self.progress.end();
        result
    }

    async fn look_until(&mut self, goal: Goal) -> Result<Open, Failure> {
        loop {
            let begun = Instant::now();
            match ask(self.session, Some(self.open.clone())).await {
                Ok(answer) => {
                    self.away = None;
                    self.show(&answer, goal).await?;
                    if let Some(open) = reached(goal, answer)? {
                        return Ok(open);
                    }
                }
                Err(status) => self.tolerate(&status)?,
            }
            // What takes the daemon long it is asked for less often.
            tokio::time::sleep(LOOK.max(begun.elapsed().saturating_mul(10))).await;
        }
    }

    /// A daemon that restarts goes on with what it had begun.
    fn tolerate(&mut self, status: &Status) -> Result<(), Failure> {
        if !went_away(status) && status.code() != Code::Unavailable {
            return Err(self.session.failure(status));
        }
        let since = *self.away.get_or_insert_with(|| {
            let text = "the daemon is away; what it had begun goes on when it is back";
            let _ = self.progress.step(text, &json!({"event": "away"}));
            Instant::now()
        });
        if since.elapsed() > PATIENCE {
            return Err(self.session.unreachable("it went away and did not come back"));
        }
        Ok(())
    }

    async fn show(&mut self, answer: &ShowOpenResponse, goal: Goal) -> Result<(), Failure> {
        if let Some(request) = &answer.request {
            let now = (request.status.clone(), request.text.clone());
            if now != self.request && !request.text.is_empty() {
                let text = format!("request {}: {}: {}", request.request_id, now.0, now.1);
                let json = json!({"event": "request", "request_id": request.request_id,
                    "status": request.status, "text": request.text});
                self.progress.step(&text, &json)?;
            }
            self.request = now;
        }
        let mut last = self.shown;
        for open in &answer.opens {
            for step in open.transitions.iter().filter(|step| Some(step.number) > self.shown) {
                last = last.max(Some(step.number));
                let json = json!({
                    "event": "transition", "keys_id": open.keys_id, "number": step.number.to_string(),
                    "time_ms": step.time_ms.to_string(), "from": step.from, "to": step.to,
                    "cause": step.cause,
                });
                self.progress.step(&transition_line(step), &json)?;
            }
        }
        self.shown = last;
        match answer.opens.last() {
            Some(open) => self.show_confirmations(open, goal).await,
            None => Ok(()),
        }
    }

    async fn show_confirmations(&mut self, open: &Open, goal: Goal) -> Result<(), Failure> {
        let Some(position) = &open.position else { return Ok(()) };
        let (have, need, height) = if position.spent_height > 0 {
            let height = self.height().await.unwrap_or(position.spent_height);
            (depth(height, position.spent_height).min(SETTLED), SETTLED, height)
        } else if matches!(goal, Goal::Pending | Goal::Open) {
            let below = open.confirmations.saturating_sub(1);
            (
                open.confirmations.min(open.minimum_depth),
                open.minimum_depth,
                position.height.saturating_add(below),
            )
        } else {
            return Ok(());
        };
        let is_news = self.confirmations != Some((have, need));
        let was_complete = self.confirmations.is_some_and(|(have, of)| have >= need && of == need);
        if is_news && !was_complete {
            self.confirmations = Some((have, need));
            self.progress.confirmations(have, need, height)?;
        }
        Ok(())
    }

    async fn height(&self) -> Option<u32> {
        let info = self.session.lightning().get_info(GetInfoRequest {}).await;
        info.ok().map(|info| info.into_inner().block_height)
    }
}

/// The open that reached the goal.
fn reached(goal: Goal, answer: ShowOpenResponse) -> Result<Option<Open>, Failure> {
    let request = answer.request.filter(|request| request.status == "failed");
    if let (Goal::Pending | Goal::Open, Some(request)) = (goal, request) {
        let by = match &*request.origin {
            "peer" => "the peer ended it: ",
            "chain" => "the chain ended it: ",
            "timeout" => "it took too long: ",
            _ => "",
        };
        return Err(Failure::new(Exit::Ended, format!("the open failed: {by}{}", request.text)));
    }
    let Some(open) = answer.opens.into_iter().next_back() else { return Ok(None) };
    let is_there = match goal {
        Goal::Pending => is_on_its_way(&open),
        Goal::Open if matches!(&*open.state, "ShuttingDown" | "Closing" | "Closed") => {
            let text = format!("the channel opened and is in {}: {}", open.state, open.text);
            return Err(Failure::new(Exit::Ended, text));
        }
        Goal::Open => open.state == "Normal",
        Goal::ClosePending => !open.closing_txid.is_empty(),
        Goal::Closed => open.state == "Closed",
    };
    Ok(is_there.then_some(open))
}

fn is_on_its_way(open: &Open) -> bool {
    let states = ["WaitForChannelReady", "Normal", "ShuttingDown", "Closing", "Closed"];
    let is_told =
        |position: &FundingPosition| position.name != "unbroadcast" || !position.refused.is_empty();
    states.contains(&&*open.state) && open.position.as_ref().is_some_and(is_told)
}

const fn depth(tip: u32, height: u32) -> u32 {
    tip.saturating_sub(height).saturating_add(1)
}

/// How often to look.
const LOOK: Duration = Duration::from_millis(150);
/// How long the daemon may stay away.
const PATIENCE: Duration = Duration::from_secs(60);
/// The depth at which a close is settled.
const SETTLED: u32 = 6;
