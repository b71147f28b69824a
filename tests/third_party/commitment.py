"""lnprototest's commitment transaction and signatures of BOLT 3 against navvyd's: an open to `funding_signed`.

lnprototest derives a node's keys from its secrets, which navvyd gives to nobody: the three derived keys are
computed from the public points here. Everything else, the transaction and what is signed, is lnprototest's.
"""

import os
from hashlib import sha256

import coincurve
from bitcoin.core import script
from lnprototest import ExpectMsg, Msg, Side
from lnprototest.commit_tx import Commitment
from lnprototest.errors import EventError
from lnprototest.funding import Funding
from lnprototest.signature import Sig
from lnprototest.utils import gen_random_keyset

OUTPUT_INDEX, OUR_FUNDING_KEY = 1, "20"


def tweak(point, basepoint):
    digest = sha256(point.format() + basepoint.format()).digest()
    return coincurve.PublicKey.combine_keys([basepoint, coincurve.PublicKey.from_secret(digest)])


class Points:
    """What is known of a side: the points of its message."""

    def __init__(self, fields):
        texts = {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in fields.items()}
        self.points = {name: coincurve.PublicKey(bytes.fromhex(text)) for name, text in texts.items()
                       if len(text) == 66}

    def raw_payment_basepoint(self):
        return self.points["payment_basepoint"]

    def raw_htlc_basepoint(self):
        return self.points["htlc_basepoint"]


class PublicFunding(Funding):
    """With the peer's funding_pubkey in the place of its secret."""

    def __init__(self, txid, amount, remote_funding_pubkey):
        super().__init__(txid, OUTPUT_INDEX, amount, "02", OUR_FUNDING_KEY, "03", "04")
        self.remote_funding_pubkey = remote_funding_pubkey

    def funding_pubkey(self, side):
        return super().funding_pubkey(side) if side == Side.local else self.remote_funding_pubkey

    def funding_pubkeys_for_tx(self):
        keys = [self.funding_pubkey(side) for side in (Side.local, Side.remote)]
        return self.sort_by_keys(*keys, *keys)


class PublicCommitment(Commitment):
    """With keys from public points."""

    def revocation_pubkey(self, side):
        base = self.keyset[not side].points["revocation_basepoint"]
        point = self.keyset[side].points["first_per_commitment_point"]
        by_base = sha256(base.format() + point.format()).digest()
        by_point = sha256(point.format() + base.format()).digest()
        return coincurve.PublicKey.combine_keys([base.multiply(by_base), point.multiply(by_point)])

    def delayed_pubkey(self, side):
        points = self.keyset[side].points
        return tweak(points["first_per_commitment_point"], points["delayed_payment_basepoint"])

    def to_remote_pubkey(self, side):
        return self.keyset[not side].points["payment_basepoint"]


def commitment(runner, event, anchors):
    opened = runner.get_stash(event, "opened")
    accepted = runner.get_stash(event, "accept_channel").fields
    remote = Points(accepted)
    push = opened["push_msat"]
    return PublicCommitment(
        PublicFunding(runner.get_stash(event, "txid"), opened["funding_satoshis"], remote.points["funding_pubkey"]),
        Side.local, Points(opened), remote,
        # Each side waits for as long as the other asked.
        accepted["to_self_delay"], opened["to_self_delay"],
        opened["funding_satoshis"] * 1000 - push, push,
        opened["dust_limit_satoshis"], accepted["dust_limit_satoshis"], opened["feerate_per_kw"],
        True, anchors)


def sequence(open_channel, anchors, push_msat):
    """Up to `funding_signed`, whose signature has to be good for what lnprototest builds."""
    keys = gen_random_keyset()
    # navvyd gives no outpoint to two channels.
    txid = os.urandom(32).hex()
    opened = dict(
        funding_satoshis=500_000, push_msat=push_msat, dust_limit_satoshis=546, to_self_delay=5, feerate_per_kw=1000,
        revocation_basepoint=keys.revocation_basepoint(), payment_basepoint=keys.payment_basepoint(),
        delayed_payment_basepoint=keys.delayed_payment_basepoint(), htlc_basepoint=keys.htlc_basepoint(),
        first_per_commitment_point=keys.per_commit_point(0))

    def signature(runner, event, _field):
        runner.add_stash("opened", opened)
        runner.add_stash("txid", txid)
        built = commitment(runner, event, anchors)
        transaction = built.remote_unsigned_tx()
        return built.local_sig(transaction).to_bin().hex()

    def check(event, message, runner):
        built = commitment(runner, event, anchors)
        transaction = built.local_unsigned_tx()
        hashed = script.SignatureHash(
            built.funding.redeemscript(), transaction, inIdx=0, hashtype=script.SIGHASH_ALL,
            amount=built.funding.amount, sigversion=script.SIGVERSION_WITNESS_V0)
        signed = Sig.to_der(message.fields["signature"].to_bin())
        key = built.funding.funding_pubkey(Side.remote).format()
        if not coincurve.verify_signature(signed, hashed, key, hasher=None):
            raise EventError(event, "funding_signed does not sign lnprototest's commitment transaction")

    channel_type = "401000" if anchors else "1000"
    return [
        open_channel(tlvs="{upfront_shutdown_script={shutdown_scriptpubkey=},channel_type={type=%s}}" % channel_type,
                     **opened),
        ExpectMsg("accept_channel"),
        Msg("funding_created", temporary_channel_id="01" * 32, funding_txid=txid,
            funding_output_index=OUTPUT_INDEX, signature=signature),
        ExpectMsg("funding_signed", if_match=check),
    ]
