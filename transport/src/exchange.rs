//! Messages over the two halves of a connection, with deadlines.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_util::codec::{FramedRead, FramedWrite};

use crate::{Deadlines, OpenError, Opener, SealError, Sealer, connection::after};

/// The half of a connection that messages come from. As a `Stream` it knows no deadlines.
pub type Reader<R> = FramedRead<R, Opener>;

/// The half of a connection that messages go to. As a `Sink` it knows no deadlines.
pub type Writer<W> = FramedWrite<W, Sealer>;

/// The next message; `None` when the peer closed the stream between two packets.
///
/// It may wait for ever between packets (silence is judged by BOLT 1's pings), and for
/// [`Deadlines::body`] inside one. Dropping the future loses nothing, not even that clock: call
/// again. Time in which nobody calls is not the peer's. The message shares the read buffer; to
/// keep it for long, copy it.
///
/// # Errors
/// After any of them the connection is to be dropped without sending anything; a further call
/// gives [`OpenError::Poisoned`].
pub async fn receive<R: AsyncRead + Unpin>(
    reader: &mut Reader<R>,
    deadlines: &Deadlines,
) -> Result<Option<Bytes>, OpenError> {
    if reader.decoder().is_poisoned() {
        return Err(OpenError::Poisoned);
    }
    let mut wait = Wait { reader, body: deadlines.body, timer: None };
    let received = poll_fn(|context| wait.poll(context)).await;
    drop(wait);
    if received.is_err() {
        reader.decoder_mut().poison();
    }
    received
}

/// Listens for one message, with a timer from the moment that a packet is seen to be incomplete.
struct Wait<'a, R> {
    reader: &'a mut Reader<R>,
    body: Duration,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<R: AsyncRead + Unpin> Wait<'_, R> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, OpenError>> {
        if let Poll::Ready(message) = Pin::new(&mut *self.reader).poll_next(context) {
            return Poll::Ready(message.transpose());
        }
        let Some(waited) = self.reader.decoder_mut().waited() else { return Poll::Pending };
        let left = self.body.saturating_sub(*waited);
        let (_, timer) = self.timer.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(after(now, left))))
        });
        timer.as_mut().poll(context).map(|()| Err(OpenError::TimedOut))
    }
}

/// The time counts also where the future is thrown away.
impl<R> Drop for Wait<'_, R> {
    fn drop(&mut self) {
        if let (Some((start, _)), Some(waited)) = (&self.timer, self.reader.decoder_mut().waited())
        {
            *waited = waited.saturating_add(start.elapsed());
        }
    }
}

/// Sends messages, as few system calls as they allow, and flushes.
///
/// Each write of about 64 KiB has [`Deadlines::flush`] for itself. Dropping the future loses the
/// messages that were not sealed yet, and never tears a packet: what was sealed leaves with the
/// next call.
///
/// # Errors
/// [`SealError::TooLong`] leaves the connection usable (the messages before it wait for the next
/// call). After any other the connection is to be dropped; a further call gives
/// [`SealError::Poisoned`].
pub async fn send<W, M>(
    writer: &mut Writer<W>,
    messages: impl IntoIterator<Item = M>,
    deadlines: &Deadlines,
) -> Result<(), SealError>
where
    W: AsyncWrite + Unpin,
    M: AsRef<[u8]>,
{
    if writer.encoder().is_poisoned() {
        return Err(SealError::Poisoned);
    }
    let sent = send_all(writer, messages, deadlines.flush).await;
    if !matches!(sent, Ok(()) | Err(SealError::TooLong(_))) {
        writer.encoder_mut().poison();
    }
    sent
}

async fn send_all<W, M>(
    writer: &mut Writer<W>,
    messages: impl IntoIterator<Item = M>,
    limit: Duration,
) -> Result<(), SealError>
where
    W: AsyncWrite + Unpin,
    M: AsRef<[u8]>,
{
    for message in messages {
        // Nearly always there is room: a timer for each message would cost as much as its cipher.
        let now = poll_fn(|context| {
            let ready = Sink::<M>::poll_ready(Pin::new(&mut *writer), context);
            Poll::Ready(match ready {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            })
        });
        match now.await {
            Some(result) => result?,
            None => {
                let ready =
                    poll_fn(|context| Sink::<M>::poll_ready(Pin::new(&mut *writer), context));
                timeout(limit, ready).await.map_err(|_| SealError::TimedOut)??;
            }
        }
        Sink::<M>::start_send(Pin::new(&mut *writer), message)?;
    }
    let flushed = poll_fn(|context| Sink::<M>::poll_flush(Pin::new(&mut *writer), context));
    timeout(limit, flushed).await.map_err(|_| SealError::TimedOut)?
}
