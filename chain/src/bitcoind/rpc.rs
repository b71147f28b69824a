//! JSON-RPC: calls, batches of calls, credentials, and what their failures mean.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::follow::sleep;
use super::http::{Http, HttpError, Response};
use crate::BackendError;

/// How to prove to bitcoind who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// The file that bitcoind writes at each start. It is read again for each new connection.
    Cookie(PathBuf),
    /// A user and its password, as in `rpcauth`.
    Password {
        /// The user.
        user: String,
        /// Its password.
        password: String,
    },
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie(path) => write!(f, "Cookie({})", path.display()),
            Self::Password { user, .. } => write!(f, "Password({user})"),
        }
    }
}

/// A client of one bitcoind.
pub(super) struct Rpc {
    http: Http,
    auth: Auth,
    /// The header made from `auth`, while it works.
    authorization: Option<String>,
    patience: Duration,
}

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum RpcError {
    /// No answer, or none that can be understood.
    Unavailable(String),
    /// bitcoind says no.
    Said { code: i64, message: String },
}

impl From<RpcError> for BackendError {
    fn from(error: RpcError) -> Self {
        Self::Unavailable(match error {
            RpcError::Unavailable(text) => text,
            RpcError::Said { code, message } => format!("bitcoind says: {message} ({code})"),
        })
    }
}

impl Rpc {
    pub fn new(address: String, auth: Auth, patience: Duration) -> Self {
        Self { http: Http::new(address), auth, authorization: None, patience }
    }

    /// The number of the open connection; `None`: the next call opens one.
    pub fn connection(&self) -> Option<u64> {
        self.http.is_connected().then(|| self.http.connections())
    }

    /// One call.
    pub fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<T, RpcError> {
        self.call_within(method, params, Duration::ZERO)
    }

    /// One call that may by its nature take up to `wait` before the answer comes.
    pub fn call_within<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &Value,
        wait: Duration,
    ) -> Result<T, RpcError> {
        let answer = self.send(&request(0, method, params), wait)?;
        let reply: Reply = self.parse(method, answer)?;
        self.result(method, reply, 0)
    }

    /// The same, on a connection of its own. A call on an old connection that breaks is sent again,
    /// which is not for a call that must not happen twice.
    pub fn call_once<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<T, RpcError> {
        self.http.disconnect();
        self.call(method, params)
    }

    /// Many calls of one method at a time. The outer error concerns all of them.
    pub fn batch<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &[Value],
    ) -> Result<Vec<Result<T, RpcError>>, RpcError> {
        let mut results = Vec::new();
        for portion in params.chunks(BATCH) {
            let calls: Vec<Value> =
                (0_u64..).zip(portion).map(|(id, params)| request(id, method, params)).collect();
            let answer = self.send(&Value::Array(calls), Duration::ZERO)?;
            let mut replies: Vec<Reply> = self.parse(method, answer)?;
            replies.sort_by_key(|reply| reply.id);
            if replies.len() != portion.len() {
                return Err(self.nonsense(method, "it has not an answer to each call"));
            }
            for (id, reply) in (0_u64..).zip(replies) {
                match self.result(method, reply, id) {
                    // No answer to one call is no answer to the batch.
                    Err(away @ RpcError::Unavailable(_)) => return Err(away),
                    answer @ (Ok(_) | Err(RpcError::Said { .. })) => results.push(answer),
                }
            }
        }
        Ok(results)
    }

    /// An answer that makes no sense.
    pub fn nonsense(&self, method: &str, what: impl fmt::Display) -> RpcError {
        RpcError::Unavailable(format!(
            "the answer of {} to {method} cannot be used, {what}: is it a Bitcoin Core node?",
            self.http.address()
        ))
    }

    /// Sends, and again in a moment while it is too busy: it has not begun with a call that it refuses so.
    fn send(&mut self, request: &Value, wait: Duration) -> Result<Response, RpcError> {
        let body = request.to_string();
        let patience = self.patience.saturating_add(wait);
        let mut response = self.send_once(&body, patience)?;
        for pause in BUSY_PAUSES {
            if response.status != BUSY {
                break;
            }
            sleep(Duration::from_millis(pause));
            response = self.send_once(&body, patience)?;
        }
        Ok(response)
    }

    fn send_once(&mut self, body: &str, patience: Duration) -> Result<Response, RpcError> {
        let had_authorization = self.http.is_connected() && self.authorization.is_some();
        let response = self.post(body.as_bytes(), patience)?;
        if response.status != UNAUTHORIZED || !had_authorization {
            return Ok(response);
        }
        // The cookie is another one since bitcoind was started again.
        self.http.disconnect();
        self.post(body.as_bytes(), patience)
    }

    fn post(&mut self, body: &[u8], patience: Duration) -> Result<Response, RpcError> {
        let authorization = match self.authorization.take() {
            Some(authorization) if self.http.is_connected() => authorization,
            Some(_) | None => self.read_authorization()?,
        };
        let response = self.http.post(&authorization, body, patience);
        self.authorization = Some(authorization);
        response.map_err(|error| self.unreachable(&error))
    }

    fn read_authorization(&self) -> Result<String, RpcError> {
        let credentials = match &self.auth {
            Auth::Password { user, password } => format!("{user}:{password}"),
            Auth::Cookie(path) => std::fs::read_to_string(path).map_err(|error| {
                RpcError::Unavailable(format!(
                    "cannot read the cookie of bitcoind, {}: {error}: is bitcoind running, and may \
                     we read its files?",
                    path.display()
                ))
            })?,
        };
        Ok(format!("Basic {}", STANDARD.encode(credentials.trim_end())))
    }

    /// The JSON of an answer whose status allows for it.
    fn parse<T: DeserializeOwned>(&self, method: &str, answer: Response) -> Result<T, RpcError> {
        let what = match answer.status {
            // Errors of single calls come with these, and say more in their body.
            200 | 404 | 500 => {
                return serde_json::from_slice(&answer.body).map_err(|error| {
                    let text = String::from_utf8_lossy(&answer.body);
                    let (status, start) = (answer.status, printable(&text, 60));
                    self.nonsense(method, format!("HTTP {status}, {error}, it begins {start:?}"))
                });
            }
            UNAUTHORIZED => "refuses our user and password: correct them, or the cookie's path",
            403 => "does not let us in from this address: see its setting rpcallowip",
            BUSY => "has too many calls at once: raise its setting rpcworkqueue",
            _ => "answers with an unexpected status: is it a Bitcoin Core node?",
        };
        let (address, status) = (self.http.address(), answer.status);
        Err(RpcError::Unavailable(format!("bitcoind at {address} {what} (HTTP {status})")))
    }

    fn result<T: DeserializeOwned>(
        &self,
        method: &str,
        reply: Reply,
        id: u64,
    ) -> Result<T, RpcError> {
        if let Some(Failure { code, message }) = reply.error {
            let message = printable(&message, 500);
            return Err(match code {
                IN_WARMUP => RpcError::Unavailable(format!(
                    "bitcoind is starting ({message}): it will answer in a while"
                )),
                _ => RpcError::Said { code, message },
            });
        }
        if reply.id != Some(id) {
            return Err(self.nonsense(method, "it is an answer to another call"));
        }
        serde_json::from_value(reply.result).map_err(|error| self.nonsense(method, error))
    }

    fn unreachable(&self, error: &HttpError) -> RpcError {
        RpcError::Unavailable(format!(
            "no answer from bitcoind at {}: {error}: is it running, and is this the address of its \
             RPC?",
            self.http.address()
        ))
    }
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Option<Failure>,
    #[serde(default)]
    id: Option<u64>,
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
    #[serde(default)]
    message: String,
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "1.0", "id": id, "method": method, "params": params })
}

/// Text of another program, safe and short enough for a log.
fn printable(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

/// Codes of Bitcoin Core that need an answer of their own.
pub(super) const MISC_ERROR: i64 = -1;
pub(super) const TYPE_ERROR: i64 = -3;
pub(super) const NOT_FOUND: i64 = -5;
pub(super) const INVALID_PARAMETER: i64 = -8;
pub(super) const UNDECODABLE: i64 = -22;
pub(super) const VERIFY_ERROR: i64 = -25;
pub(super) const VERIFY_REJECTED: i64 = -26;
pub(super) const ALREADY_IN_CHAIN: i64 = -27;
pub(super) const UNKNOWN_METHOD: i64 = -32601;
const IN_WARMUP: i64 = -28;

const UNAUTHORIZED: u16 = 401;
const BUSY: u16 = 503;

/// Milliseconds to wait before each new try of a call that found bitcoind busy.
const BUSY_PAUSES: [u64; 5] = [50, 100, 200, 400, 800];

/// Most calls in one request.
const BATCH: usize = 200;
