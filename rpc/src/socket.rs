//! The unix socket that is served, and who may use it.

use crate::host::Host;
use crate::lightning::Server;
use crate::proto::lnrpc::lightning_server::LightningServer;
use crate::proto::lnrpc::state_server::StateServer;
use crate::proto::navvy::navvy_server::NavvyServer;
use crate::proto::navvy::regtest_server::RegtestServer;
use crate::proto::verrpc::versioner_server::VersionerServer;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status};

/// A socket that is served, until it is stopped or the runtime ends.
pub struct Serving {
    path: PathBuf,
    task: JoinHandle<()>,
}

/// Serves at `path`. Only root, the daemon's user and members of its group may use it.
///
/// # Errors
/// When the path cannot be had.
pub async fn serve(path: &Path, host: Host) -> io::Result<Serving> {
    let listener = listen(path)?;
    let owner = Owner::of(path)?;
    let server = Server { host };
    let check = move |request| owner.check(request);
    let routes = tonic::transport::Server::builder()
        .add_service(LightningServer::with_interceptor(server.clone(), check))
        .add_service(StateServer::with_interceptor(server.clone(), check))
        .add_service(VersionerServer::with_interceptor(server.clone(), check))
        .add_service(NavvyServer::with_interceptor(server.clone(), check))
        .add_service(RegtestServer::with_interceptor(server, check));
    let (connections, incoming) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        tokio::select! {
            () = accept(&listener, connections) => {}
            served = routes.serve_with_incoming(ReceiverStream::new(incoming)) => {
                if let Err(error) = served {
                    tracing::warn!(%error, "the rpc socket");
                }
            }
        }
    });
    Ok(Serving { path: path.to_owned(), task })
}

impl Serving {
    /// Ends all calls, and takes the path away.
    pub fn stop(self) {
        self.task.abort();
        // A later process may have put its own there only after this one gave its folder up.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes connections as long as there is a server for them. An error most likely says that too many files
/// are open: that passes, and the operator must get in again, so it ends nothing.
async fn accept(listener: &UnixListener, connections: mpsc::Sender<io::Result<UnixStream>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if connections.send(Ok(stream)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the rpc socket");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}

/// The socket appears with its mode, for the group to use: at no moment with another one.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // The data folder is locked by this process: what is there is left over from an earlier one.
    let _ = std::fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(MODE))?;
    std::fs::rename(&new, path)?;
    Ok(listener)
}

/// Whose socket it is.
#[derive(Clone, Copy, Debug)]
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { user: metadata.uid(), group: metadata.gid() })
    }

    /// The mode of the socket keeps others away. This keeps them away too when somebody has changed the mode.
    fn check(self, request: Request<()>) -> Result<Request<()>, Status> {
        let connection = request.extensions().get::<UdsConnectInfo>();
        let Some(client) = connection.and_then(|connection| connection.peer_cred) else {
            return Err(Status::unauthenticated("the system does not say whose connection it is"));
        };
        if self.admits(&client, || groups_of(&client)) {
            return Ok(request);
        }
        let (user, group) = (client.uid(), self.group);
        Err(Status::permission_denied(format!(
            "user {user} may not use this socket: be root, the daemon's user, or in group {group}"
        )))
    }

    fn admits(self, client: &UCred, groups: impl FnOnce() -> Vec<u32>) -> bool {
        client.uid() == 0
            || client.uid() == self.user
            || client.gid() == self.group
            || groups().contains(&self.group)
    }
}

/// The further groups of a client's process.
fn groups_of(client: &UCred) -> Vec<u32> {
    let Some(process) = client.pid() else { return Vec::new() };
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    groups_in(&status)
}

fn groups_in(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    line.unwrap_or_default().split_whitespace().filter_map(|group| group.parse().ok()).collect()
}

/// Between two tries to take a connection.
const AFTER_ERROR: Duration = Duration::from_millis(500);
/// For the daemon's user and its group.
const MODE: u32 = 0o660;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_groups_are_read() {
        assert_eq!(groups_in("Name:\tx\nGroups:\t4 24 1000 \nUid:\t1\n"), [4, 24, 1000]);
        assert!(groups_in("Groups:\t\n").is_empty());
        assert!(groups_in("").is_empty());
    }

    #[tokio::test]
    async fn the_daemon_s_user_and_its_groups_are_let_in_and_others_are_not() {
        let (one, other) = UnixStream::pair().unwrap();
        let client = one.peer_cred().unwrap();
        drop(other);
        let (user, group) = (client.uid(), client.gid());
        let none = Vec::new;
        assert!(Owner { user, group: group + 1 }.admits(&client, none));
        assert!(Owner { user: user + 1, group }.admits(&client, none));
        let stranger = Owner { user: user + 1, group: group + 1 };
        assert!(stranger.admits(&client, || vec![group + 1]));
        // Root is let in everywhere.
        assert_eq!(stranger.admits(&client, none), user == 0);
    }

    #[tokio::test]
    async fn the_socket_has_its_mode_and_takes_the_place_of_one_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc.sock");
        drop(listen(&path).unwrap());
        let _listener = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(!folder.path().join("rpc.sock.new").exists());
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
    }
}
