//! How the rest of the process speaks to the core: a command and its reply, or the news.

use crate::inbox::Inbox;
use crate::shell::Replies;
use node::{Command, CommandError, CommandId, Event, Notice, Reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{broadcast, oneshot};

/// A client of the core. Clones are the same.
#[derive(Clone)]
pub struct Client {
    inbox: Inbox,
    replies: Replies,
    notices: broadcast::Sender<Notice>,
    next: Arc<AtomicU64>,
}

impl Client {
    /// A client of the core behind these.
    pub fn new(inbox: Inbox, replies: Replies, notices: broadcast::Sender<Notice>) -> Self {
        Self { inbox, replies, notices, next: Arc::new(AtomicU64::new(1)) }
    }

    /// Asks and waits, without blocking the runtime.
    pub async fn ask(&self, command: Command) -> Reply {
        match self.send(command) {
            Some(receiver) => receiver.await.unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }

    /// Asks and blocks this thread, which must not be one of the runtime's.
    pub fn ask_blocking(&self, command: Command) -> Reply {
        match self.send(command) {
            Some(receiver) => receiver.blocking_recv().unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }

    /// The news from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    fn send(&self, command: Command) -> Option<oneshot::Receiver<Reply>> {
        let id = CommandId(self.next.fetch_add(1, Ordering::Relaxed));
        let receiver = self.replies.expect(id);
        if self.inbox.push_command(Event::Command { id, command }) {
            return Some(receiver);
        }
        self.replies.forget(id);
        None
    }
}

fn gone() -> Reply {
    Reply::Failed(CommandError {
        code: "stopping",
        text: "the node is stopping or overloaded: ask again later".to_owned(),
    })
}
