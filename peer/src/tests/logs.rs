//! What a peer can write into our log.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use wire::{ChannelId, Warning};

use super::*;

#[test]
fn texts_are_logged_a_few_times() {
    let log = Log::default();
    let lines = Arc::clone(&log.lines);
    tracing::subscriber::with_default(log, || {
        let mut driver = Driver::open();
        let data = b"fee \x1b[31mtoo low".to_vec();
        for _ in 0..500 {
            let channel_id = ChannelId([0xab; 32]);
            driver.receive(&Message::Warning(Warning { channel_id, data: data.clone() }));
        }
        assert_eq!(driver.delivered.len(), 500);
    });
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 16);
    assert!(lines[0].contains("fee ?[31mtoo low"), "{}", lines[0]);
    assert!(lines[0].contains("kind=\"warning\"") && lines[0].contains("abababab"));
}

#[test]
fn nothing_that_a_peer_does_is_an_error_of_ours() {
    let log = Log::default();
    let lines = Arc::clone(&log.lines);
    tracing::subscriber::with_default(log, || {
        for bytes in [&[][..], &[0, 4], &[0, 17], &[0, 16, 0]] {
            let mut driver = Driver::open();
            driver.receive_bytes(bytes);
        }
    });
    // Lines of level info and above are kept, and there is none.
    assert!(lines.lock().unwrap().is_empty());
}

/// Keeps the lines of level info and above.
#[derive(Default)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.lines.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}
