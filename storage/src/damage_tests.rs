//! Damaged and foreign files: refused as they are, never read wrongly.

use crate::model::{Model, filled, reopen};
use crate::{Database, FaultyDisk};
use node::StoreError;
use proptest::prelude::*;
use redb::TableDefinition;

/// What a damaged disk may do: be refused and stay as it is, or not have been damaged where it counts.
fn check_damage(disk: &FaultyDisk, states: &[Model]) -> bool {
    let image = disk.image();
    match reopen(disk) {
        Ok(found) => {
            assert_eq!(found, *states.last().unwrap());
            false
        }
        Err(StoreError::Corrupt(text)) => {
            assert!(!text.is_empty() && !text.contains('\n'), "{text}");
            assert!(disk.image() == image, "a refused file was changed");
            // The lock is given back: it can be tried again, and is refused again.
            let again = FaultyDisk::from_image(image);
            assert!(matches!(reopen(&again), Err(StoreError::Corrupt(_))));
            true
        }
        Err(other) => panic!("{other}"),
    }
}

fn closed(commits: u64) -> (Vec<u8>, Vec<Model>) {
    let (disk, states, database) = filled(commits);
    drop(database);
    (disk.image(), states)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_flipped_bit(at in any::<prop::sample::Index>()) {
        let (image, states) = closed(12);
        let bits = image.len() * 8;
        let disk = FaultyDisk::from_image(image);
        disk.flip_bit(at.index(bits));
        check_damage(&disk, &states);
    }

    #[test]
    fn flipped_bits_after_a_crash(at in prop::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        let (disk, states, database) = filled(12);
        let disk = disk.crash();
        drop(database);
        let bits = disk.image().len() * 8;
        for bit in at.iter().map(|at| at.index(bits)).filter(|bit| *bit != NAMES_THE_COMMIT) {
            disk.flip_bit(bit);
        }
        check_damage(&disk, &states);
    }

    #[test]
    fn a_file_cut_short(at in any::<prop::sample::Index>()) {
        let (image, states) = closed(12);
        let length = at.index(image.len());
        let disk = FaultyDisk::from_image(image);
        disk.truncate(length);
        if length > 0 {
            check_damage(&disk, &states);
        }
    }
}

#[test]
fn each_page_zeroed() {
    let (image, states) = closed(12);
    let mut refused = 0;
    for page in 0..image.len() / 4096 {
        let disk = FaultyDisk::from_image(image.clone());
        disk.zero_page(page);
        refused += u32::from(check_damage(&disk, &states));
    }
    assert!(refused > 3, "only {refused} pages hold something");
}

#[test]
fn each_bit_of_the_header() {
    let (crashed, states, database) = filled(6);
    let crashed = crashed.crash().image();
    drop(database);
    let (closed, _) = closed(6);
    assert!(wrong_headers(&closed, &states).is_empty());
    // Of two valid commits this bit names the last. After a crash the other one, the newer, looks as
    // if the crash had come just before it was named: nothing in the file tells the two apart.
    assert_eq!(wrong_headers(&crashed, &states), [NAMES_THE_COMMIT]);
}

/// The bits after whose inversion something else than the last state is read.
fn wrong_headers(image: &[u8], states: &[Model]) -> Vec<usize> {
    let mut wrong = Vec::new();
    for bit in 0..320 * 8 {
        let disk = FaultyDisk::from_image(image.to_vec());
        disk.flip_bit(bit);
        match reopen(&disk) {
            Ok(found) if found == *states.last().unwrap() => {}
            Ok(found) => {
                assert_eq!(found, states[states.len() - 2]);
                wrong.push(bit);
            }
            Err(StoreError::Corrupt(_)) => {}
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
    wrong
}

/// In redb's header, the lowest bit of byte 9.
const NAMES_THE_COMMIT: usize = 9 * 8;

#[test]
fn foreign_files_are_refused_and_stay() {
    for bytes in [b"x".to_vec(), vec![0; 4096], b"SQLite format 3\0".repeat(1_000)] {
        let disk = FaultyDisk::from_image(bytes.clone());
        let error = reopen(&disk).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        assert!(disk.image() == bytes);
    }
}

/// A redb file that is not ours, and one of a newer navvy.
#[test]
fn other_databases_are_refused_and_stay() {
    let meta: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("meta");
    let wrong: TableDefinition<'_, u64, u64> = TableDefinition::new("meta");
    for (what, text) in [("none", "no format row"), ("newer", "format 2 of a newer"), ("type", "")]
    {
        let disk = FaultyDisk::new();
        let other = redb::Database::builder().create_with_backend(disk.clone()).unwrap();
        let write = other.begin_write().unwrap();
        match what {
            "newer" => {
                let mut table = write.open_table(meta).unwrap();
                table.insert(b"format".as_slice(), [0, 0, 0, 2].as_slice()).unwrap();
            }
            "type" => drop(write.open_table(wrong).unwrap()),
            _ => {}
        }
        write.commit().unwrap();
        drop(other);
        let image = disk.image();
        let error = reopen(&disk).unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt(found) if found.contains(text)), "{error}");
        assert!(disk.image() == image, "{what}");
    }
}

#[test]
fn the_second_opener_is_told() {
    let (disk, states, database) = filled(2);
    let error = Database::with_backend(disk.clone()).err().unwrap();
    let expected = StoreError::InUse("another process has it open".to_owned());
    assert_eq!(error, expected);
    drop(database);
    assert_eq!(reopen(&disk).as_ref(), Ok(states.last().unwrap()));
}
