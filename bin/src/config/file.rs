//! The configuration file.

use super::settings::{SETTINGS, Setting};
use crate::exit::{Exit, Failure};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// What a file says: the text of each setting and its line.
pub(super) type Lines = BTreeMap<&'static str, (String, usize)>;

/// Reads a file.
///
/// # Errors
/// With the line of the first mistake.
pub(super) fn read(path: &Path) -> Result<Lines, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let text = format!("the configuration file {}: {error}", path.display());
        Failure::new(Exit::Usage, text)
    })?;
    parse(&text).map_err(|(line, what)| {
        Failure::new(Exit::Usage, format!("{} line {line}: {what}", path.display()))
    })
}

fn parse(text: &str) -> Result<Lines, (usize, String)> {
    let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count().saturating_add(1);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (line(at), error.message().lines().next().unwrap_or_default().to_owned())
    })?;
    let mut lines = Lines::new();
    for (key, value) in table.get_ref() {
        let at = line(key.span().start);
        let setting = Setting::named(key.get_ref()).ok_or_else(|| (at, unknown(key.get_ref())))?;
        let text = text_of(setting, value.get_ref()).map_err(|what| (at, what))?;
        lines.insert(setting.name, (text, at));
    }
    Ok(lines)
}

fn text_of(setting: &Setting, value: &DeValue<'_>) -> Result<String, String> {
    let name = setting.name;
    match (setting.value, value) {
        (Some(_), DeValue::Integer(number)) if setting.is_number() && number.radix() == 10 => {
            Ok(number.as_str().to_owned())
        }
        (Some(_), other) if setting.is_number() => {
            Err(format!("{name} is a whole number, not {}", kind(other)))
        }
        (Some(_), DeValue::String(text)) => Ok(text.clone().into_owned()),
        (None, DeValue::Boolean(switch)) => Ok(switch.to_string()),
        (Some(_), other) => {
            Err(format!("{name} is a text in quotation marks, not {}", kind(other)))
        }
        (None, other) => Err(format!("{name} is true or false, not {}", kind(other))),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn unknown(key: &str) -> String {
    let nearest = SETTINGS
        .iter()
        .map(|setting| (distance(&key.to_lowercase(), setting.name), setting.name))
        .min();
    match nearest {
        Some((distance, name)) if distance <= key.len().div_ceil(3).max(2) => {
            format!("there is no setting {key:?}: did you mean {name:?}?")
        }
        _ => format!("there is no setting {key:?}: see navvyd --help"),
    }
}

/// How many letters have to be put in, left out or replaced to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(cell.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_a_distance() {
        for (a, b, steps) in [("", "abc", 3), ("listen", "lisen", 1), ("kitten", "sitting", 3)] {
            assert_eq!((distance(a, b), distance(b, a)), (steps, steps));
        }
    }

    #[test]
    fn each_mistake_is_named_with_its_line() {
        for (text, line, what) in [
            (
                "network = \"regtest\"\nlisen = \"x\"",
                2,
                r#"there is no setting "lisen": did you mean "listen"?"#,
            ),
            ("data_dir = \"x\"", 1, r#"there is no setting "data_dir": did you mean "data-dir"?"#),
            ("\n\ncolour = \"x\"", 3, r#"there is no setting "colour": see navvyd --help"#),
            ("[bitcoind]\ncookie = \"x\"", 1, "bitcoind is a text in quotation marks, not a table"),
            ("to-self-delay = \"9\"", 1, "to-self-delay is a whole number, not a text"),
            ("listen = 9735", 1, "listen is a text in quotation marks, not a number"),
            ("# x\nembedded-chain = \"yes\"", 2, "embedded-chain is true or false, not a text"),
            ("listen = \"a\"\nlisten = \"b\"", 2, "duplicate key"),
            ("listen \"a\"", 1, "key with no value, expected `=`"),
        ] {
            assert_eq!(parse(text), Err((line, what.to_owned())), "{text}");
        }
    }

    #[test]
    fn values_keep_their_lines() {
        let text =
            "# a comment\nlisten = \"[::1]:1\"\n\nembedded-chain = true\nto-self-delay = 72\n";
        let lines = parse(text).unwrap();
        assert_eq!(lines.get("to-self-delay"), Some(&("72".to_owned(), 5)));
        assert_eq!(lines.get("listen"), Some(&("[::1]:1".to_owned(), 2)));
        assert_eq!(lines.get("embedded-chain"), Some(&("true".to_owned(), 4)));
    }
}
