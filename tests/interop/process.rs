//! A server as a child process: its own folder, its own ports, its log in a file, ended by its own id.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// A running server.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints goes to `<folder>/<name>.log`.
    pub fn start(name: &str, folder: &Path, program: &Path, arguments: &[String]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { name: name.to_owned(), child, log }
    }

    /// SIGKILL: no shutdown code runs.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended, with its code.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().ok().flatten().map(|status| status.code())
    }

    /// What it has in memory now, in megabytes.
    pub fn megabytes(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1_024.0
    }

    /// SIGTERM, and the end.
    pub fn terminate(&mut self) -> Option<i32> {
        if let Some(code) = self.ended() {
            return code;
        }
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let name = self.name.clone();
        wait_for(&format!("{name} to end"), || self.ended()).or(Some(-1))
    }

    /// Prints the lines of its log that hold one of these words.
    pub fn print_lines(&self, words: &[&str]) {
        println!("--- what {} says", self.name);
        for line in self.lines(words) {
            println!("{}", line.chars().take(220).collect::<String>());
        }
    }

    /// The lines of its log that hold one of these words.
    pub fn lines(&self, words: &[&str]) -> Vec<String> {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| words.iter().any(|word| line.contains(word)));
        lines.map(str::to_owned).collect()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.name, self.log_tail());
        }
    }
}

/// A port of loopback that nobody has now. It lies below those that the system gives to outgoing
/// connections, one of which could otherwise take it before its server does.
pub fn free_port() -> u16 {
    let start = u16::try_from(std::process::id() % 400).expect("below 400");
    loop {
        let port = 20_000 + start * 20 + NEXT_PORT.fetch_add(1, Ordering::Relaxed) % 4_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// Polls until there is an answer, with a deadline.
pub fn wait_for<T>(what: &str, f: impl FnMut() -> Option<T>) -> T {
    wait_within(Duration::from_secs(60), what, f)
}

/// Polls until there is an answer, or this time is over.
pub fn wait_within<T>(time: Duration, what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(answer) = f() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        pause();
    }
}

/// Between two looks at the same thing.
pub fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// The program that an environment variable names.
pub fn program(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => panic!("{variable} is not set: start these tests with tests/run"),
    }
}
