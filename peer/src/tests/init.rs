//! `init` first, once, and such that we can go on.

use super::*;

#[test]
fn our_init_on_the_wire() {
    let mut init = settings().init;
    init.remote_address = crate::remote_address("8.8.4.4:9735".parse().unwrap());
    let mut expected = vec![0, 16, 0, 0, 0, 6, 0x20, 0, 0x08, 0x80, 0xa2, 0x02, 1, 32];
    expected.extend([7; 32]);
    expected.extend([3, 7, 1, 8, 8, 4, 4, 0x26, 0x07]);
    assert_eq!(init.encoded(), expected);
}

#[test]
fn nothing_but_init_is_first() {
    let mut driver = Driver::new();
    driver.ask();
    driver.pass(seconds(14));
    assert!(driver.sent.is_empty(), "nothing may be sent before the peer's init");
    for other in [ping(1).encoded(), raw(256, &[]), raw(33_333, &[]), raw(4, &[]), raw(16, &[])] {
        let mut driver = Driver::new();
        driver.receive_bytes(&other);
        assert!(driver.closed.is_some());
        assert_eq!(driver.told(), None);
        assert!(driver.delivered.is_empty());
    }
    let mut driver = Driver::new();
    driver.receive(&ping(1));
    assert_eq!(driver.closed, Some(CloseReason::FirstMessageNotInit { type_number: 18 }));
}

#[test]
fn a_refusal_instead_of_init_keeps_its_words() {
    for type_number in [1, 17] {
        let mut driver = Driver::new();
        let payload = [&[0; 32][..], &[0, 5], b"no\x07!!"].concat();
        driver.receive_bytes(&raw(type_number, &payload));
        let text = "no?!!".to_owned();
        assert_eq!(driver.closed, Some(CloseReason::RefusedByPeer { text }));
    }
}

#[test]
fn a_second_init_closes() {
    let mut driver = Driver::open();
    driver.receive(&theirs());
    assert_eq!(driver.closed, Some(CloseReason::SecondInit));
    assert_eq!(driver.told().as_deref(), Some("init was already received on this connection"));
}

#[test]
fn an_init_that_does_not_suit_us_is_told_why() {
    let with = |bits: &[u16]| serving(Features::from_bits(bits), 7);
    let cases = [
        (with(&[28]), CloseReason::RequiredFeature { bit: 28 }),
        (with(&[65_534]), CloseReason::RequiredFeature { bit: 65_534 }),
        (with(&[61]), CloseReason::MissingDependency { feature: 60, needs: 26 }),
        (serving(theirs().features, 8), CloseReason::NoCommonNetwork),
    ];
    for (init, reason) in cases {
        let mut driver = Driver::new();
        driver.receive(&init);
        assert_eq!(driver.told().as_deref(), reason.text_to_peer());
        assert_eq!(driver.closed, Some(reason));
        assert!(driver.delivered.is_empty());
    }
}

#[test]
fn extensions_of_init() {
    // BOLT 1, appendix C.
    for valid in [&[][..], &[0xc9, 1, 0x2a, 0xcb, 1, 4]] {
        let mut driver = Driver::new();
        driver.receive_bytes(&raw(16, &[&[0; 4], valid].concat()));
        assert_eq!(driver.delivered, [Delivery::Connected { features: Features::empty() }]);
    }
    for invalid in [&[1][..], &[0xca, 1, 0x2a], &[0xc9, 1, 1, 0xc9, 1, 2]] {
        let mut driver = Driver::new();
        driver.receive_bytes(&raw(16, &[&[0; 4], invalid].concat()));
        assert!(matches!(driver.closed, Some(CloseReason::Malformed { type_number: 16, .. })));
        assert_eq!(driver.told(), None);
    }
}

#[test]
fn both_feature_maps_count() {
    let mut driver = Driver::new();
    // globalfeatures: bit 13; features: bit 1.
    driver.receive_bytes(&raw(16, &[0, 2, 0x20, 0, 0, 1, 2]));
    let features = Features::from_bits(&[1, 13]);
    assert_eq!(driver.delivered, [Delivery::Connected { features }]);
}

#[test]
fn odd_bits_of_any_number_are_ignored() {
    let mut driver = Driver::new();
    driver.receive(&serving(Features::from_bits(&[3, 4_321, 65_535]), 7));
    assert!(driver.closed.is_none() && driver.delivered.len() == 1);
}
