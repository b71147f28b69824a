//! How long navvyd takes to serve and what it holds in memory when idle, beside LND and ldk-node in the same run,
//! on the same bitcoind. The method is in docs/benchmarks.md.
//! `tests/run peers` says where the peers are; what is not named in the environment has no row. `NAVVYD_EXE` may
//! name another build of navvyd.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a benchmark ends at the first surprise"
)]

#[path = "../../tests/interop/bitcoind.rs"]
mod bitcoind;
#[path = "../../tests/interop/process.rs"]
mod process;

use bitcoind::{Bitcoind, PASSWORD, USER};
use process::free_port;
use std::fs::File;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A daemon to start again and again, on the same data.
struct Candidate {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    ready: Ready,
}

/// How one learns that it serves.
enum Ready {
    /// It tells its service manager.
    Notified,
    /// This socket takes a connection.
    Socket(PathBuf),
}

struct Figures {
    start: Duration,
    memory_kib: u64,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    if std::env::var_os("BITCOIND_EXE").is_none() {
        println!("BITCOIND_EXE is not set: see tests/run peers");
        return;
    }
    let bitcoind = Bitcoind::start(folder.path(), &[]);
    bitcoind.mine(101);
    std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
    let mut candidates = vec![navvyd(folder.path(), &bitcoind)];
    candidates.extend(exe("NAVVY_LND_EXE").map(|exe| lnd(exe, folder.path(), &bitcoind)));
    candidates.extend(exe("NAVVY_LDK_EXE").map(|exe| ldk(exe, folder.path(), &bitcoind)));
    println!("{:<10} {:>12} {:>8} {:>12} {:>8}", "daemon", "start", "ratio", "idle RSS", "ratio");
    let mut ours: Option<Figures> = None;
    for candidate in &candidates {
        let figures = measure(candidate, folder.path());
        let first = ours.as_ref().unwrap_or(&figures);
        let ratio = |it: f64, base: f64| it / base;
        println!(
            "{:<10} {:>9.0} ms {:>8.1} {:>8.1} MiB {:>8.1}",
            candidate.name,
            figures.start.as_secs_f64() * 1e3,
            ratio(figures.start.as_secs_f64(), first.start.as_secs_f64()),
            figures.memory_kib as f64 / 1024.0,
            ratio(figures.memory_kib as f64, first.memory_kib as f64),
        );
        ours.get_or_insert(figures);
    }
}

/// The fastest start of several, after a first one that makes the data, and the memory of the last.
fn measure(candidate: &Candidate, folder: &Path) -> Figures {
    stop(start(candidate, folder).0);
    let mut best = Duration::MAX;
    let mut memory_kib = 0;
    for _ in 0..STARTS {
        let (child, took) = start(candidate, folder);
        best = best.min(took);
        std::thread::sleep(IDLE);
        memory_kib = resident(child.id());
        stop(child);
    }
    Figures { start: best, memory_kib }
}

fn start(candidate: &Candidate, folder: &Path) -> (Child, Duration) {
    let path = folder.join("notify");
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    if let Ready::Socket(path) = &candidate.ready {
        let _ = std::fs::remove_file(path);
    }
    let log = File::create(folder.join(format!("{}.log", candidate.name))).unwrap();
    let begun = Instant::now();
    let child = Command::new(&candidate.program)
        .args(&candidate.arguments)
        .env("NOTIFY_SOCKET", &path)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    match &candidate.ready {
        Ready::Notified => {
            let mut buffer = [0; 4_096];
            loop {
                let length = socket.recv(&mut buffer).expect("READY=1");
                if String::from_utf8_lossy(&buffer[..length]).contains("READY=1") {
                    break;
                }
            }
        }
        Ready::Socket(path) => {
            while UnixStream::connect(path).is_err() {
                assert!(begun.elapsed() < Duration::from_secs(60), "{}", candidate.name);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    (child, begun.elapsed())
}

fn stop(mut child: Child) {
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn exe(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn words(words: &[(&str, String)]) -> Vec<String> {
    words.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]).collect()
}

fn navvyd(folder: &Path, bitcoind: &Bitcoind) -> Candidate {
    let arguments = words(&[
        ("--data-dir", folder.join("navvyd").display().to_string()),
        ("--listen", format!("127.0.0.1:{}", free_port())),
        ("--bitcoind", format!("127.0.0.1:{}", bitcoind.port)),
        ("--bitcoind-user", USER.to_owned()),
        ("--bitcoind-password-file", folder.join("password").display().to_string()),
    ]);
    let program = exe("NAVVYD_EXE").unwrap_or(PathBuf::from(env!("CARGO_BIN_EXE_navvyd")));
    Candidate { name: "navvyd", program, arguments, ready: Ready::Notified }
}

fn lnd(program: PathBuf, folder: &Path, bitcoind: &Bitcoind) -> Candidate {
    let arguments = [
        format!("--lnddir={}", folder.join("lnd").display()),
        "--bitcoin.regtest".to_owned(),
        "--bitcoin.node=bitcoind".to_owned(),
        format!("--bitcoind.rpchost=127.0.0.1:{}", bitcoind.port),
        format!("--bitcoind.rpcuser={USER}"),
        format!("--bitcoind.rpcpass={PASSWORD}"),
        "--bitcoind.rpcpolling".to_owned(),
        "--noseedbackup".to_owned(),
        "--nobootstrap".to_owned(),
        format!("--listen=127.0.0.1:{}", free_port()),
        format!("--rpclisten=127.0.0.1:{}", free_port()),
        format!("--restlisten=127.0.0.1:{}", free_port()),
    ];
    Candidate { name: "lnd", program, arguments: arguments.into(), ready: Ready::Notified }
}

fn ldk(program: PathBuf, folder: &Path, bitcoind: &Bitcoind) -> Candidate {
    let data = folder.join("ldk");
    let arguments = words(&[
        ("--data-dir", data.display().to_string()),
        ("--listen", format!("127.0.0.1:{}", free_port())),
        ("--bitcoind", format!("127.0.0.1:{}", bitcoind.port)),
        ("--bitcoind-user", USER.to_owned()),
        ("--bitcoind-password", PASSWORD.to_owned()),
    ]);
    Candidate {
        name: "ldk-node",
        program,
        arguments,
        ready: Ready::Socket(data.join("control.sock")),
    }
}

const STARTS: usize = 3;
/// What a daemon does right after its start is not idleness.
const IDLE: Duration = Duration::from_secs(5);
