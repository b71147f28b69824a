//! Every setting, once.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

/// One setting: a flag `--name`, a key `name` of the file, an environment variable.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its environment variable.
    pub variable: &'static str,
    /// What its value is, in one word of the help; `None`: a switch, which is true or false.
    pub value: Option<&'static str>,
    /// What it is if nobody says.
    pub default: Option<&'static str>,
    /// What it is for.
    pub help: &'static str,
}

impl Setting {
    /// Whether its value is a whole number, in the file too.
    pub fn is_number(&self) -> bool {
        self.value.is_some_and(|value| matches!(value, "SAT" | "BLOCKS" | "SAT/KW" | "COUNT"))
    }

    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

/// Every setting.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "network", variable: "NAVVY_NETWORK", value: Some("NETWORK"), default: Some("regtest"),
        help: "The chain: regtest, signet or testnet4. mainnet is refused without the flag below",
    },
    Setting {
        name: "data-dir", variable: "NAVVY_DATA_DIR", value: Some("FOLDER"), default: None,
        help: "Where everything is kept, one folder for each network in it; if not set, ~/.navvy",
    },
    Setting {
        name: "listen", variable: "NAVVY_LISTEN", value: Some("ADDRESS"), default: Some("127.0.0.1:9735"),
        help: "Where peers may connect",
    },
    Setting {
        name: "external", variable: "NAVVY_EXTERNAL", value: Some("HOST:PORT,.."), default: None,
        help: "Where peers reach this node from outside, for getinfo; if not set, the address of listen, unless that \
               is everywhere or this machine only",
    },
    Setting {
        name: "alias", variable: "NAVVY_ALIAS", value: Some("NAME"), default: None,
        help: "What getinfo calls this node, at most 32 bytes; if not set, the beginning of its key",
    },
    Setting {
        name: "rpc", variable: "NAVVY_RPC", value: Some("SOCKET"), default: None,
        help: "The socket for clients; if not set, rpc.sock in the folder of the network",
    },
    Setting {
        name: "bitcoind", variable: "NAVVY_BITCOIND", value: Some("ADDRESS"), default: None,
        help: "Host and port of the RPC of bitcoind",
    },
    Setting {
        name: "bitcoind-cookie", variable: "NAVVY_BITCOIND_COOKIE", value: Some("FILE"), default: None,
        help: "The cookie file of bitcoind",
    },
    Setting {
        name: "bitcoind-user", variable: "NAVVY_BITCOIND_USER", value: Some("NAME"), default: None,
        help: "The user of the RPC, if there is no cookie",
    },
    Setting {
        name: "bitcoind-password-file", variable: "NAVVY_BITCOIND_PASSWORD_FILE", value: Some("FILE"), default: None,
        help: "A file that holds the password of that user; if not set, the systemd credential bitcoind-password",
    },
    Setting {
        name: "embedded-chain", variable: "NAVVY_EMBEDDED_CHAIN", value: None, default: Some("false"),
        help: "A chain within this process, for a first look: regtest only, and no bitcoind is needed",
    },
    Setting {
        name: "password-file", variable: "NAVVY_PASSWORD_FILE", value: Some("FILE"), default: None,
        help: "A file that holds the password of the seed; if not set, the systemd credential seed-password; \
               without either the seed is not encrypted",
    },
    Setting {
        name: "log-level", variable: "NAVVY_LOG", value: Some("LEVELS"), default: Some("info"),
        help: "off, error, warn, info, debug or trace; others for parts, as in info,funding=debug",
    },
    Setting {
        name: "log-file", variable: "NAVVY_LOG_FILE", value: Some("FILE"), default: None,
        help: "Where logs go, opened anew at SIGHUP; if not set, standard error",
    },
    Setting {
        name: "simple-close", variable: "NAVVY_SIMPLE_CLOSE", value: None, default: Some("false"),
        help: "Offers option_simple_close (BOLT 9, bit 61): each side of a close pays for its own transaction",
    },
    Setting {
        name: "min-channel-size", variable: "NAVVY_MIN_CHANNEL_SIZE", value: Some("SAT"), default: Some("20000"),
        help: "The smallest channel, ours and of peers: 1000 to 16777215",
    },
    Setting {
        name: "max-channel-size", variable: "NAVVY_MAX_CHANNEL_SIZE", value: Some("SAT"), default: Some("16777215"),
        help: "The largest channel, ours and of peers: 1000 to 16777215",
    },
    Setting {
        name: "minimum-depth", variable: "NAVVY_MINIMUM_DEPTH", value: Some("BLOCKS"), default: None,
        help: "The confirmations that the open of a peer needs, 1 to 144; if not set, 3, and 6 from 10 million satoshi on",
    },
    Setting {
        name: "max-minimum-depth", variable: "NAVVY_MAX_MINIMUM_DEPTH", value: Some("BLOCKS"), default: Some("144"),
        help: "The most confirmations that a peer may ask of an open of ours: 1 to 2016",
    },
    Setting {
        name: "to-self-delay", variable: "NAVVY_TO_SELF_DELAY", value: Some("BLOCKS"), default: Some("144"),
        help: "How long a peer waits for its money after its own force close: 1 to 2016",
    },
    Setting {
        name: "max-to-self-delay", variable: "NAVVY_MAX_TO_SELF_DELAY", value: Some("BLOCKS"), default: Some("2016"),
        help: "The longest such wait that a peer may ask of this node: 1 to 10000",
    },
    Setting {
        name: "min-commitment-feerate", variable: "NAVVY_MIN_COMMITMENT_FEERATE", value: Some("SAT/KW"), default: Some("253"),
        help: "The smallest feerate of the commitment that a peer may open with: 253 to 100000",
    },
    Setting {
        name: "max-pending-per-peer", variable: "NAVVY_MAX_PENDING_PER_PEER", value: Some("COUNT"), default: Some("4"),
        help: "How many opens of one peer may wait that neither a block nor the mempool holds: 1 to 1000",
    },
    Setting {
        name: "max-pending", variable: "NAVVY_MAX_PENDING", value: Some("COUNT"), default: Some("1000"),
        help: "The same of all peers, kept in memory: 1 to 100000; with more, the oldest rest on disk",
    },
    Setting {
        name: "max-resting", variable: "NAVVY_MAX_RESTING", value: Some("COUNT"), default: Some("200000"),
        help: "How many rest on disk before new ones are refused: 0 to 1000000",
    },
    Setting {
        name: "max-handshakes", variable: "NAVVY_MAX_HANDSHAKES", value: Some("COUNT"), default: Some("128"),
        help: "Inbound handshakes at once: 1 to 10000",
    },
    Setting {
        name: "max-handshakes-per-block", variable: "NAVVY_MAX_HANDSHAKES_PER_BLOCK", value: Some("COUNT"), default: Some("8"),
        help: "The same from one block of addresses (/24, /48): 1 to 10000",
    },
    Setting {
        name: "max-strangers", variable: "NAVVY_MAX_STRANGERS", value: Some("COUNT"), default: Some("1000"),
        help: "Inbound connections of peers without a channel: 1 to 10000",
    },
    Setting {
        name: "max-strangers-per-block", variable: "NAVVY_MAX_STRANGERS_PER_BLOCK", value: Some("COUNT"), default: Some("16"),
        help: "The same from one block of addresses (/24, /48): 1 to 10000",
    },
    Setting {
        name: "i-accept-that-mainnet-channels-stay-as-opened", variable: "NAVVY_ACCEPT_MAINNET", value: None,
        default: Some("false"),
        help: "Lets mainnet in, although a channel cannot be updated after its opening: no payments, only a close",
    },
];

/// The command line: the settings, and some flags that are not settings.
pub(super) fn command() -> Command {
    let mut command = Command::new("navvyd")
        .bin_name("navvyd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A headless Lightning node that opens channels")
        .after_help(StyledStr::from(AFTER_HELP))
        .arg(Arg::new(CONFIG).long(CONFIG).value_name("FILE").help(
            "The configuration file; if not set, navvy.toml in the data folder, if it is there",
        ))
        .arg(
            Arg::new(PRINT)
                .long(PRINT)
                .action(ArgAction::SetTrue)
                .help("Prints every setting and where it came from, and ends"),
        )
        .arg(Arg::new(RECOVER).long(RECOVER).value_name("FILE").help(
            "Makes a node of the 24 words in this file, which only its owner may read; - is standard input. Only where \
             there is no node yet; the next starts need no flag",
        ))
        .arg(
            Arg::new(RECOVER_FROM)
                .long(RECOVER_FROM)
                .value_name("HEIGHT")
                .value_parser(clap::value_parser!(u32))
                .help(
                    "The first block that may hold its coins; if not set, the chain is read from its beginning. Without \
                     --recover: a node that has an older copy of its database again looks from this block on for what \
                     its peers' closes pay",
                ),
        );
    for setting in SETTINGS {
        let mut help = setting.help.to_owned();
        if let (Some(default), Some(_)) = (setting.default, setting.value) {
            help = format!("{help} [default: {default}]");
        }
        let arg = Arg::new(setting.name).long(setting.name).help(help);
        command = command.arg(match setting.value {
            Some(value) => arg.value_name(value),
            None => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_name("true|false"),
        });
    }
    command
}

/// The flag that names the file.
pub(super) const CONFIG: &str = "config";
/// The flag that names the words.
pub(super) const RECOVER: &str = "recover";
/// The flag that says since when they may have coins.
pub(super) const RECOVER_FROM: &str = "recover-from";
/// The flag that prints.
pub(super) const PRINT: &str = "print-config";

const AFTER_HELP: &str = "\
Each flag but the first four is also a key of the configuration file (TOML, listen = \"0.0.0.0:9735\") and an
environment variable (NAVVY_LISTEN; NAVVY_LOG is log-level). The command line wins over the environment, and that
over the file.

Signals: TERM and INT stop politely, a second one at once. HUP reads log-level anew and opens the log file anew.

Exit codes: 0 stopped as told; 1 failed; 2 bad flag or configuration; 10 data folder in use; 11 seed file readable
by others; 12 password missing or wrong; 13 seed file missing or damaged; 14 database damaged; 15 data folder of
another network or seed; 16 port in use; 17 chain backend wrong; 70 a bug
of ours; 74 disk full.";
