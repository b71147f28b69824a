//! What a node, or whatever else listens at its port, can do to its client.

use super::*;

#[test]
fn a_new_cookie_is_read() {
    let (fake, _) = start();
    let path = std::env::temp_dir().join(format!("navvy-cookie-{}", std::process::id()));
    let mut config = config(&fake);
    config.auth = Auth::Cookie(path.clone());
    let mut bitcoind = Bitcoind::new(config);
    let _ = std::fs::remove_file(&path);
    assert!(unavailable(bitcoind.tip()).contains("cookie"));
    std::fs::write(&path, "__cookie__:first\n").unwrap();
    fake.state().authorization = Some("Basic X19jb29raWVfXzpmaXJzdA==".into());
    assert!(bitcoind.tip().is_ok());
    std::fs::write(&path, "__cookie__:second").unwrap();
    fake.state().authorization = Some("Basic X19jb29raWVfXzpzZWNvbmQ=".into());
    assert!(bitcoind.tip().is_ok(), "on the old connection, which is refused first");
    fake.state().authorization = Some("Basic other".into());
    let text = unavailable(bitcoind.tip());
    assert!(text.contains("401") && text.contains("password"), "{text}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_connection_that_was_closed_while_idle_is_opened_again() {
    let (fake, mut bitcoind) = start();
    fake.state().closes = true;
    for _ in 0..3 {
        assert!(bitcoind.tip().is_ok());
        sleep(10);
    }
    assert_eq!(fake.state().connections, 6, "each new one is asked for its chain as well");
    fake.state().closes = false;
    fake.state().chunked = true;
    assert!(bitcoind.tip().is_ok() && bitcoind.tip().is_ok(), "in chunks as well");
    assert_eq!(fake.state().connections, 7);
}

#[test]
fn second_handles_have_their_own_connection() {
    let (fake, bitcoind) = start();
    let mut handles = [bitcoind.another(), bitcoind.another()];
    assert!(handles.iter_mut().all(|handle| handle.tip().is_ok()));
    assert_eq!(fake.state().connections, 2);
}

#[test]
fn a_starting_node_is_told_apart() {
    let (fake, mut bitcoind) = start();
    fake.script("getblockchaininfo", vec![Err((-28, "Verifying blocks…"))]);
    let text = unavailable(bitcoind.tip());
    assert!(text.contains("starting") && text.contains("Verifying"), "{text}");
    assert!(bitcoind.tip().is_ok());
}

#[test]
fn a_busy_node_is_asked_again() {
    let (fake, mut bitcoind) = start();
    fake.state().busy = 3;
    assert!(bitcoind.tip().is_ok());
    assert_eq!(fake.calls_of("getblockchaininfo"), 1);
    fake.state().busy = 6;
    let text = unavailable(bitcoind.tip());
    assert!(text.contains("rpcworkqueue"), "{text}");
    assert!(bitcoind.tip().is_ok());
}

#[test]
fn nobody_there() {
    let (fake, _) = start();
    let mut config = config(&fake);
    config = Config::new("127.0.0.1:1", config.auth, Network::Regtest).unwrap();
    let mut bitcoind = Bitcoind::new(config);
    let text = unavailable(bitcoind.tip());
    assert!(text.contains("127.0.0.1:1") && text.contains("is it running"), "{text}");
    assert_eq!(bitcoind.feerate(6), None);
}

#[test]
fn bad_answers_are_errors_that_say_what_is_wrong() {
    let fake = Fake::start();
    let ok = "HTTP/1.1 200 OK\r\n";
    let json = |body: &str| format!("{ok}Content-Length: {}\r\n\r\n{body}", body.len());
    for (answer, words) in [
        (String::new(), "closed"),
        ("nonsense\r\n\r\n".into(), "not HTTP"),
        ("SSH-2.0-OpenSSH\r\n".into(), "not HTTP"),
        ("HTTP/1.1 OK\r\n\r\n".into(), "not HTTP"),
        (format!("{ok}no colon\r\n\r\n"), "colon"),
        (format!("{ok}Content-Length: many\r\n\r\n"), "length"),
        (format!("{ok}Content-Length: -1\r\n\r\n"), "length"),
        (format!("{ok}{}\r\n", "a: b\r\n".repeat(200)), "headers"),
        (format!("{ok}Content-Length: 100\r\n\r\n{{"), "closed"),
        (format!("{ok}Content-Length: 99999999999\r\n\r\n"), "larger"),
        (format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "chunk"),
        (format!("{ok}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"), "chunk"),
        (format!("{ok}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"), "larger"),
        (json(""), "getblockchaininfo"),
        (json("[]"), "getblockchaininfo"),
        (json("{\"id\":0,\"result\":7}"), "getblockchaininfo"),
        (json("{\"id\":1,\"result\":null}"), "another call"),
        (json("{\"result\":null}"), "another call"),
        (json("<html>hello</html>"), "<html>"),
        (json(&"[".repeat(10_000)), "getblockchaininfo"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n".into(), "rpcallowip"),
        ("HTTP/1.1 302 Found\r\n\r\n".into(), "302"),
    ] {
        let mut bitcoind = Bitcoind::new(config(&fake));
        fake.state().raw.push_back(Raw::Bytes(answer.clone().into_bytes()));
        let text = unavailable(bitcoind.tip());
        assert!(text.contains(words), "{answer:.60}: {text}");
        assert!(bitcoind.tip().is_ok(), "and the next call is a new one");
    }
}

#[test]
fn answers_to_a_batch_must_be_complete() {
    let (fake, mut bitcoind) = start();
    for body in ["[]", "[{\"id\":0,\"result\":null},{\"id\":0,\"result\":null}]", "{}"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        assert!(bitcoind.tip().is_ok());
        fake.state().raw.push_back(Raw::Bytes([head.as_bytes(), body.as_bytes()].concat()));
        let outpoint = |vout| bitcoin::OutPoint { txid: bitcoin::Txid::all_zeros(), vout };
        assert!(unavailable(bitcoind.unspent(&[outpoint(0), outpoint(1)])).contains("gettxout"));
    }
    assert!(bitcoind.tip().is_ok());
    fake.script("gettxout", vec![Ok(json!(null)), Err((-28, "starting"))]);
    let outpoint = |vout| bitcoin::OutPoint { txid: bitcoin::Txid::all_zeros(), vout };
    assert!(unavailable(bitcoind.unspent(&[outpoint(0), outpoint(1)])).contains("starting"));
}

#[test]
fn endless_answers_end() {
    let (fake, mut bitcoind) = start();
    let ok = "HTTP/1.1 200 OK\r\n\r\n";
    for (start, words) in [(ok.to_owned(), "larger"), ("x".repeat(1000), "too long")] {
        fake.state().raw.push_back(Raw::Endless(format!("{start}{}", "x".repeat(99_999)).into()));
        let text = unavailable(bitcoind.tip());
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn an_answer_has_a_deadline_as_a_whole() {
    let (fake, _) = start();
    let mut config = config(&fake);
    config.patience = Duration::from_millis(150);
    for raw in [Raw::Silence, Raw::Drip(b"HTTP/1.1 200 OK\r\n".repeat(20))] {
        let mut bitcoind = Bitcoind::new(config.clone());
        fake.state().raw.push_back(raw);
        let text = unavailable(bitcoind.tip());
        assert!(text.contains("in time"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a server sends, the answer is a value.
    #[test]
    fn no_answer_is_worse_than_an_error(
        head in prop::sample::select(vec![
            "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 500 Error\r\nContent-Length: 30\r\n\r\n{\"error\":",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let (fake, mut bitcoind) = start();
        fake.state().raw.push_back(Raw::Bytes([head.as_bytes(), rest.as_slice()].concat()));
        prop_assert!(bitcoind.tip().is_err());
        prop_assert!(bitcoind.tip().is_ok());
    }
}
