//! As much of HTTP/1.1 as a JSON-RPC client needs: POST over a connection that is kept open.
//!
//! The one place in this crate that reads a clock: an answer has a deadline as a whole, not only
//! each of its bytes.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Speaks to one server, over one connection at a time.
pub(super) struct Http {
    /// Host and port.
    address: String,
    connection: Option<TcpStream>,
    /// How many connections there were.
    connections: u64,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum HttpError {
    /// Nobody answers at the address.
    Connect(std::io::Error),
    /// The connection broke.
    Broken(std::io::Error),
    /// The connection was closed before the answer was complete.
    Closed,
    /// The answer did not come in time.
    TooLate,
    /// The answer is not HTTP.
    Malformed(&'static str),
    /// The answer is longer than we take.
    TooLarge,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Closed => f.write_str("the connection was closed in the middle of an answer"),
            Self::TooLate => f.write_str("there was no answer in time"),
            Self::Malformed(what) => write!(f, "the answer is not HTTP: {what}"),
            Self::TooLarge => write!(f, "the answer is larger than {MAX_BODY} bytes"),
        }
    }
}

impl Http {
    pub fn new(address: String) -> Self {
        Self { address, connection: None, connections: 0 }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether a connection is open from an earlier answer.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// The number of the newest connection.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// The next request opens a connection of its own.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Sends `body` and waits up to `patience` for the answer. A server may close a connection that
    /// was idle, so a request on an old one is sent again on a new one when not one byte came back.
    pub fn post(
        &mut self,
        authorization: &str,
        body: &[u8],
        patience: Duration,
    ) -> Result<Response, HttpError> {
        let deadline = now().checked_add(patience).ok_or(HttpError::TooLate)?;
        if let Some(stream) = self.connection.take() {
            match self.exchange(stream, authorization, body, deadline) {
                Err(Failed { error, answered: false }) if is_stale(&error) => {}
                other => return other.map_err(|failed| failed.error),
            }
        }
        let stream = self.connect(patience)?;
        self.connections = self.connections.saturating_add(1);
        let answer = self.exchange(stream, authorization, body, deadline);
        answer.map_err(|failed| failed.error)
    }

    fn connect(&self, patience: Duration) -> Result<TcpStream, HttpError> {
        let addresses = self.address.to_socket_addrs().map_err(HttpError::Connect)?;
        let mut last = std::io::Error::new(ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, patience.min(CONNECT_TIMEOUT)) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(HttpError::Connect)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(HttpError::Connect(last))
    }

    /// One request and its answer. The connection is kept only after a complete answer.
    fn exchange(
        &mut self,
        stream: TcpStream,
        authorization: &str,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Response, Failed> {
        let mut reader = Reader { stream, deadline, buffer: Vec::new(), answered: false };
        let request = [self.head(authorization, body.len()).as_bytes(), body].concat();
        let outcome = reader.send(&request).and_then(|()| reader.response());
        match outcome {
            Ok((response, keep)) => {
                if keep && reader.buffer.is_empty() {
                    self.connection = Some(reader.stream);
                }
                Ok(response)
            }
            Err(error) => Err(Failed { error, answered: reader.answered }),
        }
    }

    fn head(&self, authorization: &str, length: usize) -> String {
        format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: keep-alive\r\n\r\n",
            self.address
        )
    }
}

/// A failed exchange, and whether any byte of an answer had come.
struct Failed {
    error: HttpError,
    answered: bool,
}

/// Whether this is what writing to, or reading from, a connection that the server closed looks like.
fn is_stale(error: &HttpError) -> bool {
    matches!(error, HttpError::Broken(_) | HttpError::Closed)
}

/// Bytes of an answer as they come, until the deadline.
struct Reader {
    stream: TcpStream,
    deadline: Instant,
    /// Received and not yet used.
    buffer: Vec<u8>,
    answered: bool,
}

impl Reader {
    fn send(&mut self, request: &[u8]) -> Result<(), HttpError> {
        let left = self.left()?;
        self.stream.set_write_timeout(Some(left)).map_err(HttpError::Broken)?;
        self.stream.write_all(request).map_err(io_error)
    }

    /// The answer, and whether the connection stays open after it.
    fn response(&mut self) -> Result<(Response, bool), HttpError> {
        let (version, status) = self.status_line()?;
        let mut headers = Headers { keep: version != "HTTP/1.0", chunked: false, length: None };
        for _ in 0..MAX_HEADERS {
            let line = self.line()?;
            if line.is_empty() {
                let body = self.body(&headers)?;
                return Ok((Response { status, body }, headers.keep && headers.is_delimited()));
            }
            headers.take(&line)?;
        }
        Err(HttpError::Malformed("it has too many headers"))
    }

    fn status_line(&mut self) -> Result<(String, u16), HttpError> {
        let malformed = HttpError::Malformed("it does not begin with a status");
        let line = self.line()?;
        let mut words = line.split_ascii_whitespace();
        let (Some(version), Some(status)) = (words.next(), words.next()) else {
            return Err(malformed);
        };
        match status.parse() {
            Ok(status) if version.starts_with("HTTP/1.") => Ok((version.to_owned(), status)),
            Ok(_) | Err(_) => Err(malformed),
        }
    }

    fn body(&mut self, headers: &Headers) -> Result<Vec<u8>, HttpError> {
        match (headers.chunked, headers.length) {
            (true, _) => self.chunks(),
            (false, Some(length)) if length > MAX_BODY => Err(HttpError::TooLarge),
            (false, Some(length)) => self.exactly(length),
            (false, None) => self.rest(),
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| HttpError::Malformed("a chunk has no length"))?;
            if size > MAX_BODY.saturating_sub(body.len()) {
                return Err(HttpError::TooLarge);
            }
            body.extend(self.exactly(size)?);
            let end = self.line()?;
            if size == 0 && end.is_empty() {
                return Ok(body);
            }
            if !end.is_empty() {
                return Err(HttpError::Malformed("a chunk does not end where it says"));
            }
        }
    }

    /// All up to the end of the connection.
    fn rest(&mut self) -> Result<Vec<u8>, HttpError> {
        loop {
            if self.buffer.len() > MAX_BODY {
                return Err(HttpError::TooLarge);
            }
            match self.fill() {
                Ok(()) => {}
                Err(HttpError::Closed) => return Ok(std::mem::take(&mut self.buffer)),
                Err(error) => return Err(error),
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, HttpError> {
        while self.buffer.len() < length {
            self.fill()?;
        }
        let after = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, after))
    }

    /// Up to the next end of line, without it.
    fn line(&mut self) -> Result<String, HttpError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line = self.exactly(end.saturating_add(1))?;
                line.truncate(end);
                let line = String::from_utf8(line)
                    .map_err(|_| HttpError::Malformed("a header is not text"))?;
                return Ok(line.trim_end_matches('\r').to_owned());
            }
            if self.buffer.len() > MAX_LINE {
                return Err(HttpError::Malformed("a header is too long"));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), HttpError> {
        let left = self.left()?;
        self.stream.set_read_timeout(Some(left)).map_err(HttpError::Broken)?;
        let mut bytes = [0; 16 * 1024];
        let count = loop {
            match self.stream.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other.map_err(io_error)?,
            }
        };
        if count == 0 {
            return Err(HttpError::Closed);
        }
        self.answered = true;
        self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(())
    }

    /// Time until the deadline, never zero.
    fn left(&self) -> Result<Duration, HttpError> {
        let left = self.deadline.saturating_duration_since(now());
        if left.is_zero() { Err(HttpError::TooLate) } else { Ok(left) }
    }
}

/// What the headers say of the body and of the connection.
struct Headers {
    keep: bool,
    chunked: bool,
    length: Option<usize>,
}

impl Headers {
    fn take(&mut self, line: &str) -> Result<(), HttpError> {
        let Some((name, value)) = line.split_once(':') else {
            return Err(HttpError::Malformed("a header has no colon"));
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| HttpError::Malformed("its length is none"))?;
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            self.keep = !value.eq_ignore_ascii_case("close");
        }
        Ok(())
    }

    /// Whether the body ends before the connection does.
    fn is_delimited(&self) -> bool {
        self.chunked || self.length.is_some()
    }
}

/// A timeout of the socket has two names, depending on the system.
fn io_error(error: std::io::Error) -> HttpError {
    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
        HttpError::TooLate
    } else {
        HttpError::Broken(error)
    }
}

#[expect(clippy::disallowed_methods, reason = "deadlines of sockets, on a thread of the backend")]
fn now() -> Instant {
    Instant::now()
}

/// More than the largest block has in hexadecimal.
pub(super) const MAX_BODY: usize = 32 << 20;

const MAX_HEADERS: usize = 100;
const MAX_LINE: usize = 8 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
