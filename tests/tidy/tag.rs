//! `[BOLT 2 funding_signed R2]`: document, section, side and ordinal.

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub document: u32,
    pub section: String,
    pub side: char,
    pub ordinal: u32,
}

impl Tag {
    /// What follows `[BOLT `, without the bracket that closes it.
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split(' ').collect();
        let [document, section, last] = words.as_slice() else { return None };
        let side = last.chars().next().filter(|side| "SRG".contains(*side))?;
        let ordinal = last.get(1..)?.parse().ok().filter(|ordinal| *ordinal > 0)?;
        let document = document.parse().ok()?;
        let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
        if section.is_empty() || !section.chars().all(plain) {
            return None;
        }
        Some(Self { document, section: (*section).into(), side, ordinal })
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[BOLT {} {} {}{}]", self.document, self.section, self.side, self.ordinal)
    }
}

/// Every tag of a line; what begins like one and is none comes back as it stands.
pub fn tags(line: &str) -> Vec<Result<Tag, String>> {
    let texts = line.split("[BOLT ").skip(1);
    let texts = texts.map(|rest| rest.split_once(']').map_or(rest, |(text, _)| text));
    texts.map(|text| Tag::parse(text).ok_or_else(|| format!("[BOLT {text}"))).collect()
}

#[test]
fn a_tag_is_read_as_it_is_printed() {
    let line = "// [BOLT 2 funding_signed R2] [BOLT 5 general G1] words";
    let read: Vec<_> = tags(line).into_iter().map(|tag| tag.unwrap().to_string()).collect();
    assert_eq!(read, ["[BOLT 2 funding_signed R2]", "[BOLT 5 general G1]"]);
}

#[test]
fn a_broken_tag_is_told() {
    for text in ["[BOLT 2 shutdown]", "[BOLT 2 shutdown R1, R2]", "[BOLT 2 x X1]", "[BOLT 2 x S0]"]
    {
        assert!(tags(text).first().is_some_and(Result::is_err), "{text}");
    }
}
