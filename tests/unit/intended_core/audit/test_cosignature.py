"""Cosignatures: both types, what they sign, and every line that is not to be believed."""

from __future__ import annotations

import base64

import pytest

from intended_core.audit.cosignature import (
    ED25519,
    ML_DSA_44,
    CosignerKey,
    cosign,
    cosigned_by,
    cosigned_message,
    parse_cosigner,
)
from intended_core.errors import AuditError
from tests.reference.anchor_world import AnchorLog, key_of, witness_key

LOG = AnchorLog()
LOG.seal()
TEXT, NOTE = LOG.text(), LOG.note(witnesses=())
KEY = witness_key("w.example/1")
LINE = cosign(TEXT, key=KEY, time_s=1_800_000_000, sign=key_of("w.example/1").sign)


def test_a_cosignature_holds_and_tells_its_time() -> None:
    (found,) = cosigned_by(NOTE + LINE, [witness_key("w.example/2"), KEY])
    assert (found.key, found.time_s) == (KEY, 1_800_000_000)
    assert cosigned_message(KEY, TEXT, 7) == b"cosignature/v1\ntime 7\n" + TEXT


def test_the_newest_of_several_lines_counts_once() -> None:
    older = cosign(TEXT, key=KEY, time_s=5, sign=key_of("w.example/1").sign)
    assert [one.time_s for one in cosigned_by(NOTE + LINE + older, [KEY])] == [1_800_000_000]


def test_a_key_has_one_spelling() -> None:
    assert parse_cosigner(str(KEY)) == KEY
    name, _, packed = str(KEY).split("+", 2)
    wrong_type = base64.b64encode(b"\x01" + KEY.public).decode()
    for text in (
        "x",
        f"{name}+00000000+{packed}",
        f"{name}+{KEY.key_id.hex()}+{wrong_type}",
        f"{name}+{KEY.key_id.hex()}+",
        str(KEY)[:-2],
    ):
        with pytest.raises(AuditError):
            parse_cosigner(text)
    for name in ("", "a b", "a+b", "x" * 256):
        with pytest.raises(AuditError):
            CosignerKey(name, ED25519, bytes(32))


def test_unknown_lines_are_passed_over_and_known_ones_must_hold() -> None:
    assert cosigned_by(NOTE + LINE, []) == ()
    blob = base64.b64decode(LINE.split(b" ")[2])
    for bent in (
        blob[:-1] + bytes([blob[-1] ^ 1]),
        blob[:4] + (9).to_bytes(8, "big") + blob[12:],
        blob[:-1],
        blob + b"\0",
        blob[:12],
    ):
        line = b"\xe2\x80\x94 w.example/1 " + base64.b64encode(bent) + b"\n"
        with pytest.raises(AuditError) as caught:
            cosigned_by(NOTE + line, [KEY])
        assert caught.value.code in {"audit.signature", "audit.cosignature"}


def test_a_signature_that_does_not_hold_is_never_released() -> None:
    with pytest.raises(AuditError):
        cosign(TEXT, key=KEY, time_s=1, sign=key_of("w.example/2").sign)
    for time_s in (-1, 2**63, True, 1.5):
        with pytest.raises(AuditError):
            cosigned_message(KEY, TEXT, time_s)  # type: ignore[arg-type]
    with pytest.raises(AuditError):
        cosigned_message(KEY, b"a greeting\n", 1)


def test_the_second_type_names_cosigner_log_and_head() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    secret = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    key = CosignerKey("w.example/q", ML_DSA_44, secret.public_key().public_bytes_raw())
    assert parse_cosigner(str(key)) == key
    line = cosign(TEXT, key=key, time_s=11, sign=secret.sign)
    (found,) = cosigned_by(NOTE + line, [key])
    assert found.time_s == 11
    message = cosigned_message(key, TEXT, 11)
    assert message.startswith(
        b"subtree/v1\n\x00\x0bw.example/q" + (11).to_bytes(8, "big") + bytes([len(LOG.name)]) + LOG.name.encode()
    )
    bent = base64.b64decode(line.split(b" ")[2])
    bad = b"\xe2\x80\x94 w.example/q " + base64.b64encode(bent[:-1] + bytes([bent[-1] ^ 1])) + b"\n"
    with pytest.raises(AuditError, match="does not hold"):
        cosigned_by(NOTE + bad, [key])
