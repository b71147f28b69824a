//! What a streaming call has to say. When its client is gone nobody listens any more, and nothing else happens.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;

/// The end that speaks.
pub(crate) struct Updates<T> {
    sender: mpsc::Sender<Result<T, Status>>,
}

/// The end that gRPC sends to the client.
pub struct UpdateStream<T> {
    receiver: mpsc::Receiver<Result<T, Status>>,
}

impl<T> Stream for UpdateStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(cx)
    }
}

/// Both ends.
pub(crate) fn updates<T>() -> (Updates<T>, UpdateStream<T>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Updates { sender }, UpdateStream { receiver })
}

impl<T> Updates<T> {
    /// Waits while the client does not read; an error when it is gone.
    pub(crate) async fn send(&self, update: T) -> Result<(), Status> {
        self.sender.send(Ok(update)).await.map_err(|_| Status::cancelled("the client is gone"))
    }

    /// Says how it ended.
    pub(crate) async fn finish(self, told: Result<(), Status>) {
        if let Err(status) = told {
            // A client that is gone does not hear it.
            let _ = self.sender.send(Err(status)).await;
        }
    }

    /// Completes when the client is gone.
    pub(crate) async fn abandoned(&self) {
        self.sender.closed().await;
    }
}

/// The node ends, and with it whatever was told of it.
pub(crate) fn ended() -> Status {
    Status::unavailable("the node is stopping: ask again after its next start")
}

/// Updates that a slow client may lag behind.
const WAITING: usize = 64;
