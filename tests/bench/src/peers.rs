//! The daemons that are started: navvyd, and the peers that the environment names.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::clock::wait;
use crate::http::ask;
use crate::process::free_port;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Navvyd,
    /// LND.
    Lnd,
    /// The program around ldk-node.
    Ldk,
}

impl Kind {
    /// Its program; `None`, and a line that says so, when nobody named it.
    pub fn program(self) -> Option<PathBuf> {
        let variable = match self {
            Self::Navvyd => "NAVVYD_EXE",
            Self::Lnd => "NAVVY_LND_EXE",
            Self::Ldk => "NAVVY_LDK_EXE",
        };
        let path = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        if path.is_none() {
            crate::table::note(&format!("{variable} is not set: its rows are missing"));
        }
        path
    }
}

/// A running daemon.
pub struct Daemon {
    kind: Kind,
    folder: PathBuf,
    name: String,
    program: PathBuf,
    /// Where peers reach it.
    pub port: u16,
    rest: u16,
    arguments: Vec<String>,
    child: Child,
    /// From its start until it said that it is ready.
    pub start: Duration,
}

impl Daemon {
    /// Starts one in a folder of this name.
    pub fn start(kind: Kind, folder: &Path, name: &str, bitcoind: &Bitcoind) -> Option<Self> {
        let program = kind.program()?;
        let (port, rest) = (free_port(), free_port());
        let data = folder.join(name);
        let arguments = match kind {
            Kind::Navvyd => navvyd(&data, port, bitcoind),
            Kind::Lnd => lnd(&data, port, rest, bitcoind),
            Kind::Ldk => ldk(&data, port, bitcoind),
        };
        let (child, start) = begin(kind, folder, name, &program, &arguments);
        let folder = folder.to_owned();
        let name = name.to_owned();
        let daemon = Self { kind, folder, name, program, port, rest, arguments, child, start };
        if kind == Kind::Lnd {
            wait(120, "lnd to follow the chain", || {
                daemon.lnd("/v1/getinfo", None).ok().filter(|info| info["synced_to_chain"] == true)
            });
        }
        Some(daemon)
    }

    /// Stops it and starts it on what it has.
    pub fn restart(&mut self) -> Duration {
        self.stop();
        (self.child, self.start) =
            begin(self.kind, &self.folder, &self.name, &self.program, &self.arguments);
        self.start
    }

    /// A polite stop.
    pub fn stop(&mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if begun.elapsed() > Duration::from_secs(60) {
                self.child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has in memory, in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        1_024 * line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    }

    /// Calls LND.
    pub fn lnd(&self, path: &str, body: Option<&Value>) -> Result<Value, String> {
        ask(self.rest, path, body)
    }

    /// Calls the program around ldk-node.
    pub fn ldk(&self, command: &Value) -> Value {
        let socket = self.folder.join(&self.name).join("control.sock");
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer["done"].clone()
    }

    /// Its node id.
    pub fn node_id(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match self.kind {
            Kind::Navvyd => {
                let log = std::fs::read_to_string(self.log()).unwrap();
                let line = log.lines().find(|line| line.contains(" listens on ")).unwrap();
                line.split_whitespace().nth(1).unwrap().to_owned()
            }
            Kind::Lnd => text(&self.lnd("/v1/getinfo", None).unwrap()["identity_pubkey"]),
            Kind::Ldk => text(&self.ldk(&json!({"command": "info"}))["node_id"]),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it and waits until it serves.
fn begin(
    kind: Kind,
    folder: &Path,
    name: &str,
    program: &Path,
    arguments: &[String],
) -> (Child, Duration) {
    let path = folder.join("notify");
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let control = folder.join(name).join("control.sock");
    let _ = std::fs::remove_file(&control);
    let log = File::create(folder.join(format!("{name}.log"))).unwrap();
    let begun = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .env("NOTIFY_SOCKET", &path)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    if kind == Kind::Ldk {
        wait(60, "ldk-node to listen", || UnixStream::connect(&control).ok());
    } else {
        let mut buffer = [0; 4_096];
        loop {
            let length = socket.recv(&mut buffer).expect("READY=1");
            if String::from_utf8_lossy(&buffer[..length]).contains("READY=1") {
                break;
            }
        }
    }
    (child, begun.elapsed())
}

fn words(words: &[(&str, String)]) -> Vec<String> {
    words.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]).collect()
}

fn navvyd(data: &Path, port: u16, bitcoind: &Bitcoind) -> Vec<String> {
    let password = data.with_extension("password");
    std::fs::write(&password, PASSWORD).unwrap();
    words(&[
        ("--data-dir", data.display().to_string()),
        ("--listen", format!("127.0.0.1:{port}")),
        ("--bitcoind", format!("127.0.0.1:{}", bitcoind.port)),
        ("--bitcoind-user", USER.to_owned()),
        ("--bitcoind-password-file", password.display().to_string()),
    ])
}

fn lnd(data: &Path, port: u16, rest: u16, bitcoind: &Bitcoind) -> Vec<String> {
    vec![
        format!("--lnddir={}", data.display()),
        "--bitcoin.regtest".to_owned(),
        "--bitcoin.node=bitcoind".to_owned(),
        format!("--bitcoind.rpchost=127.0.0.1:{}", bitcoind.port),
        format!("--bitcoind.rpcuser={USER}"),
        format!("--bitcoind.rpcpass={PASSWORD}"),
        "--bitcoind.rpcpolling".to_owned(),
        "--bitcoind.blockpollinginterval=200ms".to_owned(),
        "--bitcoind.txpollinginterval=200ms".to_owned(),
        "--noseedbackup".to_owned(),
        "--nobootstrap".to_owned(),
        "--no-macaroons".to_owned(),
        "--no-rest-tls".to_owned(),
        "--maxpendingchannels=100000".to_owned(),
        format!("--listen=127.0.0.1:{port}"),
        format!("--rpclisten=127.0.0.1:{}", free_port()),
        format!("--restlisten=127.0.0.1:{rest}"),
    ]
}

fn ldk(data: &Path, port: u16, bitcoind: &Bitcoind) -> Vec<String> {
    words(&[
        ("--data-dir", data.display().to_string()),
        ("--listen", format!("127.0.0.1:{port}")),
        ("--bitcoind", format!("127.0.0.1:{}", bitcoind.port)),
        ("--bitcoind-user", USER.to_owned()),
        ("--bitcoind-password", PASSWORD.to_owned()),
    ])
}
