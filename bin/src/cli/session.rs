//! A connection to the daemon, and what its refusals mean.

use super::daemon_socket::Location;
use super::message_json;
use super::output::{self, Format};
use crate::exit::{Exit, Failure};
use prost::Message;
use rpc::proto::lnrpc::lightning_client::LightningClient;
use rpc::proto::navvy::navvy_client::NavvyClient;
use rpc::proto::navvy::regtest_client::RegtestClient;
use rpc::proto::navvy::{StandingRequest, StandingResponse};
use rpc::tonic::transport::Channel;
use rpc::tonic::{Code, Response, Status};
use std::error::Error;

/// A connection to the daemon.
pub struct Session {
    location: Location,
    channel: Channel,
    /// How answers are printed.
    pub format: Format,
}

impl Session {
    /// Connects; what the daemon is asked for comes later.
    ///
    /// # Errors
    /// [`Exit::Unreachable`] when nobody answers there.
    pub async fn connect(location: Location, format: Format) -> Result<Self, Failure> {
        let socket = location.socket();
        match rpc::connect(&socket).await {
            Ok(channel) => Ok(Self { location, channel, format }),
            Err(error) => Err(location.unreachable(&innermost(&error))),
        }
    }

    /// LND's service.
    pub fn lightning(&self) -> LightningClient<Channel> {
        LightningClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    /// Ours.
    pub fn navvy(&self) -> NavvyClient<Channel> {
        NavvyClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    /// The embedded chain's.
    pub fn regtest(&self) -> RegtestClient<Channel> {
        RegtestClient::new(self.channel.clone())
    }

    /// Nobody answers any more.
    pub fn unreachable(&self, reason: &str) -> Failure {
        self.location.unreachable(reason)
    }

    /// The daemon's no, or that it went away.
    pub fn failure(&self, status: &Status) -> Failure {
        if went_away(status) {
            return self.location.unreachable(&innermost(status));
        }
        if status.code() == Code::Unimplemented {
            let text = "this daemon cannot do that: it is of another version than this command";
            return Failure::new(Exit::Refused, text);
        }
        Failure::new(Exit::Refused, one_line(status.message()))
    }

    /// Prints an answer: a table for people, or the message of this full name as JSON.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn show<M: Message>(
        &self,
        name: &str,
        message: &M,
        table: impl FnOnce(&M) -> String,
    ) -> Result<(), Failure> {
        if self.format.is_table() {
            output::print_for_people(&table(message))
        } else {
            output::print(&message_json::pretty(name, message)?)
        }
    }

    /// How the node stands: what LND's messages have no fields for.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn standing(&self) -> Result<StandingResponse, Failure> {
        let answer = self.navvy().standing(StandingRequest {}).await;
        answer.map(Response::into_inner).map_err(|status| self.failure(&status))
    }

    /// As [`Session::show`]; as JSON with the standing as one more field, `navvy`.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn show_with<M: Message>(
        &self,
        name: &str,
        message: &M,
        standing: &StandingResponse,
        table: impl FnOnce(&M, &StandingResponse) -> String,
    ) -> Result<(), Failure> {
        if self.format.is_table() {
            return output::print_for_people(&table(message, standing));
        }
        let own = "navvy.v1.StandingResponse";
        output::print(&message_json::pretty_with(name, message, own, standing)?)
    }
}

/// Whether the connection broke, rather than that the daemon said no.
pub fn went_away(status: &Status) -> bool {
    status.source().is_some()
}

/// The reason behind the reasons: outer ones only say that something went wrong.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn one_line(text: &str) -> String {
    if text.is_empty() {
        return "the daemon refused, and did not say why".to_owned();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The largest answer that is read: a list of some 100,000 channels.
const LARGEST: usize = 256 * 1024 * 1024;
