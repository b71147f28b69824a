//! How to reach a bitcoind, with the flags of `navvyd`.

use crate::exit::{Exit, Failure};
use bitcoin::Network;
use chain::bitcoind::{Auth, Bitcoind, Config};
use clap::Args;
use std::path::PathBuf;

/// A bitcoind instead of the daemon.
#[derive(Args, Clone, Debug)]
pub struct BitcoindFlags {
    /// Host and port of the RPC of a bitcoind, to ask it instead of the daemon.
    #[arg(long, env = "NAVVY_BITCOIND", value_name = "ADDRESS", global = true)]
    bitcoind: Option<String>,
    /// Its cookie file.
    #[arg(long, env = "NAVVY_BITCOIND_COOKIE", value_name = "FILE", global = true)]
    bitcoind_cookie: Option<PathBuf>,
    /// The user of its RPC, if there is no cookie.
    #[arg(long, env = "NAVVY_BITCOIND_USER", value_name = "NAME", global = true)]
    bitcoind_user: Option<String>,
    /// A file that holds the password of that user.
    #[arg(long, env = "NAVVY_BITCOIND_PASSWORD_FILE", value_name = "FILE", global = true)]
    bitcoind_password_file: Option<PathBuf>,
}

impl BitcoindFlags {
    /// The bitcoind that was named, on regtest.
    ///
    /// # Errors
    /// [`Exit::Usage`].
    pub fn bitcoind(&self) -> Result<Option<Bitcoind>, Failure> {
        let Some(address) = &self.bitcoind else { return Ok(None) };
        let usage = |text: String| Failure::new(Exit::Usage, text);
        let auth = match (&self.bitcoind_cookie, &self.bitcoind_user, &self.bitcoind_password_file)
        {
            (Some(cookie), None, None) => Auth::Cookie(cookie.clone()),
            (None, Some(user), Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| usage(format!("the file {}: {error}", file.display())))?;
                let password = text.lines().next().unwrap_or_default().to_owned();
                Auth::Password { user: user.clone(), password }
            }
            _ => {
                let text = "bitcoind needs --bitcoind-cookie, or --bitcoind-user with \
                            --bitcoind-password-file";
                return Err(usage(text.to_owned()));
            }
        };
        let config = Config::new(address, auth, Network::Regtest);
        config.map(Bitcoind::new).map(Some).map_err(|error| usage(error.to_string()))
    }
}
