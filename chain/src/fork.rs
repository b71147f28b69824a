//! Where two chains part, by asking the other one a few times.

use crate::Tip;

/// The highest block of `locator` (newest first) that the other chain has too.
///
/// `on_chain` says whether the other chain has this very block at its height. What two chains share
/// lies below where they part, so after the newest two, which are nearly always enough, the place is
/// found by halving: 12 questions for [`KEPT_HEADERS`](crate::KEPT_HEADERS) blocks.
///
/// # Errors
/// Whatever `on_chain` returns. `Ok(None)` means that no block of the locator is shared: the fork is
/// deeper than it reaches, or the other chain is another network.
pub fn find_fork<E>(
    locator: &[Tip],
    mut on_chain: impl FnMut(Tip) -> Result<bool, E>,
) -> Result<Option<Tip>, E> {
    for tip in locator.iter().take(NEWEST) {
        if on_chain(*tip)? {
            return Ok(Some(*tip));
        }
    }
    let mut rest = locator.get(NEWEST..).unwrap_or_default();
    let mut found = None;
    while !rest.is_empty() {
        let (newer, from_middle) = rest.split_at(rest.len() / 2);
        let Some((middle, older)) = from_middle.split_first() else { break };
        if on_chain(*middle)? {
            found = Some(*middle);
            rest = newer;
        } else {
            rest = older;
        }
    }
    Ok(found)
}

/// Blocks that are asked for one by one before halving begins.
const NEWEST: usize = 2;

#[cfg(test)]
mod tests {
    use bitcoin::BlockHash;
    use bitcoin::hashes::Hash;

    use super::*;

    fn tip(height: u32) -> Tip {
        Tip { height, hash: BlockHash::all_zeros() }
    }

    #[test]
    fn every_depth_is_found_in_few_questions() {
        for length in [1_u32, 2, 3, 10, 2200] {
            let locator: Vec<Tip> = (0..length).rev().map(tip).collect();
            for shared in 0..length {
                let mut questions = 0;
                let fork = find_fork(&locator, |tip| {
                    questions += 1;
                    Ok::<_, ()>(tip.height <= shared)
                });
                assert_eq!(fork, Ok(Some(tip(shared))), "length {length}");
                assert!(questions <= 14, "{questions} questions for {length} blocks");
            }
        }
    }

    #[test]
    fn nothing_shared_is_none_and_errors_pass_through() {
        let locator: Vec<Tip> = (0..100).rev().map(tip).collect();
        assert_eq!(find_fork(&locator, |_| Ok::<_, ()>(false)), Ok(None));
        assert_eq!(find_fork(&[], |_| Ok::<_, ()>(true)), Ok(None));
        assert_eq!(find_fork(&locator, |_| Err("away")), Err("away"));
    }
}
