"""The signed table of contents of a bundle: an in-toto Statement (v1) in a DSSE envelope (v1.0.2), signed by the log's key.

A DSSE signature is over `DSSEv1 …`, a checkpoint's over its origin's line: a log's name holds no space, so neither is ever the other.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from intended_core.audit.checkpoint import VerifierKey, verify_ed25519
from intended_core.canonical import Json, canonical_json, parse_canonical
from intended_core.errors import AuditError, IntentError

__all__ = ["MANIFEST", "PREDICATE_TYPE", "Manifest", "pae", "read_manifest", "sign_manifest", "verify_manifest", "write_manifest"]

MANIFEST: Final = "manifest.json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
PREDICATE_TYPE: Final = "https://intended.dev/evidence/v1"
MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A read, unverified table of contents. `members`: name -> (size, SHA-256 in hexadecimal). `predicate`: what is claimed."""

    members: Mapping[str, tuple[int, str]]
    predicate: Mapping[str, Json]
    payload: bytes
    key_hint: str
    signature: bytes


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: lengths are of bytes, in decimal."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def write_manifest(
    members: Mapping[str, bytes],
    predicate: Mapping[str, Json],
    *,
    key: VerifierKey,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """The envelope over `members` and `predicate`; the signature is checked before release."""
    sums = {name: (len(data), sha256(data).hexdigest()) for name, data in members.items()}
    return sign_manifest(sums, predicate, predicate_type=PREDICATE_TYPE, key=key, sign=sign)


def sign_manifest(
    sums: Mapping[str, tuple[int, str]],
    predicate: Mapping[str, Json],
    *,
    predicate_type: str,
    key: VerifierKey,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """As `write_manifest`, for members of which only size and SHA-256 (hexadecimal) are at hand."""
    subject: list[Json] = [{"digest": {"sha256": sums[name][1]}, "name": name} for name in sorted(sums)]
    sizes: dict[str, Json] = {name: sums[name][0] for name in sorted(sums)}
    claimed: dict[str, Json] = dict(predicate)
    claimed["sizes"] = sizes
    payload = canonical_json(
        {"_type": STATEMENT_TYPE, "subject": subject, "predicateType": predicate_type, "predicate": claimed}
    )
    message = pae(PAYLOAD_TYPE, payload)
    signature = sign(message)
    verify_ed25519(key.public, signature, message)
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key.key_id.hex(), "sig": base64.b64encode(signature).decode("ascii")}],
        }
    )


def _fail(text: str) -> AuditError:
    return AuditError(f"the manifest {text}", code="audit.manifest")


def _unbase64(value: Json) -> bytes:
    if not isinstance(value, str):
        raise _fail("holds something else where base64 belongs")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _fail("holds what is not base64") from None
    if base64.b64encode(data).decode("ascii") != value:
        raise _fail("holds what is not canonical base64")
    return data


def read_manifest(data: bytes, *, predicate_type: str = PREDICATE_TYPE) -> Manifest:
    """The manifest in `data`, its form checked and nothing believed; raises AuditError `audit.manifest`."""
    try:
        envelope = parse_canonical(data, max_bytes=2 * MAX_MANIFEST_BYTES)
        if not isinstance(envelope, dict) or envelope.keys() != {"payload", "payloadType", "signatures"}:
            raise _fail("is not a DSSE envelope")
        signatures = envelope["signatures"]
        if envelope["payloadType"] != PAYLOAD_TYPE or not isinstance(signatures, list) or len(signatures) != 1:
            raise _fail("is not an in-toto statement with one signature")
        signed = signatures[0]
        if not isinstance(signed, dict) or signed.keys() != {"keyid", "sig"} or not isinstance(signed["keyid"], str):
            raise _fail("has a malformed signature")
        payload = _unbase64(envelope["payload"])
        statement = parse_canonical(payload, max_bytes=MAX_MANIFEST_BYTES)
    except IntentError:
        raise _fail("is not canonical JSON") from None
    if not isinstance(statement, dict) or statement.keys() != {"_type", "subject", "predicateType", "predicate"}:
        raise _fail("does not hold a statement")
    predicate = statement["predicate"]
    if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != predicate_type:
        raise _fail("is of an unknown version")
    if not isinstance(predicate, dict) or not isinstance(predicate.get("sizes"), dict):
        raise _fail("does not list its members")
    return Manifest(
        members=_members(statement["subject"], predicate["sizes"]),
        predicate=predicate,
        payload=payload,
        key_hint=signed["keyid"],
        signature=_unbase64(signed["sig"]),
    )


def _members(subject: Json, sizes: Json) -> dict[str, tuple[int, str]]:
    if not isinstance(subject, list) or not isinstance(sizes, dict) or len(subject) != len(sizes):
        raise _fail("does not list its members")
    members: dict[str, tuple[int, str]] = {}
    for item in subject:
        if not isinstance(item, dict) or item.keys() != {"digest", "name"}:
            raise _fail("lists a malformed member")
        name, digest = item["name"], item["digest"]
        if not isinstance(name, str) or not isinstance(digest, dict) or digest.keys() != {"sha256"}:
            raise _fail("lists a malformed member")
        size, value = sizes.get(name), digest["sha256"]
        if (
            type(size) is not int
            or size < 0
            or not isinstance(value, str)
            or len(value) != 64
            or not set(value) <= _HEX
        ):
            raise _fail("lists a malformed member")
        if name in members:
            raise _fail("lists a member twice")
        members[name] = (size, value)
    return members


def verify_manifest(manifest: Manifest, key: VerifierKey) -> None:
    """Check the signature under `key`; raises AuditError."""
    if manifest.key_hint != key.key_id.hex():
        raise _fail("is signed by another key")
    verify_ed25519(key.public, manifest.signature, pae(PAYLOAD_TYPE, manifest.payload))
