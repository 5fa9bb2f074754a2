"""Signed checkpoints in the C2SP signed-note form (tlog-checkpoint): origin, size, root, and an Ed25519 signature line.

A key is named by its verifier key `origin+hash+base64`; a signature by an unknown key says nothing. Ed25519 accept rule: RFC 8032 with
canonical S and R, and no public key of small order, which a pinned key never is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from intended_core.audit.tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from intended_core.errors import AuditError

__all__ = [
    "Checkpoint",
    "VerifierKey",
    "checkpoint_text",
    "open_checkpoint",
    "parse_vkey",
    "read_head",
    "sign_checkpoint",
    "split_note",
    "unbase64",
    "verify_ed25519",
]

MAX_NOTE_BYTES: Final = 64 * 1024
_ED25519: Final = 1
_FIELD: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
# Canonical encodings of the eight points of small order (RFC 8032 § 5.1.4; sign bit cleared): y of each.
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
_NAME: Final = re.compile(r"[^\s+]{1,255}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key: `name` is the log's origin, `key_id` its 4-byte hint, `public` the raw 32 bytes."""

    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def of(cls, name: str, public: bytes) -> VerifierKey:
        """The verifier key of a raw Ed25519 public key under `name`."""
        if _NAME.fullmatch(name) is None or len(public) != 32:
            raise AuditError("a verifier key has a name without spaces or '+', and 32 bytes", code="audit.vkey")
        hint = sha256(name.encode() + b"\n" + bytes([_ED25519]) + public).digest()[:4]
        return cls(name, hint, public)

    def __str__(self) -> str:
        packed = base64.b64encode(bytes([_ED25519]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{packed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A head whose signature held under a given verifier key. Made only by `open_checkpoint`."""

    origin: str
    size: int
    root: bytes
    key: VerifierKey


def parse_vkey(text: str) -> VerifierKey:
    """The verifier key in `name+hash+base64`; raises AuditError."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise AuditError("a verifier key is name+hash+base64", code="audit.vkey")
    name, hint, packed = parts
    data = unbase64(packed)
    if len(data) != 33 or data[0] != _ED25519:
        raise AuditError("a verifier key is an Ed25519 key", code="audit.vkey")
    key = VerifierKey.of(name, data[1:])
    if hint != key.key_id.hex():
        raise AuditError("a verifier key's hash does not fit its name and bytes", code="audit.vkey")
    return key


def unbase64(text: str) -> bytes:
    """Standard base64 in its one spelling; raises AuditError `audit.note`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise AuditError("not base64", code="audit.note") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise AuditError("not canonical base64", code="audit.note")
    return data


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    """Our explicit accept rule: canonical encodings, no small-order key or R; raises AuditError `audit.signature`."""
    if len(public) != 32 or len(signature) != 64:
        raise AuditError("an Ed25519 key has 32 bytes and a signature 64", code="audit.signature")
    for point in (public, signature[:32]):
        y = int.from_bytes(point, "little") & (2**255 - 1)
        if y >= _FIELD or y in _SMALL_ORDER_Y:
            raise AuditError("a point that is not canonical or of small order", code="audit.signature")
    if int.from_bytes(signature[32:], "little") >= _ORDER:
        raise AuditError("a signature that is not canonical", code="audit.signature")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise AuditError("the signature does not hold", code="audit.signature") from None


def checkpoint_text(*, origin: str, size: int, root: bytes) -> bytes:
    """The bytes that are signed: three lines, each with its newline."""
    if _NAME.fullmatch(origin) is None or not 0 <= size <= MAX_SIZE or len(root) != HASH_BYTES:
        raise AuditError("a checkpoint is an origin, a size and a root of 32 bytes", code="audit.checkpoint")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode('ascii')}\n".encode()


def sign_checkpoint(text: bytes, *, key: VerifierKey, sign: Callable[[bytes], bytes]) -> bytes:
    """The signed note over `text`; `sign` answers a 64-byte Ed25519 signature, which is checked before release."""
    signature = sign(text)
    verify_ed25519(key.public, signature, text)
    packed = base64.b64encode(key.key_id + signature).decode("ascii")
    return text + f"\n\u2014 {key.name} {packed}\n".encode()


def open_checkpoint(note: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint in `note`, signed by one of `keys`; raises AuditError for everything else.

    Lines by unknown keys are passed over; a line under a known name and hint must hold.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise AuditError("a checkpoint has at most 64 KiB", code="audit.note")
    text, signatures = split_note(note)
    found: VerifierKey | None = None
    for name, blob in signatures:
        for key in keys:
            if key.name == name and key.key_id == blob[:4]:
                verify_ed25519(key.public, blob[4:], text)
                found = found or key
    if found is None:
        raise AuditError("the checkpoint is not signed by a key that is trusted here", code="audit.untrusted")
    origin, size, root, _ = read_head(text)
    if origin != found.name:
        raise AuditError("a checkpoint is signed under its own origin", code="audit.checkpoint")
    return Checkpoint(origin=origin, size=size, root=root, key=found)


def read_head(text: bytes, *, extensions: bool = False) -> tuple[str, int, bytes, tuple[str, ...]]:
    """Origin, size, root and extension lines of a checkpoint's text, signed by whom the caller has made sure of; raises AuditError.

    `extensions`: whether lines after the root are let through, as a witness of other people's logs must.
    """
    lines = text.decode("utf-8").split("\n")
    if (
        len(lines) < 4
        or lines[-1]
        or (len(lines) > 4 and not extensions)
        or not all(lines[:-1])
        or _NAME.fullmatch(lines[0]) is None
        or _SIZE.fullmatch(lines[1]) is None
    ):
        raise AuditError("a checkpoint is exactly origin, size and root", code="audit.checkpoint")
    root = unbase64(lines[2])
    if len(root) != HASH_BYTES or int(lines[1]) > MAX_SIZE:
        raise AuditError("a checkpoint is exactly origin, size and root", code="audit.checkpoint")
    if lines[1] == "0" and root != EMPTY_ROOT:
        raise AuditError("the empty log has one root", code="audit.checkpoint")
    return lines[0], int(lines[1]), root, tuple(lines[3:-1])


def split_note(note: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """A note's text and its signature lines as (key name, key hint ‖ signature), none of them checked; raises AuditError `audit.note`."""
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise AuditError("a note is UTF-8", code="audit.note") from None
    if any((ord(char) < 0x20 and char != "\n") for char in whole):
        raise AuditError("a note holds no control characters", code="audit.note")
    body, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n") or not body:
        raise AuditError("a note is text, an empty line, and signature lines", code="audit.note")
    signatures: list[tuple[str, bytes]] = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or _NAME.fullmatch(parts[1]) is None:
            raise AuditError("a malformed signature line", code="audit.note")
        blob = unbase64(parts[2])
        if len(blob) < 5:
            raise AuditError("a malformed signature line", code="audit.note")
        signatures.append((parts[1], blob))
    return body.encode() + b"\n", signatures
