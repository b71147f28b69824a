//! The note: a text of one fact a line.
//!
//! ```text
//! navvy recovery 1
//! read-to HEIGHT HASH
//! found TXID:INDEX HEIGHT AMOUNT SCRIPT
//! ```

use super::found::Found;
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut};
use chain::Tip;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use wallet::Recovery;

pub(super) struct Note {
    /// The next start reads from the block after this one.
    pub(super) read_to: Tip,
    pub(super) found: Found,
}

impl Note {
    /// `None`: there is no note.
    pub(super) fn read(path: &Path, recovery: &Recovery) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        parse(&text, recovery).map(Some).ok_or_else(|| {
            let text = "it is damaged: restore it, or begin anew with --recover-from HEIGHT";
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// Whole or not at all, and durable.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let mut file = File::create(&draft)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    fn text(&self) -> String {
        let Tip { height, hash } = self.read_to;
        let mut text = format!("{HEAD}\nread-to {height} {hash}\n");
        for (output, height) in self.found.entries() {
            let TxOut { value, script_pubkey } = &output.input.output;
            let (outpoint, value) = (output.input.outpoint, value.to_sat());
            // Nothing can go wrong with a string.
            let _ = writeln!(text, "found {outpoint} {height} {value} {script_pubkey:x}");
        }
        text
    }
}

fn parse(text: &str, recovery: &Recovery) -> Option<Note> {
    let mut lines = text.lines();
    if lines.next()? != HEAD {
        return None;
    }
    let (height, hash) = lines.next()?.strip_prefix("read-to ")?.split_once(' ')?;
    let read_to = Tip { height: height.parse().ok()?, hash: hash.parse().ok()? };
    let mut found = Found::default();
    for line in lines {
        let mut words = line.strip_prefix("found ")?.split(' ');
        let outpoint: OutPoint = words.next()?.parse().ok()?;
        let height = words.next()?.parse().ok()?;
        let value = Amount::from_sat(words.next()?.parse().ok()?);
        let script_pubkey = ScriptBuf::from_hex(words.next()?).ok()?;
        found.add(recovery.output(outpoint, &TxOut { value, script_pubkey })?, height);
    }
    Some(Note { read_to, found })
}

const HEAD: &str = "navvy recovery 1";

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash as _;
    use bitcoin::{BlockHash, Network, Txid};
    use wallet::Seed;

    #[test]
    fn a_note_says_what_it_was_told_and_a_damaged_one_is_refused() {
        let recovery = Recovery::new(&Seed::from_entropy([7; 32]), Network::Regtest);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recovery");
        assert!(Note::read(&path, &recovery).unwrap().is_none());
        let mut found = Found::default();
        for (vout, script) in (0..).zip(recovery.scripts().take(3)) {
            let outpoint = OutPoint { txid: Txid::all_zeros(), vout };
            let output = TxOut { value: Amount::from_sat(1_000), script_pubkey: script.to_owned() };
            assert!(found.add(recovery.output(outpoint, &output).unwrap(), 12));
        }
        let read_to = Tip { height: 9, hash: BlockHash::all_zeros() };
        let note = Note { read_to, found };
        note.write(&path).unwrap();
        let again = Note::read(&path, &recovery).unwrap().unwrap();
        assert_eq!((again.read_to, again.text()), (read_to, note.text()));
        assert_eq!(again.found.sum(), (3, Amount::from_sat(3_000)));
        fs::write(&path, format!("{}found x", note.text())).unwrap();
        assert!(Note::read(&path, &recovery).is_err());
        // What another seed found is not of this one.
        fs::write(&path, note.text()).unwrap();
        let other = Recovery::new(&Seed::from_entropy([8; 32]), Network::Regtest);
        assert!(Note::read(&path, &other).is_err());
    }
}
