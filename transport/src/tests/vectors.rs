//! The vectors of BOLT 8, appendix A, played over a stream.

use secp256k1::{PublicKey, SecretKey};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{hex, hex32, open, oracle, seal, session, vectors};
use crate::{Connection, Deadlines, HandshakeError, NodeKey, accept, connect};

#[tokio::test]
async fn handshakes_of_the_initiator() {
    let vectors = vectors("bolt8-handshake");
    // [BOLT 8 test_vectors G1] the initiator gives the outputs of the vectors
    let vectors = vectors["initiator"].as_array().unwrap();
    for vector in vectors {
        let (io, peer) = duplex(4096);
        let key = node_key(vector);
        let remote = PublicKey::from_slice(&hex(&vector["rs_pub"])).unwrap();
        let run = connect(io, &key, ephemeral(vector), remote, &[], &DEADLINES);
        check(vector, tokio::join!(run, play(peer, vector)).0);
    }
    assert_eq!(vectors.len(), 5);
}

#[tokio::test]
async fn handshakes_of_the_responder() {
    let vectors = vectors("bolt8-handshake");
    // [BOLT 8 test_vectors G2] the responder gives the outputs of the vectors
    let vectors = vectors["responder"].as_array().unwrap();
    for vector in vectors {
        let (io, peer) = duplex(4096);
        let key = node_key(vector);
        let run = accept(io, &key, ephemeral(vector), &DEADLINES);
        let connection = tokio::join!(run, play(peer, vector)).0;
        if let Ok(connection) = &connection {
            let initiator = "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa";
            assert_eq!(connection.remote.to_string(), initiator);
        }
        check(vector, connection);
    }
    assert_eq!(vectors.len(), 10);
}

#[test]
fn messages_through_both_rotations() {
    let vector = vectors("bolt8-messages");
    let message = hex(&vector["message"]);
    let ((mut sealer, _), (_, mut opener)) = session();
    let mut checked = 0;
    for index in 0..=1001 {
        let packet = seal(&mut sealer, &message);
        if let Some(expected) = vector["outputs"].get(index.to_string()) {
            assert_eq!(packet, hex(expected), "message {index}");
            checked += 1;
        }
        assert_eq!(open(&mut opener, &packet).unwrap().unwrap(), message);
    }
    assert_eq!(checked, 6);
}

/// The other end: what the vector calls output is awaited from us, input is sent to us. After a
/// fault of the peer nothing more may come.
async fn play(mut peer: DuplexStream, vector: &Value) {
    for step in vector["steps"].as_array().unwrap() {
        if let Some(output) = step.get("output") {
            let expected = hex(output);
            let mut bytes = vec![0; expected.len()];
            peer.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes, expected, "{}", vector["name"]);
        }
        if let Some(input) = step.get("input") {
            peer.write_all(&hex(input)).await.unwrap();
        }
    }
    peer.shutdown().await.unwrap();
    if !vector["steps"].as_array().unwrap().iter().any(|step| step.get("error").is_some()) {
        return;
    }
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "{}", vector["name"]);
}

/// A failure has the vector's code; a success has its keys, which show in every packet.
fn check(vector: &Value, outcome: Result<Connection<DuplexStream>, HandshakeError>) {
    let name = &vector["name"];
    let last = vector["steps"].as_array().unwrap().last().unwrap();
    let connection = match (outcome, last.get("error")) {
        (Err(error), Some(code)) => {
            // The vectors name the version in some of the cases only.
            return assert!(error.to_string().starts_with(code.as_str().unwrap()), "{name}");
        }
        (Ok(connection), None) => connection,
        (Ok(_), Some(_)) => panic!("{name}: no error"),
        (Err(error), None) => panic!("{name}: {error}"),
    };
    let (mut reader, mut writer) = connection.split();
    let (sealer, opener) = (writer.encoder_mut(), reader.decoder_mut());
    let [ck, sk, rk] = ["final_ck", "sk", "rk"].map(|field| hex32(&vector[field]));
    for index in 0..1002 {
        assert_eq!(seal(sealer, b"hello"), oracle::packet(&ck, &sk, index, b"hello"), "{name}");
        let packet = oracle::packet(&ck, &rk, index, b"hello");
        assert_eq!(open(opener, &packet).unwrap().unwrap(), "hello", "{name}");
    }
}

fn node_key(vector: &Value) -> NodeKey {
    let key = NodeKey::new(SecretKey::from_slice(&hex(&vector["ls_priv"])).unwrap());
    assert_eq!(key.public_key().serialize().to_vec(), hex(&vector["ls_pub"]));
    key
}

fn ephemeral(vector: &Value) -> SecretKey {
    SecretKey::from_slice(&hex(&vector["e_priv"])).unwrap()
}

const DEADLINES: Deadlines = Deadlines::DEFAULT;
