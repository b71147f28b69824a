//! The table: each row as it is measured, so that a run that is cut short has shown what it knows.

/// A figure and what it is held against.
pub struct Row {
    /// What is done.
    pub work: &'static str,
    /// What it costs here, with its unit.
    pub ours: String,
    /// What the figure is compared with.
    pub baseline: String,
    /// What that costs.
    pub theirs: String,
    /// Ours by theirs, as the goal states it.
    pub ratio: Option<f64>,
    /// The goal in words.
    pub goal: &'static str,
    /// Whether it is met; `None` where there is no goal, or nothing to compare with.
    pub met: Option<bool>,
}

impl Row {
    /// Prints it.
    pub fn print(&self) {
        let ratio = self.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        let Self { work, ours, baseline, theirs, goal, .. } = self;
        println!("| {work} | {ours} | {baseline} | {theirs} | {ratio} | {goal} | {met} |");
    }
}

/// The head of the table.
pub fn print_head() {
    println!("| work | navvy | baseline | it | ratio | goal | met |");
    println!("|---|---|---|---|---|---|---|");
}

/// A line between the rows that says what a row cannot.
pub fn note(text: &str) {
    eprintln!("  {text}");
}

/// Microseconds.
pub fn micros(seconds: f64) -> String {
    format!("{:.2} us", seconds * 1e6)
}

/// Milliseconds.
pub fn millis(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}
