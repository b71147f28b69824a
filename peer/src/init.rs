//! The two `init` messages: what we offer, and whether what the peer says suits us.

use wire::{Features, Init, feature};

use crate::CloseReason;

/// The features of our `init`. All bits are odd: nobody is sent away for what we do not need.
///
/// BOLT 9 lets five of them go unsaid, but LND drops a peer without `option_data_loss_protect`,
/// and opens without a `channel_type` to one that does not say `option_channel_type`.
pub fn offered_features() -> Features {
    // [BOLT 1 init S2] Odd bits, with what they depend on; [BOLT 1 init S3] nothing else.
    Features::from_bits(&OFFERED.map(|even| even | 1))
}

/// Whether we can talk with a peer that says this of itself.
pub(crate) fn check_init(ours: &Init, theirs: &Init) -> Result<(), CloseReason> {
    // [BOLT 1 init R3] A feature is known here when we offer it. Others that BOLT 9 names may be
    // offered to us, not required from us.
    // [BOLT 1 init R4] Odd bits are not looked at.
    // [BOLT 1 init R5] An even bit beyond what we offer closes the connection.
    let known: Vec<u16> = ours.features.bits().collect();
    if let Some(bit) = theirs.features.unknown_even(&known) {
        return Err(CloseReason::RequiredFeature { bit });
    }
    // [BOLT 1 init R7] Each feature comes with those that it depends on.
    if let Some((feature, needs)) = theirs.features.missing_dependency() {
        return Err(CloseReason::MissingDependency { feature, needs });
    }
    // [BOLT 1 init R6] A peer that names its chains must name one of ours. One that names none
    // shows its chain by the chain_hash of its open_channel.
    if let (Some(ours), Some(theirs)) = (&ours.networks, &theirs.networks)
        && !ours.iter().any(|chain| theirs.contains(chain))
    {
        return Err(CloseReason::NoCommonNetwork);
    }
    Ok(())
}

/// Even bits; the odd ones are set.
const OFFERED: [u16; 7] = [
    feature::OPTION_DATA_LOSS_PROTECT,
    feature::VAR_ONION_OPTIN,
    feature::OPTION_STATIC_REMOTEKEY,
    feature::PAYMENT_SECRET,
    feature::OPTION_ANCHORS,
    feature::OPTION_SHUTDOWN_ANYSEGWIT,
    feature::OPTION_CHANNEL_TYPE,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn init(bits: &[u16]) -> Init {
        Init { features: Features::from_bits(bits), networks: None, remote_address: None }
    }

    fn check(bits: &[u16]) -> Result<(), CloseReason> {
        check_init(&init(&offered_features().bits().collect::<Vec<_>>()), &init(bits))
    }

    /// An `init` whose TLV 1 names chains of 32 equal bytes.
    fn serving(chains: &[u8]) -> Init {
        let chains: Vec<u8> = chains.iter().flat_map(|&byte| [byte; 32]).collect();
        let mut payload = vec![0, 0, 0, 0, 1, u8::try_from(chains.len()).unwrap()];
        payload.extend(chains);
        Init::read_payload(&payload).unwrap()
    }

    #[test]
    fn our_bits() {
        let bits: Vec<u16> = offered_features().bits().collect();
        assert_eq!(bits, [1, 9, 13, 15, 23, 27, 45]);
        assert_eq!(offered_features().missing_dependency(), None);
    }

    #[test]
    fn peers_that_exist() {
        let lnd = [0, 5, 7, 8, 12, 14, 17, 23, 25, 27, 31, 35, 39, 44, 2023];
        let ldk = [0, 5, 7, 8, 12, 14, 17, 19, 23, 25, 27, 35, 39, 44, 47, 51];
        assert_eq!(check(&lnd), Ok(()));
        assert_eq!(check(&ldk), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn required_features_are_ours_or_nobodys() {
        for bit in 0..=600 {
            let offered = OFFERED.contains(&bit);
            let required = bit % 2 == 0 && !offered;
            let pair = Features::from_bits(&[bit]).missing_dependency();
            match check(&[bit]) {
                Err(CloseReason::RequiredFeature { bit: told }) => {
                    assert!(required && told == bit)
                }
                Err(CloseReason::MissingDependency { .. }) => assert!(pair.is_some()),
                other => assert!(!required && other == Ok(()), "{bit}"),
            }
        }
        // Both bits of a pair: required.
        assert_eq!(check(&[34, 35]), Err(CloseReason::RequiredFeature { bit: 34 }));
    }

    #[test]
    fn dependencies() {
        for (feature, needs) in [(17, 14), (51, 46), (61, 26)] {
            let missing = CloseReason::MissingDependency { feature: feature & !1, needs };
            assert_eq!(check(&[feature]), Err(missing));
            assert_eq!(check(&[feature, needs | 1]), Ok(()));
        }
    }

    #[test]
    fn a_chain_in_common() {
        let ours = serving(&[7]);
        let silent = init(&[]);
        assert_eq!(check_init(&ours, &serving(&[7])), Ok(()));
        assert_eq!(check_init(&ours, &serving(&[1, 7, 9])), Ok(()));
        assert_eq!(check_init(&ours, &silent), Ok(()));
        assert_eq!(check_init(&silent, &serving(&[7])), Ok(()));
        assert_eq!(check_init(&ours, &serving(&[1])), Err(CloseReason::NoCommonNetwork));
        assert_eq!(check_init(&ours, &serving(&[])), Err(CloseReason::NoCommonNetwork));
    }
}
