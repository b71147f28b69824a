//! A service manager that only listens, and the daemon that it starts.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The socket, and what came.
pub struct Manager {
    path: PathBuf,
    socket: UnixDatagram,
    heard: RefCell<Vec<String>>,
}

impl Manager {
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { path, socket, heard: RefCell::default() }
    }

    pub fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// The next line, if one comes in time.
    pub fn next(&self, time: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut buffer = [0; 4_096];
        let length = self.socket.recv(&mut buffer).ok()?;
        let line = String::from_utf8(buffer[..length].to_vec()).unwrap();
        self.heard.borrow_mut().push(line.clone());
        Some(line)
    }

    /// The next line with these words; others that come before it are passed over.
    pub fn wait(&self, words: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            match self.next(left) {
                Some(line) if line.contains(words) => return line,
                Some(_) => {}
                None => panic!("no {words} after {:?}", self.heard.borrow()),
            }
        }
    }

    /// Drops what came and was not read.
    pub fn forget(&self) {
        while self.next(Duration::from_millis(1)).is_some() {}
    }

    pub fn has_heard(&self, beginning: &str) -> bool {
        self.heard.borrow().iter().any(|line| line.starts_with(beginning))
    }
}

/// The daemon.
pub struct Navvyd {
    child: Child,
    folder: PathBuf,
    address: Option<String>,
}

impl Navvyd {
    pub fn start(
        folder: &Path,
        manager: &Manager,
        watchdog: Option<&str>,
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_navvyd"));
        command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("data"))
            .args(arguments)
            .env("NOTIFY_SOCKET", manager.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(folder.join("stderr")).unwrap());
        if let Some(time) = watchdog {
            command.env("WATCHDOG_USEC", time);
        }
        let child = command.spawn().unwrap();
        Self { child, folder: folder.join("data/regtest"), address: None }
    }

    /// Where it listens, as it says.
    pub fn address(&mut self) -> String {
        if self.address.is_none() {
            let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
            let mut lines = lines.map_while(Result::ok);
            let line = lines.find(|line| line.contains(" listens on ")).unwrap();
            self.address = line.rsplit(' ').next().map(str::to_owned);
        }
        self.address.clone().unwrap()
    }

    /// The sockets in its data folder.
    pub fn sockets(&self) -> impl Iterator<Item = PathBuf> {
        let files = std::fs::read_dir(&self.folder).unwrap().map_while(Result::ok);
        files.filter(|file| file.file_type().unwrap().is_socket()).map(|file| file.path())
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(status.success());
    }

    /// Its exit code, once it has ended; `None`: by a signal.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Navvyd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
