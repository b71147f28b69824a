//! Where the daemon is.

use crate::exit::{Exit, Failure};
use clap::Args;
use std::path::PathBuf;

/// How to find the daemon.
#[derive(Args, Clone, Debug)]
pub struct Location {
    /// The daemon's socket; without it, rpc.sock in the folder of the network in the data folder.
    #[arg(long, alias = "rpcserver", env = "NAVVY_RPC", value_name = "SOCKET", global = true)]
    pub rpc: Option<PathBuf>,
    /// The daemon's data folder; without it ~/.navvy, or else the service's socket, /run/navvy/rpc.sock.
    #[arg(long, env = "NAVVY_DATA_DIR", value_name = "FOLDER", global = true)]
    pub data_dir: Option<PathBuf>,
    /// The chain: regtest, signet or testnet4.
    #[arg(
        long,
        env = "NAVVY_NETWORK",
        value_name = "NETWORK",
        default_value = "regtest",
        global = true
    )]
    pub network: String,
}

impl Location {
    /// The socket, from the root on.
    pub fn socket(&self) -> PathBuf {
        let socket = self.named();
        std::path::absolute(&socket).unwrap_or(socket)
    }

    fn named(&self) -> PathBuf {
        if let Some(socket) = &self.rpc {
            // As one writes it for lncli.
            return socket
                .strip_prefix("unix://")
                .map_or_else(|_| socket.clone(), |path| PathBuf::from("/").join(path));
        }
        let inside = |folder: PathBuf| folder.join(&self.network).join("rpc.sock");
        if let Some(folder) = &self.data_dir {
            return inside(folder.clone());
        }
        let home = std::env::var_os("HOME").map(|home| inside(PathBuf::from(home).join(".navvy")));
        let service = PathBuf::from("/run/navvy/rpc.sock");
        match home {
            Some(home) if home.exists() || !service.exists() => home,
            _ => service,
        }
    }

    /// Nobody answers there.
    pub fn unreachable(&self, reason: &str) -> Failure {
        let socket = self.socket();
        let text = format!(
            "no daemon at {}: {reason}; start navvyd, or say where it is with --data-dir and \
             --network, or --rpc",
            socket.display()
        );
        Failure::new(Exit::Unreachable, text)
    }
}
