//! What must hold for any bytes given to `wire::Message::decode`.

use wire::Message;

/// Panics when `bytes` break a promise of the decoder.
pub fn check(bytes: &[u8]) {
    let message = match Message::decode(bytes) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // What it says can be said again, in no more bytes, and means the same.
    let mut encoded = Vec::new();
    message.encode(&mut encoded);
    assert!(encoded.len() <= bytes.len());
    assert_eq!(Message::decode(&encoded).as_ref(), Ok(&message));
    assert_eq!(encoded.get(..2), bytes.get(..2));
    // The rest must not panic.
    let _ = (message.name(), message.channel_id());
    if let Message::Init(init) = &message {
        let _ = (init.features.unknown_even(&[1, 13]), init.features.missing_dependency());
    }
}
