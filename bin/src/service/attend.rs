//! The task that keeps the service manager informed. Each line that it sends, a ping of the watchdog too, is
//! an answer of the core: when the core is stuck, so is this.

use crate::client::Client;
use crate::service::{Notify, status};
use node::{Command, Reply};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// Tells how the node is and that it lives, for as long as it runs.
pub async fn attend(notify: Arc<Notify>, client: Client) {
    let tick =
        notify.watchdog().map_or(TICK, |time| time.checked_div(PINGS).unwrap_or(time).min(TICK));
    let mut notices = client.notices();
    let mut said = String::new();
    loop {
        // What comes from here on may be newer than the answer.
        notices = notices.resubscribe();
        if let Reply::Info(info) = client.ask(Command::Info).await {
            notify.alive();
            let text = status(&info);
            if text != said {
                notify.status(&text);
                said = text;
            }
        }
        // News of the chain's backend are no notices, so nothing is waited for without an end.
        if let Ok(Err(RecvError::Closed)) = tokio::time::timeout(tick, notices.recv()).await {
            return;
        }
        tokio::time::sleep(BREATH.min(tick)).await;
    }
}

/// Asks for more time while a peer may hold a `funding_created` that it has not answered, until the core has
/// ended.
pub async fn see_off(notify: Arc<Notify>, client: Client) {
    notify.stopping();
    notify.status("stopping");
    while let Reply::Channels(channels) = client.ask(Command::Channels).await {
        notify.alive();
        let waiting = channels.iter().filter(|channel| channel.state == UNANSWERED).count();
        if waiting > 0 {
            notify.extend(EXTENSION);
            notify.status(&format!("stopping: funding_signed is awaited for {waiting}"));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    notify.extend(EXTENSION);
    notify.status("stopping: the last messages are on their way");
}

/// The state in which a stop waits for the peer.
const UNANSWERED: &str = "WaitForFundingSigned";
/// The core is asked at least so often.
const TICK: Duration = Duration::from_secs(2);
/// So many pings fit into the time of the watchdog.
const PINGS: u32 = 4;
/// And not more often than this.
const BREATH: Duration = Duration::from_millis(100);
/// More than the core waits by itself.
const EXTENSION: Duration = Duration::from_secs(10);
