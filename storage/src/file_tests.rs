//! The store as a file.

use crate::Database;
use crate::model::{Model, commit};
use node::{Store, StoreError, Table, Write};
use std::fs;

#[test]
fn made_once_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("navvy.redb");
    let missing = Database::open(&path).unwrap_err();
    assert!(matches!(&missing, StoreError::Failed(text) if text.contains("navvy.redb")));
    let mut database = Database::create(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    database.write(&commit(1)).unwrap();
    let state = Model::of(&database).unwrap();
    let second = Database::open(&path).unwrap_err();
    assert!(matches!(&second, StoreError::InUse(text) if text.contains("navvy.redb")));
    drop(database);
    let before = fs::read(&path).unwrap();
    let again = Database::create(&path).unwrap_err();
    assert!(matches!(again, StoreError::Failed(_)), "{again}");
    assert_eq!(fs::read(&path).unwrap(), before);
    let database = Database::open(&path).unwrap();
    assert_eq!(Model::of(&database).unwrap(), state);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_a_crash_left_of_a_creation_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("navvy.redb");
    let draft = folder.path().join(format!("navvy.redb.new.{}", std::process::id()));
    fs::write(draft, b"half of it").unwrap();
    drop(Database::create(&path).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_file_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("navvy.redb");
    let mut database = Database::create(&path).unwrap();
    database.write(&commit(1)).unwrap();
    drop(database);
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes.truncate(length / 2);
    fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let error = Database::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        assert!(fs::read(&path).unwrap() == bytes);
    }
}

#[test]
fn history_and_backup_see_the_newest_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("navvy.redb");
    let mut database = Database::create(&path).unwrap();
    let history = database.history();
    for number in 0..5 {
        database.write(&commit(number)).unwrap();
    }
    let state = Model::of(&database).unwrap();
    let backup = folder.path().join("backup.redb");
    let copier = {
        let (history, backup) = (history.clone(), backup.clone());
        std::thread::spawn(move || history.backup(&backup))
    };
    copier.join().unwrap().unwrap();
    database.write(&commit(5)).unwrap();
    let key = 5_u64.to_be_bytes();
    assert_eq!(history.read(Table::Journal, &key).unwrap(), Some(key.to_vec()));
    let last = history.range(Table::Journal, &3_u64.to_be_bytes(), 2).unwrap();
    assert_eq!(last.len(), 2);
    assert_eq!(last[1].1, 4_u64.to_be_bytes());
    let copy = Database::open(&backup).unwrap();
    assert_eq!(Model::of(&copy).unwrap(), state);
    assert!(history.backup(&backup).is_err(), "a backup is not overwritten");
}

#[test]
fn the_format_row_is_the_store_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::create(&folder.path().join("navvy.redb")).unwrap();
    assert!(database.live().unwrap().is_empty());
    let write = Write { table: Table::Meta, key: b"format".to_vec(), value: None };
    assert!(database.write(&[write]).is_err());
    // In another table it is a key like any other, and the refusal did not end the store.
    let write = Write { table: Table::Peers, key: b"format".to_vec(), value: Some(b"1".to_vec()) };
    database.write(&[write]).unwrap();
}
