//! The real programs: a navvyd on an embedded chain, or the two nodes of `demo --keep`, and the command.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const NAVVY: &str = env!("CARGO_BIN_EXE_navvy");
/// The generator of the curve: a key that nobody listens under.
pub const NOBODY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// What a program said, and its code.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub errors: String,
}

impl Said {
    pub fn new(output: Output) -> Self {
        Self {
            code: output.status.code().expect("an exit code"),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap().trim_end().to_owned(),
        }
    }

    /// Its answer, as it succeeded.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its answers, one a line.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// It failed with this code, and one line that has these words.
    pub fn fails(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.errors.lines().count(), 1, "{self:?}");
        assert!(self.errors.contains(words), "{words:?} is not in {self:?}");
    }
}

/// The command, for the node at this socket.
pub struct Navvy {
    pub socket: PathBuf,
}

impl Navvy {
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(NAVVY);
        command.arg("--rpc").arg(&self.socket).args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NAVVY_")) {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::new(self.command(arguments).output().unwrap())
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).json()
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn address(&self) -> String {
        self.json(&["newaddress"])["address"].as_str().unwrap().to_owned()
    }
}

/// A navvyd on a chain of its own.
pub struct Daemon {
    pub navvy: Navvy,
    pub folder: TempDir,
    child: Option<Child>,
}

impl Daemon {
    pub fn start() -> Self {
        let mut daemon = Self::prepare();
        daemon.start_again();
        daemon
    }

    /// Its folder.
    pub fn prepare() -> Self {
        let folder = TempDir::new().unwrap();
        let navvy = Navvy { socket: folder.path().join("regtest/rpc.sock") };
        Self { navvy, folder, child: None }
    }

    pub fn start_again(&mut self) {
        self.launch(&["--embedded-chain"]);
        self.wait_synced();
    }

    pub fn wait_synced(&self) {
        let synced = || {
            let said = self.navvy.run(&["getinfo"]);
            (said.code == 0 && said.json()["synced_to_chain"] == true).then_some(())
        };
        wait_for("navvyd to follow its chain", synced);
    }

    /// With these flags; it may not serve yet.
    pub fn launch(&mut self, flags: &[&str]) {
        self.launch_with_input(flags, b"");
    }

    /// The same, with something to read.
    pub fn launch_with_input(&mut self, flags: &[&str], input: &[u8]) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_navvyd"))
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.folder.path())
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let mut child = child.unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.child = Some(child);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let child = self.child.as_mut().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// How many files its process may have open.
    pub fn limit_files(&self, limit: &str) {
        let process = self.child.as_ref().unwrap().id().to_string();
        let nofile = format!("--nofile={limit}:");
        let status = Command::new("prlimit").args(["--pid", &process, &nofile]).status();
        assert!(status.unwrap().success());
    }

    /// How many it has.
    pub fn open_files(&self) -> usize {
        let process = self.child.as_ref().unwrap().id();
        std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits until it has ended by itself; its code.
    pub fn wait_end(&mut self) -> Option<i32> {
        let child = self.child.as_mut().unwrap();
        wait_for("navvyd to end", || child.try_wait().unwrap()).code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            eprintln!("{}", log.unwrap_or_default());
        }
    }
}

/// The two nodes of `demo --keep`.
pub struct Demo {
    pub alice: Navvy,
    pub bob: Navvy,
    pub said: String,
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Demo {
    pub fn keep() -> Self {
        let mut command = Command::new(NAVVY);
        let child = command.args(["demo", "--keep"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("--news") {
            assert_ne!(out.read_line(&mut said).unwrap(), 0, "the demo ended: {said}");
        }
        let socket = |name: &str| {
            let words = said.split_whitespace();
            let path = words.map(PathBuf::from).find(|path| path.ends_with(name));
            Navvy { socket: path.unwrap_or_else(|| panic!("no {name} in {said}")) }
        };
        let (alice, bob) = (socket("alice.sock"), socket("bob.sock"));
        Self { alice, bob, said, child, _out: out }
    }

    /// The commands that it prints, without the program's name.
    pub fn commands(&self) -> Vec<Vec<&str>> {
        let lines = self.said.lines().filter_map(|line| line.trim().strip_prefix("navvy "));
        lines.map(|line| line.split_whitespace().collect()).collect()
    }

    /// Bob, as one writes him in `openchannel`.
    pub fn bob_uri(&self) -> String {
        let info = self.bob.json(&["getinfo"]);
        info["uris"][0].as_str().unwrap().to_owned()
    }

    pub fn mine(&self, blocks: u32) {
        self.alice.json(&["regtest", "mine", &blocks.to_string()]);
    }

    /// SIGINT; its code.
    pub fn interrupt(mut self) -> Option<i32> {
        interrupt(&self.child);
        wait_for("the demo to end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = self.alice.socket.parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// SIGINT, as of Ctrl-C.
pub fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

/// What a program says from here on, until it ends.
pub fn rest(child: Child) -> Said {
    Said::new(child.wait_with_output().unwrap())
}

/// Reads until a line has these words.
pub fn read_until(out: &mut impl BufRead, words: &str) -> String {
    let mut said = String::new();
    while !said.contains(words) {
        assert_ne!(out.read_line(&mut said).unwrap(), 0, "no {words:?} in {said}");
    }
    said
}

/// Everything that is left.
pub fn read_all(mut out: impl Read) -> String {
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    text
}

/// Polls until there is an answer, with a deadline.
pub fn wait_for<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = f() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}
