"""The signed table of contents: DSSE's encoding, one form, one key."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.manifest import PAYLOAD_TYPE, pae, read_manifest, verify_manifest, write_manifest
from intended_core.errors import AuditError
from tests.reference.audit_world import TenantLog

LOG = TenantLog(1)
MEMBERS = {"README.txt": b"hello", "entries.jsonl": b"", "keys/log.vkey": "ü".encode()}
GOOD = write_manifest(MEMBERS, {"claim": "x"}, key=LOG.key, sign=LOG.secret.sign)


def test_round_trip() -> None:
    manifest = read_manifest(GOOD)
    verify_manifest(manifest, LOG.key)
    assert manifest.members["README.txt"] == (5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    assert manifest.members["keys/log.vkey"][0] == 2
    assert manifest.predicate["claim"] == "x"


def test_lengths_are_of_bytes() -> None:
    assert pae("ü", "ß".encode()) == b"DSSEv1 2 \xc3\xbc 2 \xc3\x9f"
    assert pae("", b"") == b"DSSEv1 0  0 "


def test_it_is_an_in_toto_statement() -> None:
    envelope = json.loads(GOOD)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [item["name"] for item in statement["subject"]] == sorted(MEMBERS)


def test_a_signature_by_another_key() -> None:
    other = TenantLog(2)
    manifest = read_manifest(GOOD)
    with pytest.raises(AuditError):
        verify_manifest(manifest, other.key)
    with pytest.raises(AuditError):
        verify_manifest(replace(manifest, key_hint=other.key.key_id.hex()), other.key)
    with pytest.raises(AuditError):
        verify_manifest(replace(manifest, payload=manifest.payload + b" "), LOG.key)
    with pytest.raises(AuditError):
        write_manifest(MEMBERS, {}, key=LOG.key, sign=other.secret.sign)


def test_a_checkpoint_is_never_a_manifest() -> None:
    with pytest.raises(AuditError):
        VerifierKey.of("DSSEv1 28 x", LOG.key.public)


def envelope(**changes: Any) -> bytes:
    return orjson.dumps({**orjson.loads(GOOD), **changes}, option=orjson.OPT_SORT_KEYS)


def statement(**changes: Any) -> bytes:
    payload = orjson.loads(base64.b64decode(orjson.loads(GOOD)["payload"]))
    body = orjson.dumps({**payload, **changes}, option=orjson.OPT_SORT_KEYS)
    return envelope(payload=base64.b64encode(body).decode())


SUBJECT = [{"digest": {"sha256": "0" * 64}, "name": "a"}]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", GOOD + b" ", b" " + GOOD, GOOD[:-1], envelope(extra=1), envelope(payloadType="text/plain"),
        envelope(payload=1), envelope(payload="!"), envelope(payload="AB"), envelope(signatures=[]), envelope(signatures={}),
        envelope(signatures=[{"keyid": 1, "sig": ""}]), envelope(signatures=[{"sig": ""}]), envelope(signatures=[1]),
        envelope(signatures=orjson.loads(GOOD)["signatures"] * 2), statement(_type="x"), statement(predicateType="x"),
        statement(predicate=[]), statement(predicate={}), statement(predicate={"sizes": []}), statement(subject={}),
        statement(subject=[1], predicate={"sizes": {"a": 1}}), statement(subject=SUBJECT, predicate={"sizes": {"b": 1}}),
        statement(subject=SUBJECT, predicate={"sizes": {"a": -1}}), statement(subject=SUBJECT, predicate={"sizes": {"a": "1"}}),
        statement(subject=SUBJECT * 2, predicate={"sizes": {"a": 1, "b": 1}}),
        statement(subject=[{"digest": {"sha1": "0" * 40}, "name": "a"}], predicate={"sizes": {"a": 1}}),
        statement(subject=[{"digest": {"sha256": "G" * 64}, "name": "a"}], predicate={"sizes": {"a": 1}}),
        statement(extra=1),
    ],
)  # fmt: skip
def test_other_forms_are_refused(data: bytes) -> None:
    with pytest.raises(AuditError) as caught:
        read_manifest(data)
    assert caught.value.code == "audit.manifest"


def test_the_signed_bytes_are_those_of_dsse() -> None:
    manifest = read_manifest(GOOD)
    LOG.secret.public_key().verify(manifest.signature, pae(PAYLOAD_TYPE, manifest.payload))
