"""BOLT 8 as pyln-proto has it against navvyd, in both roles, past several rotations of the keys."""

import os
import socket
import threading
import time

from pyln.proto.wire import LightningServerSocket, PrivateKey, connect

from navvyd import wait_for

INIT, PING, PONG = 16, 18, 19
# A key turns after 1,000 uses, and a message takes two: these are more than two turns.
MESSAGES = 1100


def number(message):
    return int.from_bytes(message[:2], "big")


def ping(num_pong_bytes, ignored):
    length = len(ignored).to_bytes(2, "big")
    return PING.to_bytes(2, "big") + num_pong_bytes.to_bytes(2, "big") + length + ignored


def pong_to(message):
    wanted = int.from_bytes(message[2:4], "big")
    return PONG.to_bytes(2, "big") + wanted.to_bytes(2, "big") + bytes(wanted)


def greet(connection):
    """The init of the other side, said back: whatever it offers suits it."""
    # pyln-proto writes a packet in two pieces, of which the second would wait for an acknowledgement.
    connection.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    theirs = connection.read_message()
    assert number(theirs) == INIT, theirs.hex()
    global_length = int.from_bytes(theirs[2:4], "big")
    features_at = 4 + global_length
    features = int.from_bytes(theirs[features_at:features_at + 2], "big")
    connection.send_message(theirs[:features_at + 2 + features])
    return theirs


def talk(connection, messages):
    """So many pings, each answered with as many bytes as it asked for, before anything else."""
    for count in range(messages):
        if count > 900:
            # navvyd bears 1,000 messages at once from a stranger, and 100 a second.
            time.sleep(0.012)
        length = (0, 1, 7, 100)[count % 4]
        connection.send_message(ping(length, bytes(count % 50)))
        while number(answer := connection.read_message()) == PING:
            connection.send_message(pong_to(answer))
        assert answer == PONG.to_bytes(2, "big") + length.to_bytes(2, "big") + bytes(length), (
            count, answer.hex())


def key():
    return PrivateKey(os.urandom(32))


def node_id(private):
    return private.public_key().serializeCompressed()


def pyln_proto_connects_and_talks_past_two_rotations(navvyd):
    ours = key()
    connection = connect(ours, navvyd.node_id, "127.0.0.1", navvyd.port)
    greet(connection)
    wait_for("navvyd to list the peer", lambda: navvyd.is_connected(node_id(ours)))
    talk(connection, MESSAGES)
    connection.connection.close()
    wait_for("navvyd to miss the peer", lambda: not navvyd.is_connected(node_id(ours)))


def navvyd_connects_to_pyln_proto_and_talks_past_two_rotations(navvyd):
    ours = key()
    with LightningServerSocket(ours) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(60)
        address = f"{node_id(ours).hex()}@127.0.0.1:{server.getsockname()[1]}"
        accepted = []

        def accept():
            connection, _ = server.accept()
            assert connection.remote_pubkey.serializeCompressed() == navvyd.node_id
            greet(connection)
            accepted.append(connection)

        accepting = threading.Thread(target=accept)
        accepting.start()
        navvyd.ask("connect", address)
        accepting.join(60)
        assert accepted, "the handshake did not come to its end"
        talk(accepted[0], MESSAGES)
        navvyd.ask("disconnect", node_id(ours).hex())
        accepted[0].connection.close()


def a_wrong_node_id_ends_at_act_one(navvyd):
    wrong = key()
    try:
        connection = connect(key(), node_id(wrong), "127.0.0.1", navvyd.port)
        connection.read_message()
    except Exception:  # whatever pyln-proto makes of a closed socket
        return
    raise AssertionError("navvyd answered a handshake for another node")


def a_damaged_packet_ends_the_connection(navvyd):
    ours = key()
    connection = connect(ours, navvyd.node_id, "127.0.0.1", navvyd.port)
    greet(connection)
    talk(connection, 3)
    connection.connection.sendall(bytes(18))
    assert connection.connection.recv(1) == b"", "navvyd went on after a packet without a tag"
    wait_for("navvyd to miss the peer", lambda: not navvyd.is_connected(node_id(ours)))


TESTS = [
    pyln_proto_connects_and_talks_past_two_rotations,
    navvyd_connects_to_pyln_proto_and_talks_past_two_rotations,
    a_wrong_node_id_ends_at_act_one,
    a_damaged_packet_ends_the_connection,
]
