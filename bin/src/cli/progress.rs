//! What `--wait` shows: on a terminal a line for each step, and below it a bar that fills with
//! confirmations; elsewhere one JSON line for each step.

use super::output::{self, Format};
use crate::exit::Failure;
use serde_json::{Value, json};

/// Where steps are shown.
pub struct Progress {
    kind: Kind,
    /// The bar, if the last line is one: the next line takes its place, and it comes again below.
    bar: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Terminal,
    Lines,
    Silent,
}

impl Progress {
    /// For people always; for programs only when they wait, as they want one answer otherwise.
    pub fn new(format: Format, wait: bool) -> Self {
        let kind = match (format.is_table(), wait) {
            (true, _) => Kind::Terminal,
            (false, true) => Kind::Lines,
            (false, false) => Kind::Silent,
        };
        Self { kind, bar: None }
    }

    /// Something happened.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn step(&mut self, text: &str, json: &Value) -> Result<(), Failure> {
        match self.kind {
            Kind::Terminal => match &self.bar {
                Some(bar) => {
                    output::print(CLEAR)?;
                    output::print_line(text)?;
                    output::print(bar)
                }
                None => output::print_line(text),
            },
            Kind::Lines => output::print(&format!("{json}\n")),
            Kind::Silent => Ok(()),
        }
    }

    /// So many of the confirmations that are needed are there.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn confirmations(&mut self, have: u32, need: u32, height: u32) -> Result<(), Failure> {
        if self.kind == Kind::Terminal {
            let clear = if self.bar.is_some() { CLEAR } else { "" };
            let bar = bar(have, need, height);
            output::print(&format!("{clear}{bar}"))?;
            self.bar = Some(bar);
            return Ok(());
        }
        let confirmations = format!("{have}/{need}");
        self.step(
            "",
            &json!({"event": "confirmations", "confirmations": confirmations, "height": height}),
        )
    }

    /// The bar stays as it is; what is printed next has a line of its own.
    pub fn end(&mut self) {
        if self.bar.take().is_some() {
            let _ = output::print("\n");
        }
    }
}

/// The bar, without the end of its line.
fn bar(have: u32, need: u32, height: u32) -> String {
    let need = need.max(1);
    let filled = WIDTH.saturating_mul(have.min(need)).checked_div(need).unwrap_or_default();
    let cell = |at: u32| if at < filled { '#' } else { '.' };
    let cells: String = (0..WIDTH).map(cell).collect();
    let place = if have == 0 { String::new() } else { format!(", block {height}") };
    format!("  [{cells}] {have}/{need} confirmations{place}")
}

/// Cells of the bar.
const WIDTH: u32 = 24;
/// Back to the beginning of the line, and the line empty.
const CLEAR: &str = "\r\x1b[2K";

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_fills_with_confirmations() {
        assert_eq!(bar(0, 3, 7), "  [........................] 0/3 confirmations");
        assert_eq!(bar(2, 3, 9), "  [################........] 2/3 confirmations, block 9");
        assert_eq!(bar(9, 3, 16), "  [########################] 9/3 confirmations, block 16");
        assert_eq!(bar(0, 0, 7), "  [........................] 0/1 confirmations");
    }
}
