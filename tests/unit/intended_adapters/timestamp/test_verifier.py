"""Tokens of a real authority and of every liar: what is believed is signed under pinned certificates, over this message, for this request."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from subprocess import run

import pytest
from asn1crypto import core as asn1
from asn1crypto import tsp
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from intended_adapters.timestamp.verifier import MAX_RESPONSE_BYTES, PinnedAuthority, pinned_time_authority
from intended_core.errors import AssemblyError, AuditError
from tests.reference.time_authority import PlainAuthority, certificate, fixed, key_named

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MESSAGE = b"faults/anchor\n3\nroot\n"


def authority() -> PlainAuthority:
    return PlainAuthority(fixed(NOW))


def refused(verifier: PinnedAuthority, response: bytes, *, message: bytes = MESSAGE, nonce: int | None = None) -> str:
    with pytest.raises(AuditError) as caught:
        verifier.verify(response, message, nonce)
    return caught.value.code


def test_an_honest_token_says_its_time_and_who_signed() -> None:
    one = authority()
    given = one.stamp(MESSAGE)
    found = pinned_time_authority(certificates=one.pem).verify(given.response, MESSAGE, given.nonce)
    assert (found.time_us, found.accuracy_us) == (int(NOW.timestamp()) * 1_000_000, 2_000_000)
    assert (found.authority, found.serial) == ("CN=root.example", "2")
    assert PinnedAuthority(one.pem_of_both).verify(given.response, MESSAGE).authority == "CN=stamps.example"
    assert "stamps" in repr(PinnedAuthority(one.pem_of_both))


def test_a_fraction_of_a_second_is_not_told_and_counts_as_doubt() -> None:
    one = authority()

    def change(info: dict[str, object]) -> None:
        info["gen_time"], info["accuracy"] = NOW.replace(microsecond=250_000), None

    one.change = change
    found = PinnedAuthority(one.pem).verify(one.stamp(MESSAGE).response, MESSAGE)
    assert (found.time_us % 1_000_000, found.accuracy_us) == (0, 1_000_000)


def test_another_message_and_another_request() -> None:
    one, verifier = authority(), PinnedAuthority(authority().pem)
    given = one.stamp(MESSAGE)
    assert refused(verifier, given.response, message=MESSAGE + b" ") == "time.imprint"
    assert refused(verifier, given.response, nonce=given.nonce + 1) == "time.nonce"
    one.change = lambda info: info.update(nonce=None)
    assert refused(verifier, one.stamp(MESSAGE).response, nonce=given.nonce) == "time.nonce"
    one.change = lambda info: info.update(
        message_imprint=tsp.MessageImprint({"hash_algorithm": {"algorithm": "sha1"}, "hashed_message": bytes(20)})
    )
    assert refused(verifier, one.stamp(MESSAGE).response) == "time.imprint"


def test_strangers_and_certificates_for_something_else() -> None:
    honest = PinnedAuthority(authority().pem)
    stranger = PlainAuthority(fixed(NOW), root="other.example")
    assert refused(honest, stranger.stamp(MESSAGE).response) == "time.untrusted"
    same_names = authority()
    same_names.key = key_named("thief")
    assert refused(honest, same_names.stamp(MESSAGE).response) == "time.untrusted"
    for uses, critical in (
        ((), True), ((ExtendedKeyUsageOID.CODE_SIGNING,), True), ((ExtendedKeyUsageOID.TIME_STAMPING,), False),
    ):  # fmt: skip
        wrong = authority()
        wrong.certificate = certificate(wrong.name, issuer=wrong.root, uses=uses, critical=critical)
        assert refused(honest, wrong.stamp(MESSAGE).response) == "time.untrusted", uses


def test_a_certificate_counts_only_while_it_is_valid() -> None:
    one = authority()
    verifier = PinnedAuthority(one.pem)
    for start, end in ((NOW - timedelta(days=9), NOW - timedelta(days=1)), (NOW + timedelta(days=1), NOW + timedelta(days=9))):
        one.certificate = certificate(one.name, issuer=one.root, start=start, end=end)
        assert refused(verifier, one.stamp(MESSAGE).response) == "time.untrusted"
    one.certificate = certificate(one.name, issuer=one.root, start=NOW - timedelta(days=1), end=NOW + timedelta(days=1))
    assert verifier.verify(one.stamp(MESSAGE).response, MESSAGE)


def test_who_pins_one_certificate_believes_no_sister_of_it() -> None:
    one, sister = authority(), PlainAuthority(fixed(NOW), name="sister.example")
    both = PinnedAuthority(one.pem_of_both)
    assert both.verify(one.stamp(MESSAGE).response, MESSAGE)
    assert refused(both, sister.stamp(MESSAGE).response) == "time.untrusted"
    assert PinnedAuthority(one.pem).verify(sister.stamp(MESSAGE).response, MESSAGE)


def test_a_chain_is_followed_through_what_was_pinned() -> None:
    one = authority()
    middle = certificate("middle.example", issuer=one.root, ca=True)
    one.certificate = certificate(one.name, issuer="middle.example")
    response = one.stamp(MESSAGE).response
    assert PinnedAuthority(one.pem + middle.public_bytes(Encoding.PEM)).verify(response, MESSAGE)
    assert refused(PinnedAuthority(one.pem), response) == "time.untrusted"


def test_what_is_no_grant_is_no_time() -> None:
    verifier = PinnedAuthority(authority().pem)
    status = tsp.PKIStatusInfo({"status": "rejection"})
    response = asn1.SequenceOf([status], spec=tsp.PKIStatusInfo).dump()
    granted = authority().stamp(MESSAGE).response
    refusing = granted.replace(tsp.PKIStatusInfo({"status": "granted"}).dump(), status.dump(), 1)
    assert refusing != granted
    assert refused(verifier, refusing) == "time.response"
    for bad in (b"", b"x" * (MAX_RESPONSE_BYTES + 1), b"nonsense", response, authority().stamp(MESSAGE).response + b"x"):
        assert refused(verifier, bad) == "time.response"


def test_bent_bytes_never_say_another_time() -> None:
    one = authority()
    verifier, honest = PinnedAuthority(one.pem), one.stamp(MESSAGE)
    wanted = verifier.verify(honest.response, MESSAGE, honest.nonce)
    chance, held = random.Random(1), 0
    for _ in range(600):
        bent = bytearray(honest.response)
        at = chance.randrange(len(bent))
        if chance.random() < 0.5:
            bent[at] ^= 1 << chance.randrange(8)
        else:
            bent[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        try:
            found = verifier.verify(bytes(bent), MESSAGE, honest.nonce)
        except AuditError as error:
            assert error.code.startswith("time.")
            held += 1
        else:
            assert found == wanted, "what is not signed says nothing"
    assert held > 500


def test_nobody_is_pinned_by_these() -> None:
    one = authority()
    leaf = one.certificate.public_bytes(Encoding.PEM)
    server = certificate("www.example", issuer=one.root, uses=(ExtendedKeyUsageOID.SERVER_AUTH,)).public_bytes(Encoding.PEM)
    for pem in (b"", b"nonsense", leaf, one.pem + server, one.pem + one.pem, b"#" * 300_000 + one.pem):
        with pytest.raises(AssemblyError):
            PinnedAuthority(pem)


@pytest.mark.skipif(which("openssl") is None, reason="openssl is not installed")
def test_openssl_says_the_same(tmp_path: Path) -> None:
    one = authority()
    for name, data in (("t.tsr", one.stamp(MESSAGE).response), ("root.pem", one.pem), ("note", MESSAGE), ("other", b"x")):
        (tmp_path / name).write_bytes(data)
    for name, code in (("note", 0), ("other", 1)):
        words = ["openssl", "ts", "-verify", "-data", name, "-in", "t.tsr", "-CAfile", "root.pem"]
        assert run(words, cwd=tmp_path, capture_output=True, check=False).returncode == code
