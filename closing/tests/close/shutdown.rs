//! `shutdown`, ours and the peer's.

use bitcoin::ScriptBuf;
use closing::Event;
use funding::{Link, LinkKind};
use wire::{Message, Shutdown};

use crate::end::{End, both_shut_down, ends, ends_of, request, shutdown};
use crate::pair::Pair;

#[test]
fn shutdown_goes_once_on_a_connection() {
    let (mut opener, accepter) = ends();
    opener.close(request());
    assert_eq!(opener.names(), ["shutdown"]);
    let theirs = Shutdown { scriptpubkey: shutdown(&opener).scriptpubkey, ..shutdown(&opener) };
    opener.step(Event::Requested(request()));
    assert!(!opener.names().contains(&"shutdown"));
    opener.receive(Message::Shutdown(theirs));
    assert!(!opener.names().contains(&"shutdown"));
    drop(accepter);
}

#[test]
fn our_script_has_an_allowed_form() {
    for mut end in <[End; 2]>::from(ends()) {
        end.close(request());
        let script = shutdown(&end).scriptpubkey;
        assert!(script.is_p2wpkh() || script.is_p2wsh());
    }
}

#[test]
fn a_script_of_no_known_form_is_warned_of() {
    let forms = [
        vec![],
        vec![0x51],
        [&[0x76, 0xa9, 20][..], &[1; 20], &[0x88, 0xac]].concat(),
        [&[0xa9, 20][..], &[1; 20], &[0x87]].concat(),
        [&[0x00, 21][..], &[1; 21]].concat(),
        [&[0x6a, 6][..], &[1; 6]].concat(),
    ];
    for form in forms {
        let (mut opener, _) = ends();
        opener.close(request());
        let channel_id = opener.channel().channel_id();
        let scriptpubkey = ScriptBuf::from_bytes(form);
        let theirs = Message::Shutdown(Shutdown { channel_id, scriptpubkey });
        opener.receive(theirs.clone());
        assert_eq!(opener.names(), ["warning"]);
        assert!(opener.notes() && !opener.reconnects(), "it would say the same again");
        opener.receive(theirs);
        assert!(opener.effects.is_empty(), "once");
        assert_eq!(opener.name(), "ShuttingDown");
    }
}

#[test]
fn a_later_segwit_version_is_for_peers_that_said_so() {
    for any_segwit in [false, true] {
        let (mut opener, _) = ends();
        opener.side.link.any_segwit = any_segwit;
        opener.close(request());
        let channel_id = opener.channel().channel_id();
        let scriptpubkey = ScriptBuf::from_bytes([&[0x51, 32][..], &[1; 32]].concat());
        opener.receive(Message::Shutdown(Shutdown { channel_id, scriptpubkey }));
        assert_eq!(opener.names() == ["warning"], !any_segwit);
    }
}

#[test]
fn shutdown_is_answered_with_shutdown() {
    let (opener, accepter) = ends();
    for (mut asks, mut answers) in [(opener, accepter), {
        let (opener, accepter) = ends();
        (accepter, opener)
    }] {
        asks.close(request());
        answers.receive(Message::Shutdown(shutdown(&asks)));
        assert_eq!(answers.names().first(), Some(&"shutdown"));
        asks.receive(Message::Shutdown(shutdown(&answers)));
        assert!(!asks.names().contains(&"shutdown"));
    }
}

#[test]
fn shutdown_is_answered_before_channel_ready_too() {
    let (mut opener, mut accepter) = ends_of(Pair::funded());
    opener.close(request());
    accepter.receive(Message::Shutdown(shutdown(&opener)));
    assert_eq!(accepter.names(), ["shutdown"]);
}

#[test]
fn shutdown_waits_for_channel_reestablish_and_is_repeated() {
    let (mut opener, mut accepter, scripts) = {
        let (opener, accepter) = ends();
        both_shut_down(opener, accepter)
    };
    for (end, script) in [(&mut opener, &scripts.opener), (&mut accepter, &scripts.accepter)] {
        for _ in 0..2 {
            end.reconnect();
            assert_eq!(end.names(), ["channel_reestablish"]);
            end.receive_reestablish();
            let sent = end.sent();
            let repeated = sent.iter().find_map(|message| {
                if let Message::Shutdown(shutdown) = message { Some(shutdown) } else { None }
            });
            assert_eq!(repeated.map(|shutdown| &shutdown.scriptpubkey), Some(script));
        }
    }
}

#[test]
fn shutdown_is_repeated_after_the_close_was_signed() {
    let (opener, accepter) = ends();
    let (opener, mut accepter, _) = both_shut_down(opener, accepter);
    accepter.receive(Message::ClosingSigned(opener.offer()));
    assert_eq!(accepter.name(), "Closing");
    accepter.reconnect();
    assert_eq!(accepter.names(), ["channel_reestablish"]);
    accepter.receive_reestablish();
    assert_eq!(accepter.names(), ["shutdown"]);
    accepter.receive_reestablish();
    assert!(accepter.sent().is_empty(), "once");
}

#[test]
fn nothing_is_said_while_there_is_no_connection() {
    let (mut opener, _) = ends();
    opener.side.link = Link::default();
    opener.close(request());
    assert!(opener.effects.is_empty());
    opener.side.link = Link { kind: LinkKind::Up, ..Link::default() };
    opener.step(Event::Connected);
    opener.receive_reestablish();
    assert!(opener.names().contains(&"shutdown"));
}
