"""Sequences of messages in lnprototest's own language, with its reader of the BOLTs' message tables, against
navvyd. The runner is ours: lnprototest has one for Core Lightning only."""

import os

import commitment
import pyln.proto.wire
from lnprototest import Connect, ExpectDisconnect, ExpectError, ExpectMsg, Msg, MustNotMsg, RawMsg
from lnprototest.errors import EventError
from lnprototest.keyset import KeySet
from lnprototest.runner import Conn, Runner
from lnprototest.utils import gen_random_keyset, pubkey_of

REGTEST = "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f"
# option_static_remotekey and option_channel_type, with what BOLT 9 wants beside them.
FEATURES = (1 << 1 | 1 << 13 | 1 << 45).to_bytes(6, "big").hex()
ANCHORS = (1 << 1 | 1 << 13 | 1 << 23 | 1 << 45).to_bytes(6, "big").hex()
SILENCE = 5


class Quiet:
    """What lnprototest asks of pytest."""

    def getoption(self, _name):
        return False


class NavvydRunner(Runner):
    """navvyd as lnprototest drives a node: by its socket for peers, and what else a sequence asks for."""

    def __init__(self, navvyd):
        super().__init__(Quiet())
        self.navvyd = navvyd

    def connect(self, event, connprivkey):
        conn = Conn(connprivkey)
        # A key of its own each time: navvyd takes a second connection of one key for the newer one.
        private = pyln.proto.wire.PrivateKey(os.urandom(32))
        conn.wire = pyln.proto.wire.connect(private, self.navvyd.node_id, "127.0.0.1", self.navvyd.port)
        conn.wire.connection.settimeout(SILENCE)
        self.add_conn(conn)

    def recv(self, event, conn, outbuf):
        try:
            conn.wire.send_message(outbuf)
        except OSError as error:
            raise EventError(event, f"navvyd is gone: {error}") from error

    def get_output_message(self, conn, event):
        try:
            return conn.wire.read_message()
        except (OSError, ValueError):  # silence, or the end
            return None

    def check_error(self, event, conn):
        super().check_error(event, conn)
        message = self.get_output_message(conn, event)
        return message and message.hex()

    def check_final_error(self, event, conn, expected, must_not_events):
        """Everything that was sent is handled before navvyd hangs up over a packet without a tag."""
        if not expected:
            conn.wire.connection.send(bytes(18))
            while (message := self.get_output_message(conn, event)) is not None:
                for banned in must_not_events:
                    if banned.matches(message):
                        raise EventError(event, f"navvyd sent what {banned} bans: {message.hex()}")
                if message[:2] == b"\x00\x11":
                    raise EventError(event, f"navvyd sent an error: {message[36:]!r}")
        conn.wire.connection.close()

    def is_running(self):
        return True

    def start(self):
        pass

    def stop(self, print_logs=False):
        self.teardown()

    def getblockheight(self):
        return self.navvyd.ask("getinfo")["block_height"]

    def add_blocks(self, event, txs, n):
        self.navvyd.ask("regtest", "mine", str(n))

    def has_option(self, optname):
        return None

    def get_keyset(self):
        return KeySet("11", "12", "13", "14", "FF" * 32)

    def unsupported(self, *_arguments, **_named):
        raise NotImplementedError("navvyd does not do this: see docs/third-party.md")

    trim_blocks = expect_tx = invoice = accept_add_fund = fundchannel = init_rbf = addhtlc = unsupported
    get_node_privkey = get_node_bitcoinkey = add_startup_flag = close_channel = unsupported


def init(features=FEATURES):
    return Msg("init", globalfeatures="", features=features)


def run(navvyd, events):
    NavvydRunner(navvyd).run([Connect("02"), ExpectMsg("init"), *events])


def init_comes_first_and_answers_ours(navvyd):
    run(navvyd, [init()])


def an_odd_feature_that_nobody_knows_is_fine(navvyd):
    run(navvyd, [init((1 << 99 | 1 << 13).to_bytes(13, "big").hex()), Msg("ping", num_pong_bytes=3, ignored="00"),
                 ExpectMsg("pong", ignored="000000")])


def an_even_feature_that_nobody_knows_ends_the_connection(navvyd):
    run(navvyd, [init((1 << 98).to_bytes(13, "big").hex()), ExpectMsg("warning"), ExpectDisconnect()])


def an_odd_message_that_nobody_knows_is_ignored(navvyd):
    run(navvyd, [init(), RawMsg(bytes.fromhex("270F")), Msg("ping", num_pong_bytes=0, ignored=""),
                 ExpectMsg("pong", ignored="")])


def an_even_message_that_nobody_knows_ends_the_connection(navvyd):
    run(navvyd, [init(), RawMsg(bytes.fromhex("270E")), ExpectMsg("warning"), ExpectDisconnect()])


def a_ping_that_wants_too_much_gets_no_pong(navvyd):
    run(navvyd, [init(), MustNotMsg("pong"), Msg("ping", num_pong_bytes=65532, ignored="")])


def open_channel(**changed):
    keys = gen_random_keyset()
    # Bit 12 alone: static_remotekey.
    fields = dict(
        chain_hash=REGTEST, temporary_channel_id="01" * 32, funding_satoshis=500_000, push_msat=0,
        dust_limit_satoshis=546, max_htlc_value_in_flight_msat=4294967295,
        channel_reserve_satoshis=9998, htlc_minimum_msat=0, feerate_per_kw=1000, to_self_delay=5,
        max_accepted_htlcs=483, funding_pubkey=pubkey_of("20"),
        revocation_basepoint=keys.revocation_basepoint(), payment_basepoint=keys.payment_basepoint(),
        delayed_payment_basepoint=keys.delayed_payment_basepoint(), htlc_basepoint=keys.htlc_basepoint(),
        first_per_commitment_point=keys.per_commit_point(0), channel_flags=0,
        tlvs="{upfront_shutdown_script={shutdown_scriptpubkey=},channel_type={type=1000}}")
    return Msg("open_channel", **{**fields, **changed})


def a_good_open_channel_is_accepted(navvyd):
    run(navvyd, [init(), open_channel(), ExpectMsg("accept_channel", temporary_channel_id="01" * 32)])


def commitments_are_lnprototests(anchors, push_msat):
    """Both signatures of an open are over what lnprototest builds by BOLT 3."""

    def test(navvyd):
        run(navvyd, [init(ANCHORS), *commitment.sequence(open_channel, anchors, push_msat)])

    name = "with_anchors" if anchors else "static_remotekey"
    test.__name__ = f"commitments_{name}_with_a_push_of_{push_msat}_are_lnprototests"
    return test


def refused(**changed):
    """A rule of open_channel that is broken: an error, and no accept_channel."""

    def test(navvyd):
        run(navvyd, [init(), MustNotMsg("accept_channel"), open_channel(**changed), ExpectError()])

    test.__name__ = "an_open_channel_is_refused_for_" + "_and_".join(changed)
    return test


TESTS = [
    init_comes_first_and_answers_ours,
    an_odd_feature_that_nobody_knows_is_fine,
    an_even_feature_that_nobody_knows_ends_the_connection,
    an_odd_message_that_nobody_knows_is_ignored,
    an_even_message_that_nobody_knows_ends_the_connection,
    a_ping_that_wants_too_much_gets_no_pong,
    a_good_open_channel_is_accepted,
    commitments_are_lnprototests(False, 0),
    commitments_are_lnprototests(False, 100_000_999),
    commitments_are_lnprototests(True, 0),
    commitments_are_lnprototests(True, 100_000_999),
    # The accepter's part is dust.
    commitments_are_lnprototests(True, 353_000),
    refused(chain_hash="11" * 32),
    refused(push_msat=500_000_001),
    refused(to_self_delay=2017),
    refused(max_accepted_htlcs=484),
    refused(dust_limit_satoshis=353),
    refused(dust_limit_satoshis=10_000, channel_reserve_satoshis=9_999),
    refused(feerate_per_kw=252),
    refused(funding_satoshis=1000),
    refused(channel_reserve_satoshis=499_999),
]
