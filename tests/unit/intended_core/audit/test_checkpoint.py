"""Checkpoints: one spelling, a signature by a key that the verifier brought, and nothing else."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intended_core.audit.checkpoint import (
    VerifierKey,
    checkpoint_text,
    open_checkpoint,
    parse_vkey,
    sign_checkpoint,
    verify_ed25519,
)
from intended_core.audit.tree import EMPTY_ROOT, leaf_hash
from intended_core.errors import AuditError

SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY = VerifierKey.of("log.example/acme", SECRET.public_key().public_bytes_raw())
OTHER_KEY = VerifierKey.of("log.example/acme", OTHER.public_key().public_bytes_raw())
ROOT = leaf_hash(b"x")


def note(origin: str = "log.example/acme", size: int = 1, root: bytes = ROOT) -> bytes:
    return sign_checkpoint(checkpoint_text(origin=origin, size=size, root=root), key=KEY, sign=SECRET.sign)


def signed(text: bytes, *, name: str = KEY.name, hint: bytes = KEY.key_id) -> bytes:
    blob = base64.b64encode(hint + SECRET.sign(text)).decode()
    return text + f"\n— {name} {blob}\n".encode()


def refuse(data: bytes, code: str) -> None:
    with pytest.raises(AuditError) as caught:
        open_checkpoint(data, [KEY])
    assert caught.value.code == code


def test_round_trip() -> None:
    opened = open_checkpoint(note(size=7), [OTHER_KEY, KEY])
    assert (opened.origin, opened.size, opened.root, opened.key) == (KEY.name, 7, ROOT, KEY)
    assert parse_vkey(str(KEY)) == KEY


def test_a_checkpoint_in_full() -> None:
    lines = note().decode().split("\n")
    assert lines[:4] == ["log.example/acme", "1", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith("— log.example/acme ")
    assert lines[5:] == [""]


def test_unknown_keys_say_nothing_but_a_known_one_must_hold() -> None:
    refuse(note().replace(b"\n1\n", b"\n2\n"), "audit.signature")
    with pytest.raises(AuditError) as caught:
        open_checkpoint(note(), [OTHER_KEY])
    assert caught.value.code == "audit.untrusted"
    with pytest.raises(AuditError) as caught:
        open_checkpoint(note(), [])
    assert caught.value.code == "audit.untrusted"
    stranger = "— witness.example " + base64.b64encode(b"\x00" * 76).decode() + "\n"
    assert open_checkpoint(note() + stranger.encode(), [KEY]).size == 1


def test_a_key_signs_only_for_its_own_name() -> None:
    refuse(signed(checkpoint_text(origin="log.example/other", size=1, root=ROOT)), "audit.checkpoint")
    refuse(signed(checkpoint_text(origin=KEY.name, size=1, root=ROOT), name="log.example/other"), "audit.untrusted")


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY.name}\n01\n{base64.b64encode(ROOT).decode()}\n",
        f"{KEY.name}\n-1\n{base64.b64encode(ROOT).decode()}\n",
        f"{KEY.name}\n+1\n{base64.b64encode(ROOT).decode()}\n",
        f"{KEY.name}\n١\n{base64.b64encode(ROOT).decode()}\n",
        f"{KEY.name}\n9007199254740992\n{base64.b64encode(ROOT).decode()}\n",
        f"{KEY.name}\n1\n{base64.b64encode(ROOT).decode()}\nextra\n",
        f"{KEY.name}\n1\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"{KEY.name}\n0\n{base64.b64encode(ROOT).decode()}\n",
        f"{KEY.name}\n1\n",
        f"{KEY.name}\n",
    ],
)
def test_validly_signed_but_not_a_checkpoint(text: str) -> None:
    refuse(signed(text.encode()), "audit.checkpoint")


def test_base64_has_one_spelling() -> None:
    text = f"{KEY.name}\n1\n{base64.urlsafe_b64encode(bytes([251]) * 32).decode()}\n"
    refuse(signed(text.encode()), "audit.note")
    loose = base64.b64encode(ROOT).decode()
    loose = loose[:-2] + chr(ord(loose[-2]) + 1) + "="
    refuse(signed(f"{KEY.name}\n1\n{loose}\n".encode()), "audit.note")


def test_the_empty_log() -> None:
    assert open_checkpoint(note(size=0, root=EMPTY_ROOT), [KEY]).size == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        note()[:-1],
        note() + b"\n",
        note() + b"garbage\n",
        note().replace(b"\n\n", b"\n"),
        note().replace(b"\xe2\x80\x94", b"-"),
        note().replace(b"log.example/acme ", b"log.example/acme  "),
        note().replace(b"\n", b"\r\n"),
        b"\xff" + note(),
        note().replace(b"\n\n", b"\n\x00\n\n"),
        note().split(b"\n\n")[0] + b"\n\n",
        note().rsplit(b" ", 1)[0] + b" AAAA\n",
        note().rsplit(b" ", 1)[0] + b" !!!!\n",
    ],
)
def test_malformed_notes(data: bytes) -> None:
    with pytest.raises(AuditError):
        open_checkpoint(data, [KEY])


def test_an_oversized_note() -> None:
    refuse(note() + b"x" * 65536, "audit.note")


def test_every_flipped_bit_is_refused() -> None:
    good = note()
    for place in range(len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            with pytest.raises(AuditError):
                open_checkpoint(bytes(bad), [KEY])


@pytest.mark.parametrize(
    "text", ["", "a", "a+b", "a+00000000+AA==", "a b+00000000+AA==", str(KEY)[:-4], str(KEY) + "=", "x" + str(KEY)]
)
def test_malformed_verifier_keys(text: str) -> None:
    with pytest.raises(AuditError):
        parse_vkey(text)


@pytest.mark.parametrize("name", ["", "two words", "plus+plus", "tab\there", "x" * 256])
def test_names_of_keys(name: str) -> None:
    with pytest.raises(AuditError):
        VerifierKey.of(name, KEY.public)
    with pytest.raises(AuditError):
        checkpoint_text(origin=name, size=1, root=ROOT)


def test_a_signer_that_errs_is_caught_before_release() -> None:
    text = checkpoint_text(origin=KEY.name, size=1, root=ROOT)
    with pytest.raises(AuditError) as caught:
        sign_checkpoint(text, key=KEY, sign=OTHER.sign)
    assert caught.value.code == "audit.signature"


def test_ed25519_lengths_and_range() -> None:
    signature = SECRET.sign(b"m")
    verify_ed25519(KEY.public, signature, b"m")
    order = 2**252 + 27742317777372353535851937790883648493
    raised = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    for public, bad in (
        (KEY.public[:31], signature),
        (KEY.public, signature[:63]),
        (KEY.public, signature + b"\x00"),
        (KEY.public, raised),
        (b"\x01" + b"\x00" * 31, signature),
        (b"\xff" * 32, signature),
    ):
        with pytest.raises(AuditError) as caught:
            verify_ed25519(public, bad, b"m")
        assert caught.value.code == "audit.signature"
