//! Which arms of the step tables a run takes. The states say each step as a trace event of tracing, and a
//! subscriber for the time of a run counts them; the arms themselves are read from the source.

use super::statistics::Statistics;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static TAKEN: RefCell<BTreeMap<(String, String), u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Runs `f` and counts its steps.
pub fn counted<T>(f: impl FnOnce() -> T) -> (T, Statistics) {
    TAKEN.with_borrow_mut(BTreeMap::clear);
    let result = tracing::subscriber::with_default(Listener, f);
    let mut statistics = Statistics::default();
    TAKEN.with_borrow(|taken| {
        for ((state, event), count) in taken {
            statistics.counts.insert(name(state, event), *count);
        }
    });
    (result, statistics)
}

/// A line of the table of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The state and what it hears.
    pub arm: (String, String),
    /// A test that takes it, or nothing.
    pub test: String,
    /// How often the simulator takes it, or nothing.
    pub simulator: String,
}

/// The table of steps, as it is kept.
pub fn kept() -> Vec<Kept> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let rows = rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect());
    rows.filter_map(|row: Vec<String>| match row.as_slice() {
        [state, event, test, simulator] if state != "state" => Some(Kept {
            arm: (state.clone(), event.clone()),
            test: test.trim_matches('`').to_owned(),
            simulator: simulator.clone(),
        }),
        _ => None,
    })
    .collect()
}

/// The steps that runs take often, and that these did not take.
pub fn lost(statistics: &Statistics) -> Vec<String> {
    let often = kept().into_iter().filter(|kept| kept.simulator == "often");
    let names = often.map(|kept| name(&kept.arm.0, &kept.arm.1));
    names.filter(|step| !statistics.counts.contains_key(step)).collect()
}

/// The arms of both tables that these runs did not take.
pub fn missing(statistics: &Statistics) -> Vec<String> {
    arms()
        .into_iter()
        .map(|(state, event)| name(&state, &event))
        .filter(|step| !statistics.counts.contains_key(step))
        .collect()
}

/// Every arm of the two step tables.
pub fn arms() -> Vec<(String, String)> {
    let mut arms = Vec::new();
    for line in FUNDING.lines().chain(CLOSING.lines()) {
        let Some(rest) = line.trim_start().strip_prefix("(S::") else { continue };
        let Some((state, rest)) = rest.split_once('(') else { continue };
        let state = state.to_owned();
        let Some(event) = rest.split_once("E::").map(|(_, event)| event) else {
            // An arm for all events of the chain.
            arms.extend(OF_CHAIN.map(|event| (state.clone(), event.to_owned())));
            continue;
        };
        let word =
            |text: &str| text.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        match event.split_once("M::") {
            Some((_, message)) => arms.push((state, snake(&word(message)))),
            None if word(event) == "Message" => {
                arms.extend(OF_THE_DEAD.map(|event| (state.clone(), event.to_owned())));
            }
            None => arms.push((state, word(event))),
        }
    }
    arms
}

fn name(state: &str, event: &str) -> String {
    format!("{state} hears {event}")
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Hears steps and nothing else.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "step"
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut step = Step::default();
        event.record(&mut step);
        TAKEN.with_borrow_mut(|taken| *taken.entry((step.state, step.event)).or_default() += 1);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Step {
    state: String,
    event: String,
}

impl Visit for Step {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "state" => value.clone_into(&mut self.state),
            "event" => value.clone_into(&mut self.event),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

const FUNDING: &str = include_str!("../../../funding/src/state.rs");
const CLOSING: &str = include_str!("../../../closing/src/state.rs");
const TABLE: &str = include_str!("../../../docs/step-coverage.md");

/// The events behind `is_of_chain`.
const OF_CHAIN: [&str; 7] =
    ["Broadcasted", "CancelBroadcasted", "Seen", "Confirmed", "Conflicted", "Rewound", "Block"];
/// The messages behind `deserves_an_error`.
const OF_THE_DEAD: [&str; 5] =
    ["channel_reestablish", "channel_ready", "funding_signed", "shutdown", "raw"];
