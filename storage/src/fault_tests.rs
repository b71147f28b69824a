//! Crashes and failures: what was committed is there, what was not is not there in part.

use crate::model::{Model, commit, filled, reopen};
use crate::{Database, FaultyDisk};
use node::{Store, StoreError, Table, Write};
use proptest::prelude::*;

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: Some(value.to_vec()) }
}

#[test]
fn every_commit_survives_a_crash_right_after_it() {
    let disk = FaultyDisk::new();
    let mut disk = disk;
    let mut database = Database::with_backend(disk.clone()).unwrap();
    let mut model = Model::default();
    for number in 0..60 {
        let writes = commit(number);
        database.write(&writes).unwrap();
        model.apply(&writes);
        disk = disk.crash();
        database = Database::with_backend(disk.clone()).unwrap();
        assert_eq!(Model::of(&database).unwrap(), model, "after commit {number}");
    }
}

#[test]
fn a_clean_end_is_no_crash() {
    let (disk, states, database) = filled(20);
    drop(database);
    assert_eq!(reopen(&disk).as_ref(), Ok(states.last().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The power goes while the disk writes: some sectors of what was not synced are there.
    #[test]
    fn torn_writes_are_no_state(commits in 1..12_u64, accesses in 0..60_u64, seed in any::<u64>()) {
        let (disk, mut states, mut database) = filled(commits);
        let mut model = states.last().unwrap().clone();
        disk.fail_after(accesses);
        let mut acknowledged = states.len() - 1;
        for number in commits..commits + 6 {
            let writes = commit(number);
            model.apply(&writes);
            states.push(model.clone());
            if database.write(&writes).is_err() {
                break;
            }
            acknowledged += 1;
        }
        let after = disk.crash_torn(seed);
        drop(database);
        check_crash(&after, &states, acknowledged);
    }

    /// A full disk stops the store and harms nothing.
    #[test]
    fn a_full_disk_is_told_apart(commits in 1..12_u64, accesses in 0..60_u64) {
        let (disk, mut states, mut database) = filled(commits);
        let mut model = states.last().unwrap().clone();
        disk.fill_up_after(accesses);
        let mut acknowledged = states.len() - 1;
        let mut refused = None;
        for number in commits..commits + 30 {
            let writes = commit(number);
            model.apply(&writes);
            states.push(model.clone());
            if let Err(error) = database.write(&writes) {
                refused = Some(error);
                break;
            }
            acknowledged += 1;
        }
        prop_assert!(matches!(refused, Some(StoreError::Full(_))), "{:?}", refused);
        check_dead(&mut database, refused.as_ref().unwrap());
        drop(database);
        disk.heal();
        check_crash(&disk.crash(), &states, acknowledged);
    }
}

/// The state that was acknowledged last, or the one after it whose commit was under way.
fn check_crash(disk: &FaultyDisk, states: &[Model], acknowledged: usize) {
    let found = reopen(disk).unwrap();
    let after = states.get(acknowledged + 1);
    assert!(found == states[acknowledged] || Some(&found) == after, "neither state");
}

fn check_dead(database: &mut Database, first: &StoreError) {
    let expected = Some(StoreError::Failed(format!("it is given up after: {first}")));
    assert_eq!(database.write(&commit(1)).err(), expected);
    assert_eq!(database.write(&[]).err(), expected);
    assert_eq!(database.live().err(), expected);
    assert_eq!(database.read(Table::Meta, b"x").err(), expected);
    assert_eq!(database.range(Table::Journal, &[], 1).err(), expected);
}

#[test]
fn a_failure_at_any_access_ends_the_store_and_no_row_is_lost() {
    let mut failures = 0;
    for access in 0..400 {
        let (disk, mut states, mut database) = filled(4);
        let mut model = states.last().unwrap().clone();
        disk.fail_after(access);
        let mut acknowledged = states.len() - 1;
        let mut refused = None;
        for number in 4..12 {
            let writes = commit(number);
            model.apply(&writes);
            states.push(model.clone());
            if let Err(error) = database.write(&writes) {
                refused = Some(error);
                break;
            }
            acknowledged += 1;
        }
        let Some(error) = refused else { break };
        failures += 1;
        assert!(matches!(error, StoreError::Failed(_)), "{error}");
        // Even if the disk comes back.
        disk.heal();
        check_dead(&mut database, &error);
        drop(database);
        check_crash(&disk.crash(), &states, acknowledged);
    }
    assert!(failures > 50, "only {failures} accesses");
}

#[test]
fn a_failure_while_opening_is_an_error_and_harms_nothing() {
    let (disk, states, database) = filled(8);
    let image = disk.crash().image();
    drop(database);
    let mut failures = 0;
    for access in 0.. {
        let disk = FaultyDisk::from_image(image.clone());
        disk.fail_after(access);
        match Database::with_backend(disk.clone()) {
            Ok(database) => {
                // What fails later is reported later.
                if Model::of(&database).is_ok_and(|found| &found == states.last().unwrap()) {
                    break;
                }
            }
            Err(StoreError::Failed(_)) => failures += 1,
            Err(other) => panic!("{other}"),
        }
        disk.heal();
        assert_eq!(reopen(&disk.crash()).as_ref(), Ok(states.last().unwrap()), "at {access}");
    }
    assert!(failures > 10, "only {failures} accesses");
}

#[test]
fn syncs_that_lie_cost_what_they_promised_and_no_more() {
    let (probe, states, database) = filled(10);
    let syncs = probe.syncs();
    drop(database);
    let (fresh, _, _open) = filled(0);
    let made = fresh.syncs();
    let mut lost = 0;
    for lie in 0..syncs {
        let disk = FaultyDisk::new();
        disk.lie_from_sync(lie);
        let mut database = Database::with_backend(disk.clone()).unwrap();
        for number in 0..10 {
            database.write(&commit(number)).unwrap();
        }
        let after = disk.crash();
        drop(database);
        if after.image().is_empty() {
            continue;
        }
        // An older commit, whole; or, where the file was never made in truth, a refusal.
        match reopen(&after) {
            Ok(found) => {
                let number = states.iter().rposition(|state| *state == found);
                lost += u64::from(number.expect("a state that was committed") < 10);
            }
            Err(StoreError::Corrupt(_)) => assert!(lie < made, "refused after sync {lie}"),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(lost > 10);
}

#[test]
fn the_capacity_of_a_disk() {
    let (disk, states, mut database) = filled(4);
    disk.set_capacity(disk.image().len() as u64);
    let big = vec![put(Table::Dormant, b"big", &vec![1; 8_000_000])];
    let error = database.write(&big).unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    drop(database);
    disk.heal();
    assert_eq!(reopen(&disk.crash()).as_ref(), Ok(states.last().unwrap()));
}

#[test]
fn two_syncs_a_commit_and_none_without_writes() {
    let (disk, _, mut database) = filled(0);
    assert_eq!(database.commits(), 0);
    let before = disk.syncs();
    database.write(&[]).unwrap();
    assert_eq!((database.commits(), disk.syncs()), (0, before));
    database.write(&[put(Table::Meta, b"a", b"b"), put(Table::Peers, b"c", b"d")]).unwrap();
    assert_eq!((database.commits(), disk.syncs()), (1, before + 2));
}

#[test]
fn opening_after_a_crash_reads_little_more_than_the_check() {
    let (disk, _, database) = filled(200);
    let after = disk.crash();
    drop(database);
    let pages = after.image().len() as u64 / 4096;
    drop(Database::with_backend(after.clone()).unwrap());
    assert!(after.operations() < pages * 3, "{} for {pages} pages", after.operations());
}
