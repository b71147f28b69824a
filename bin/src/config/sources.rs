//! Where settings come from: the command line, the environment, the file, what systemd hands over, what is
//! usual. The first that speaks wins.

use super::file::{self, Lines};
use super::settings::{CONFIG, SETTINGS, Setting};
use crate::exit::{Exit, Failure};
use clap::ArgMatches;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// The text of every setting, with its origin.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    given: BTreeMap<&'static str, (String, Origin)>,
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its flag.
    CommandLine,
    /// Its environment variable.
    Environment,
    /// A line of the file.
    File(PathBuf, usize),
    /// A credential that systemd handed over.
    Credential,
    /// Nobody said anything.
    Default,
}

impl Sources {
    /// Looks at the command line, the environment and the file.
    pub(super) fn gather(
        matches: &ArgMatches,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Failure> {
        let mut sources = Self::default();
        for setting in SETTINGS {
            if let Some(text) = matches.get_one::<String>(setting.name) {
                sources.put(setting, text.clone(), Origin::CommandLine);
            } else if let Some(text) = environment(setting.variable) {
                let text = text.into_string().map_err(|_| {
                    let variable = setting.variable;
                    Failure::new(Exit::Usage, format!("{variable}: it is not a text in UTF-8"))
                })?;
                sources.put(setting, text, Origin::Environment);
            }
        }
        let (path, lines) = sources.find_file(matches, environment)?;
        for setting in SETTINGS {
            if sources.given.contains_key(setting.name) {
                continue;
            }
            if let Some((text, line)) = lines.get(setting.name) {
                let origin = Origin::File(path.clone(), *line);
                sources.put(setting, text.clone(), origin);
            } else if let Some(text) = handed_over(setting, environment) {
                sources.put(setting, text, Origin::Credential);
            } else if let Some(text) = default(setting, environment) {
                sources.put(setting, text, Origin::Default);
            }
        }
        Ok(sources)
    }

    /// The file that was named, or the one in the data folder, if it is there.
    fn find_file(
        &self,
        matches: &ArgMatches,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<(PathBuf, Lines), Failure> {
        let named = matches.get_one::<String>(CONFIG).map(PathBuf::from);
        if let Some(path) = named.or_else(|| environment("NAVVY_CONFIG").map(PathBuf::from)) {
            let lines = file::read(&path)?;
            return Ok((path, lines));
        }
        let folder = self.given.get("data-dir").map(|(text, _)| text.clone());
        let folder =
            folder.or_else(|| Setting::named("data-dir").and_then(|s| default(s, environment)));
        let Some(folder) = folder else { return Ok(Default::default()) };
        let path = Path::new(&folder).join(FILE_NAME);
        let lines = if path.exists() { file::read(&path)? } else { Lines::new() };
        if let Some((_, line)) = lines.get("data-dir") {
            let text = format!(
                "{} line {line}: data-dir cannot be set in the file that is in it: name the file \
                 with --config",
                path.display()
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok((path, lines))
    }

    fn put(&mut self, setting: &'static Setting, text: String, origin: Origin) {
        self.given.insert(setting.name, (text, origin));
    }

    /// A setting that may be missing.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let Some((text, origin)) = self.given.get(name) else { return Ok(None) };
        read(text).map(Some).map_err(|what| {
            let place = match origin {
                Origin::CommandLine => format!("--{name}"),
                Origin::Environment => {
                    Setting::named(name).map_or(name, |setting| setting.variable).to_owned()
                }
                Origin::File(path, line) => format!("{} line {line}: {name}", path.display()),
                Origin::Credential | Origin::Default => name.to_owned(),
            };
            Failure::new(Exit::Usage, format!("{place}: {what}"))
        })
    }

    /// A setting that must be there.
    pub(super) fn required<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        self.optional(name, read)?.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("{name} is not set: give --{name}, or see --help"))
        })
    }

    /// A switch; one that nobody set is off.
    pub(super) fn switch(&self, name: &'static str) -> Result<bool, Failure> {
        Ok(self.optional(name, super::values::switch)?.unwrap_or(false))
    }
}

/// As a file that says the same, with the origin of each line. No secret is ever a setting: passwords are in
/// files of their own.
impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in SETTINGS {
            let name = setting.name;
            let Some((text, origin)) = self.given.get(name) else {
                writeln!(f, "# {name} is not set")?;
                continue;
            };
            let line = match setting.value {
                Some(_) if !setting.is_number() => format!("{name} = {}", quoted(text)),
                Some(_) | None => format!("{name} = {text}"),
            };
            let origin = match origin {
                Origin::CommandLine => "command line".to_owned(),
                Origin::Environment => setting.variable.to_owned(),
                Origin::File(path, line) => format!("{} line {line}", path.display()),
                Origin::Credential => "credential of systemd".to_owned(),
                Origin::Default => "default".to_owned(),
            };
            writeln!(f, "{line:<60} # {origin}")?;
        }
        Ok(())
    }
}

/// As TOML writes a text.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn default(setting: &Setting, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<String> {
    if setting.name == "data-dir" {
        let home = environment("HOME").filter(|home| !home.is_empty())?;
        return Some(Path::new(&home).join(".navvy").display().to_string());
    }
    setting.default.map(str::to_owned)
}

/// Files that systemd's `LoadCredential=` puts where only this service can read them.
fn handed_over(
    setting: &Setting,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Option<String> {
    let (_, credential) = CREDENTIALS.iter().find(|(name, _)| *name == setting.name)?;
    let path = Path::new(&environment("CREDENTIALS_DIRECTORY")?).join(credential);
    path.exists().then(|| path.display().to_string())
}

const CREDENTIALS: &[(&str, &str)] =
    &[("password-file", "seed-password"), ("bitcoind-password-file", "bitcoind-password")];

/// The file's name in the data folder.
const FILE_NAME: &str = "navvy.toml";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, settings};

    fn gather(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Sources, Failure> {
        let all = [&["navvyd"], arguments].concat();
        let matches = settings::command().try_get_matches_from(all).unwrap();
        Sources::gather(&matches, &|name| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> (Exit, String) {
        let result = gather(arguments, environment).and_then(|sources| Config::of(&sources));
        let failure = result.expect_err("a refusal");
        (failure.exit, failure.text)
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let path = folder.path().join("navvy.toml");
        std::fs::write(&path, "listen = \"[::1]:1\"\nlog-level = \"warn\"\nnetwork = \"signet\"\n")
            .unwrap();
        let arguments = ["--listen", "127.0.0.1:7", "--embedded-chain"];
        let environment = [("NAVVY_DATA_DIR", data), ("NAVVY_LOG", "debug")];
        let printed = gather(&arguments, &environment).unwrap().to_string();
        let lines: Vec<String> = printed
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for expected in [
            "listen = \"127.0.0.1:7\" # command line".to_owned(),
            "log-level = \"debug\" # NAVVY_LOG".to_owned(),
            format!("network = \"signet\" # {} line 3", path.display()),
            "embedded-chain = true # command line".to_owned(),
            "# bitcoind is not set".to_owned(),
        ] {
            assert!(lines.contains(&expected), "{expected} is not in\n{printed}");
        }
        // What is printed is itself a file that says the same.
        let again = folder.path().join("again.toml");
        std::fs::write(&again, &printed).unwrap();
        let again = gather(&["--config", again.to_str().unwrap()], &[]).unwrap();
        for (name, (text, _)) in &gather(&arguments, &environment).unwrap().given {
            assert_eq!(again.given.get(name).map(|(text, _)| text), Some(text));
        }
    }

    #[test]
    fn each_refusal_says_where_and_what() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "embedded-chain = true\n\nlisten = \"everywhere\"\n").unwrap();
        let file = path.to_str().unwrap();
        let home = [("HOME", "/nowhere")];
        let usage = |text: String| (Exit::Usage, text);
        assert_eq!(
            refusal(&["--config", file], &home),
            usage(format!(
                "{file} line 3: listen: \"everywhere\" is not an address and a port, such as 127.0.0.1:9735"
            ))
        );
        assert_eq!(
            refusal(&["--network", "bitcoin"], &home),
            usage("--network: \"bitcoin\": choose regtest, signet or testnet4".to_owned())
        );
        assert_eq!(
            refusal(&["--embedded-chain"], &[("NAVVY_NETWORK", "x"), ("HOME", "/nowhere")]),
            usage("NAVVY_NETWORK: \"x\": choose regtest, signet or testnet4".to_owned())
        );
        assert_eq!(
            refusal(&["--embedded-chain"], &[]),
            usage("data-dir is not set: give --data-dir, or see --help".to_owned())
        );
        assert_eq!(
            refusal(&["--embedded-chain=perhaps"], &home),
            usage("--embedded-chain: \"perhaps\" is not true or false".to_owned())
        );
        let (exit, text) = refusal(&["--network", "mainnet"], &home);
        assert_eq!(exit, Exit::Usage);
        assert!(text.contains("--i-accept-that-mainnet-channels-stay-as-opened"), "{text}");
        let (exit, text) = refusal(&["--network", "signet", "--embedded-chain"], &home);
        assert_eq!(
            (exit, text.as_str()),
            (Exit::Backend, "embedded-chain is a regtest chain, not one of signet")
        );
    }

    #[test]
    fn peers_are_told_of_no_address_that_they_cannot_reach() {
        let reached = |arguments: &[&str], listens: &str| {
            let all = [&["--bitcoind", "h", "--bitcoind-cookie", "c"], arguments].concat();
            let config = Config::of(&gather(&all, &[("HOME", "/nowhere")]).unwrap()).unwrap();
            config.reached_at(listens.parse().unwrap()).collect::<Vec<_>>()
        };
        let signet = ["--network", "signet"];
        assert!(reached(&signet, "0.0.0.0:9735").is_empty());
        assert!(reached(&signet, "127.0.0.1:9735").is_empty());
        assert_eq!(reached(&[], "127.0.0.1:9735"), ["127.0.0.1:9735"]);
        assert_eq!(reached(&signet, "192.0.2.1:9735"), ["192.0.2.1:9735"]);
        let external = ["--external", "node.example.org, [2001:db8::1]:9736"];
        let names = ["node.example.org:9735", "[2001:db8::1]:9736"];
        assert_eq!(reached(&external, "192.0.2.1:9735"), names);
        for (flag, value) in [
            ("--external", "2001:db8::1"),
            ("--external", "a:port"),
            ("--alias", ""),
            ("--alias", "\u{1b}"),
        ] {
            let (exit, text) = refusal(&["--embedded-chain", flag, value], &[("HOME", "/nowhere")]);
            assert!(exit == Exit::Usage && text.starts_with(flag), "{text}");
        }
    }

    #[test]
    fn limits_are_what_they_were_unless_somebody_says() {
        use crate::limits::Limits;
        let home = [("HOME", "/nowhere")];
        let config = Config::of(&gather(&["--embedded-chain"], &home).unwrap()).unwrap();
        assert_eq!(config.limits, Limits::default(), "defaults of --help are those of the node");
        let arguments =
            ["--embedded-chain", "--minimum-depth", "2", "--max-channel-size", "5_000_000"];
        let config = Config::of(&gather(&arguments, &home).unwrap()).unwrap();
        assert_eq!(config.limits.minimum_depth, Some(2));
        assert_eq!(config.limits.max_channel, bitcoin::Amount::from_sat(5_000_000));
        for (flag, value) in [
            ("--minimum-depth", "0"),
            ("--to-self-delay", "2017"),
            ("--min-channel-size", "999"),
            ("--max-pending", "-1"),
            ("--min-commitment-feerate", "252"),
        ] {
            let flag_and_value = format!("{flag}={value}");
            let (exit, text) = refusal(&["--embedded-chain", &flag_and_value], &home);
            assert!(exit == Exit::Usage && text.contains("choose a whole number"), "{text}");
        }
        let none = ["--embedded-chain", "--min-channel-size=30000", "--max-channel-size=20000"];
        assert!(refusal(&none, &home).1.contains("no channel would be left"));
    }

    #[test]
    fn mainnet_is_let_in_by_its_flag_alone() {
        let accept = "--i-accept-that-mainnet-channels-stay-as-opened";
        let arguments =
            ["--network", "mainnet", accept, "--bitcoind", "h", "--bitcoind-cookie", "c"];
        let config = Config::of(&gather(&arguments, &[("HOME", "/nowhere")]).unwrap()).unwrap();
        assert_eq!(config.network, bitcoin::Network::Bitcoin);
    }

    #[test]
    fn passwords_come_from_credentials_of_systemd() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("seed-password"), "x").unwrap();
        let directory = folder.path().to_str().unwrap();
        let environment = [("CREDENTIALS_DIRECTORY", directory), ("HOME", "/nowhere")];
        let sources = gather(&["--embedded-chain"], &environment).unwrap();
        let config = Config::of(&sources).unwrap();
        assert_eq!(config.password_file, Some(folder.path().join("seed-password")));
    }

    #[test]
    fn settings_have_names_of_their_own() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            let others = SETTINGS.iter().skip(index + 1);
            assert!(others.clone().all(|other| other.name != setting.name), "{}", setting.name);
            assert!(others.clone().all(|other| other.variable != setting.variable));
            assert!(setting.variable.starts_with("NAVVY_"));
        }
    }
}
