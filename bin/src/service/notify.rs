//! What a service of `Type=notify` tells its manager: lines in a datagram to the socket that `NOTIFY_SOCKET`
//! names. Nothing here can fail in a way that matters: whoever does not listen is not told.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the environment of this process says.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let for_another =
            variable("WATCHDOG_PID").is_some_and(|pid| pid != std::process::id().to_string());
        let watchdog = variable("WATCHDOG_USEC").filter(|_| !for_another);
        Self::new(&variable("NOTIFY_SOCKET").unwrap_or_default(), watchdog.as_deref())
    }

    /// To the socket of this name, `@` for an abstract one; the watchdog in microseconds.
    pub fn new(socket: &str, watchdog: Option<&str>) -> Self {
        let address = match socket.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(socket),
        };
        let address = address.ok().filter(|_| !socket.is_empty());
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        let watchdog = watchdog.and_then(|text| text.parse().ok()).filter(|time| *time > 0);
        Self { socket, watchdog: watchdog.map(Duration::from_micros) }
    }

    /// After this time without a ping the service is killed.
    pub const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// It serves.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// It reads its configuration anew; [`Notify::ready`] ends that.
    pub fn reloading(&self) {
        self.send("RELOADING=1");
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for whoever asks how it is.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace(['\n', '\r'], " ")));
    }

    /// It lives.
    pub fn alive(&self) {
        if self.watchdog.is_some() {
            self.send("WATCHDOG=1");
        }
    }

    /// Starting or stopping takes so much longer from now on.
    pub fn extend(&self, time: Duration) {
        self.send(&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
    }

    fn send(&self, line: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(line.as_bytes(), address)
        {
            tracing::debug!(%error, line, "the service manager does not listen");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn both_kinds_of_sockets_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("navvy-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
        for (socket, name) in
            [(by_path, path.display().to_string()), (abstract_one, format!("@{name}"))]
        {
            let notify = Notify::new(&name, Some("1000000"));
            notify.ready();
            assert_eq!(heard(&socket), "READY=1");
            notify.status("two\nlines");
            assert_eq!(heard(&socket), "STATUS=two lines");
            notify.extend(Duration::from_secs(2));
            assert_eq!(heard(&socket), "EXTEND_TIMEOUT_USEC=2000000");
            notify.alive();
            assert_eq!(heard(&socket), "WATCHDOG=1");
        }
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        for (socket, watchdog) in [("", None), ("/nonexistent/x", Some("0")), ("x", Some("soon"))] {
            let notify = Notify::new(socket, watchdog);
            assert_eq!(notify.watchdog(), None);
            notify.ready();
        }
    }
}
