//! The files of the repository.

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

/// A tracked text file, its path as git prints it.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The tidy test itself has to name what it looks for.
    pub fn is_tidy(&self) -> bool {
        self.path.starts_with("tests/tidy/")
    }

    /// Lines with their numbers, counted from one.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().zip(1..).map(|(line, number)| (number, line))
    }
}

/// All of them. One that is gone from the disk, or is no text, is left out.
pub fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let root = root();
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(&root).output();
        let listed = listed.expect("git runs");
        assert!(listed.status.success(), "git ls-files: {}", listed.status);
        let listed = String::from_utf8(listed.stdout).expect("paths are UTF-8");
        let paths = listed.split_terminator('\0');
        paths
            .filter_map(|path| {
                let text = fs::read_to_string(root.join(path)).ok()?;
                Some(File { path: path.into(), text })
            })
            .collect()
    })
}

/// The one with this path.
pub fn file(path: &str) -> &'static File {
    files().iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is missing"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
