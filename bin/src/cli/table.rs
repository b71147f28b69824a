//! Columns for people: what a terminal gets in the place of JSON.

use std::fmt;

/// A table. Numbers stand on the right of their column.
#[derive(Clone, Debug, Default)]
pub struct Table {
    heads: Vec<Head>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Head {
    name: &'static str,
    right: bool,
}

impl Table {
    /// A table without a column.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more column, of words.
    pub fn words(mut self, name: &'static str) -> Self {
        self.heads.push(Head { name, right: false });
        self
    }

    /// One more column, of numbers.
    pub fn numbers(mut self, name: &'static str) -> Self {
        self.heads.push(Head { name, right: true });
        self
    }

    /// One more row: a cell for each column.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, cells: &[&str], widths: &[usize]) -> fmt::Result {
        let mut line = String::new();
        for ((cell, head), width) in cells.iter().zip(&self.heads).zip(widths) {
            let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if head.right { (&*fill, "") } else { ("", &*fill) };
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
            line.push_str("  ");
        }
        writeln!(f, "{}", line.trim_end())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.name.len()).collect();
        for row in &self.rows {
            for (cell, width) in row.iter().zip(&mut widths) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let heads: Vec<&str> = self.heads.iter().map(|head| head.name).collect();
        self.line(f, &heads, &widths)?;
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.line(f, &cells, &widths)?;
        }
        Ok(())
    }
}

/// Names with what belongs to them, one a line; those without are left out.
pub fn sheet(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = rows.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

/// A whole number with a comma after each thousand.
pub fn thousands(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(at);
        if at > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning of something long that nobody reads to its end.
pub fn short(text: &str) -> String {
    if text.chars().count() <= SHORT {
        text.to_owned()
    } else {
        format!("{}..", text.chars().take(SHORT).collect::<String>())
    }
}

/// Enough to tell two node ids apart.
const SHORT: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new().words("peer").numbers("sat").words("state");
        table.row(["02aa".to_owned(), thousands(1_000_000), "Normal".to_owned()]);
        table.row(["03".to_owned(), thousands(7), String::new()]);
        let expected = "peer        sat  state\n02aa  1,000,000  Normal\n03            7\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn thousands_are_told_apart() {
        let texts = [0, 999, 1_000, -1_234_567].map(|number: i64| thousands(number));
        assert_eq!(texts, ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn a_sheet_leaves_out_what_is_not_there() {
        let rows =
            [("height", "7".to_owned()), ("problem", String::new()), ("id", "02".to_owned())];
        assert_eq!(sheet(&rows), "height   7\nid       02\n");
    }
}
