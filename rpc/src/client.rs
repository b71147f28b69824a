//! For programs that speak to a daemon on the same machine.

use std::path::Path;
use tonic::transport::{Channel, Endpoint};

/// A connection to the daemon that listens at `socket`.
///
/// # Errors
/// When nobody listens there, or this user may not connect.
pub async fn connect(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    Endpoint::from_shared(format!("unix://{}", socket.display()))?.connect().await
}
