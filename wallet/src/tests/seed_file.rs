//! Seed files, as an operator meets them.

use crate::seed_text::{Cost, Problem, read, write};
use crate::{Protection, Seed, SeedFile, SeedFileError};
use bitcoin::Network;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Cheap, for tests only.
const CHEAP: Cost = Cost { memory: 16, passes: 1, lanes: 1 };

fn file() -> SeedFile {
    let entropy: [u8; 32] = std::array::from_fn(|index| index as u8);
    SeedFile { seed: Seed::from_entropy(entropy), network: Network::Signet, birthday: 213_400 }
}

fn protection() -> Protection<'static> {
    Protection { password: b"correct horse", salt: [0x51; 16], nonce: [0x2e; 24] }
}

#[test]
fn the_texts_are_these() {
    let plain = write(&file(), None).unwrap();
    assert_eq!(plain.as_str(), include_str!("../../tests/golden/seed_plain.txt"));
    let sealed = write(&file(), Some((&protection(), CHEAP))).unwrap();
    assert_eq!(sealed.as_str(), include_str!("../../tests/golden/seed_sealed.txt"));
    assert!(read(&plain, None).unwrap() == file());
    assert!(read(&sealed, Some(b"correct horse")).unwrap() == file());
}

#[test]
fn passwords() {
    let plain = write(&file(), None).unwrap();
    let sealed = write(&file(), Some((&protection(), CHEAP))).unwrap();
    assert_eq!(read(&sealed, Some(b"wrong horse")).err(), Some(Problem::PasswordWrong));
    assert_eq!(read(&sealed, None).err(), Some(Problem::PasswordMissing));
    assert_eq!(read(&plain, Some(b"correct horse")).err(), Some(Problem::NotSealed));
}

#[test]
fn any_changed_byte_is_noticed() {
    for text in
        [write(&file(), None).unwrap(), write(&file(), Some((&protection(), CHEAP))).unwrap()]
    {
        let password = text.contains("sealed").then_some(b"correct horse".as_slice());
        for index in 0..text.len() - 1 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            let problem = read(&changed, password).err();
            let noticed = matches!(problem, Some(Problem::Corrupt(_) | Problem::Newer));
            assert!(noticed, "byte {index}: {problem:?}");
            assert!(read(&text[..index], password).is_err(), "cut at {index}");
        }
    }
}

#[test]
fn a_newer_file_is_told_apart() {
    let text = "navvy seed 2\nsomething else\n";
    assert_eq!(read(text, None).err(), Some(Problem::Newer));
    assert!(matches!(read("", None).err(), Some(Problem::Corrupt(_))));
    assert!(matches!(read("navvy seed", None).err(), Some(Problem::Corrupt(_))));
}

#[test]
fn a_file_may_not_ask_for_all_memory() {
    let sealed = write(&file(), Some((&protection(), CHEAP))).unwrap();
    let greedy = sealed.replace("m=16", "m=4000000");
    let body = &greedy[..greedy.rfind("check ").unwrap()];
    use bitcoin::hashes::{Hash, sha256};
    let hash = sha256::Hash::hash(body.as_bytes()).to_byte_array();
    let check: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let problem = read(&format!("{body}check {check}\n"), Some(b"correct horse")).err();
    assert_eq!(problem, Some(Problem::Corrupt("its cost is out of range")));
}

#[test]
fn on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed");
    file().create(&path, None).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(SeedFile::read(&path, None).unwrap() == file());
    // A seed is never overwritten.
    let before = fs::read(&path).unwrap();
    let other = SeedFile { birthday: 1, ..file() };
    let error = other.create(&path, None).unwrap_err();
    assert!(matches!(error, SeedFileError::Exists(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    for mode in [0o640, 0o604, 0o644, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = SeedFile::read(&path, None).err().unwrap().to_string();
        let expected = format!("has mode {mode:04o}: chmod 600 it");
        assert!(error.contains(&expected), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(SeedFile::read(&path, None).is_ok());
    let missing = SeedFile::read(&folder.path().join("none"), None).err().unwrap();
    assert!(matches!(missing, SeedFileError::Io(..)), "{missing}");
    let binary = folder.path().join("binary");
    fs::write(&binary, [0xff; 100]).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o600)).unwrap();
    let error = SeedFile::read(&binary, None).err().unwrap();
    assert!(matches!(error, SeedFileError::Corrupt(..)), "{error}");
}

#[test]
fn sealed_on_disk_at_its_real_cost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed");
    file().create(&path, Some(&protection())).unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("sealed argon2id m=65536 t=3 p=1 "));
    assert!(SeedFile::read(&path, Some(b"correct horse")).unwrap() == file());
    let error = SeedFile::read(&path, Some(b"battery staple")).err().unwrap();
    assert!(error.to_string().ends_with("the password is wrong"), "{error}");
}
