"""The entry of one epoch in the anchor log: the root over all slots, its time, what came before it from outside, and the epoch's key.

Entry e of the anchor log is epoch e. Its key signs the entry and is used for nothing else; the private part lived in memory only and is
dropped once the entry is signed. Key e+1 is named in entry e, so that who takes over later can not write an earlier epoch anew without
the log's identity key speaking up: a key that the entry before does not name carries a certificate of the identity key (`certificate`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.checkpoint import VerifierKey, verify_ed25519
from intended_core.audit.slots import MAX_SLOTS, MIN_WIDTH
from intended_core.audit.tree import HASH_BYTES, MAX_SIZE, leaf_hash
from intended_core.canonical import b64url, canonical_json, frame, parse_canonical, unb64url
from intended_core.errors import AuditError, IntentError

__all__ = [
    "EpochEntry",
    "EpochWalk",
    "certificate_message",
    "encode_epoch",
    "epoch_message",
    "parse_epoch",
    "verify_epoch",
    "walk_epochs",
]

VERSION: Final = "intended.audit/epoch.v1"
MAX_EPOCH_BYTES: Final = 1024
_SIGNED: Final = b"intended.audit/epoch.v1\x00"
_CERTIFIED: Final = b"intended.audit/epoch-key.v1\x00"
_MEMBERS: Final = frozenset({"$", "b", "c", "e", "k", "n", "o", "r", "s", "t", "w"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEntry:
    """One epoch. `width`: how many slots its tree has. `before`: SHA-256 of the newest value from outside, None where there was none.

    `key`, `following`: this epoch's and the next one's public key. `certificate`: the identity key's, where the entry before does not name
    `key`. `signature`: by `key`, over everything else.
    """

    origin: str
    epoch: int
    root: bytes
    width: int
    time_us: int
    before: bytes | None
    key: bytes
    following: bytes
    certificate: bytes | None
    signature: bytes = bytes(64)


def _wire(entry: EpochEntry, signature: str | None) -> bytes:
    signed = {} if signature is None else {"s": signature}
    try:
        return canonical_json(
            {
                "$": VERSION, "o": entry.origin, "e": entry.epoch, "r": b64url(entry.root), "w": entry.width, "t": entry.time_us,
                "b": None if entry.before is None else b64url(entry.before), "k": b64url(entry.key), "n": b64url(entry.following),
                "c": None if entry.certificate is None else b64url(entry.certificate), **signed,
            }
        )  # fmt: skip
    except IntentError:
        raise AuditError("an epoch's entry does not fit its form", code="audit.epoch") from None


def epoch_message(entry: EpochEntry) -> bytes:
    """What the epoch's key signs."""
    return _SIGNED + _wire(entry, None)


def certificate_message(*, origin: str, epoch: int, key: bytes) -> bytes:
    """What the identity key signs to begin a new chain of epoch keys at `epoch`."""
    return _CERTIFIED + frame(origin.encode(), epoch.to_bytes(8, "big"), key)


def encode_epoch(entry: EpochEntry) -> bytes:
    """The entry's bytes in the anchor log; raises AuditError when `parse_epoch` would not read them."""
    data = _wire(entry, b64url(entry.signature))
    parse_epoch(data)
    return data


def parse_epoch(data: bytes) -> EpochEntry:
    """The epoch in `data`; raises AuditError `audit.epoch` unless these are exactly the bytes that `encode_epoch` makes."""
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_EPOCH_BYTES)
        if type(value) is not dict or value.keys() != _MEMBERS or value["$"] != VERSION:
            raise AuditError("an epoch's entry is of an unknown form", code="audit.epoch")
        width = value["w"]
        entry = EpochEntry(
            origin=_text(value["o"]), epoch=_number(value["e"]), root=_bytes(value["r"]), width=_number(width),
            time_us=_number(value["t"]), before=None if value["b"] is None else _bytes(value["b"]), key=_bytes(value["k"]),
            following=_bytes(value["n"]), certificate=None if value["c"] is None else _bytes(value["c"], 64),
            signature=_bytes(value["s"], 64),
        )  # fmt: skip
    except (IntentError, ValueError, TypeError):
        raise AuditError("an epoch's entry is not in its canonical form", code="audit.epoch") from None
    if not MIN_WIDTH <= width <= MAX_SLOTS or width & (width - 1):
        raise AuditError("an epoch has a power of two of slots", code="audit.epoch")
    return entry


def _text(value: Any) -> str:
    if type(value) is not str or not value.isascii() or not 1 <= len(value) <= 255:
        raise AuditError("an epoch's origin is 1 to 255 ASCII characters", code="audit.epoch")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise AuditError("an epoch's number is malformed", code="audit.epoch")
    return value


def _bytes(value: Any, size: int = HASH_BYTES) -> bytes:
    if type(value) is not str or len(data := unb64url(value)) != size:
        raise AuditError("an epoch's value has another length", code="audit.epoch")
    return data


def verify_epoch(entry: EpochEntry, *, identity: VerifierKey) -> EpochEntry:
    """The same entry, its signature and (where it has one) its certificate checked; raises AuditError.

    Whether an entry without certificate continues the chain is for whoever holds the entry before: `walk_epochs`.
    """
    if entry.origin != identity.name:
        raise AuditError("an epoch of another anchor log", code="audit.epoch")
    verify_ed25519(entry.key, entry.signature, epoch_message(entry))
    if entry.certificate is not None:
        message = certificate_message(origin=entry.origin, epoch=entry.epoch, key=entry.key)
        verify_ed25519(identity.public, entry.certificate, message)
    return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochWalk:
    """What a walk over the anchor log's entries found. `restarts`: epochs at which the identity key began a new chain of epoch keys."""

    epochs: int
    restarts: tuple[int, ...]
    leaves: tuple[bytes, ...]


def walk_epochs(entries: Iterable[bytes], *, identity: VerifierKey) -> EpochWalk:
    """Check every entry of an anchor log from epoch 0 on, and that their keys are one chain.

    Raises AuditError `audit.gap` for an entry that is not where its number says, `audit.epoch-key` for a key that nobody vouched for,
    `audit.epoch-time` for a time before the one before, `audit.epoch-width` for a tree that has shrunk.
    """
    before: EpochEntry | None = None
    restarts: list[int] = []
    leaves: list[bytes] = []
    for at, data in enumerate(entries):
        entry = verify_epoch(parse_epoch(data), identity=identity)
        if entry.epoch != at:
            raise AuditError(f"entry {at} of the anchor log is epoch {entry.epoch}", code="audit.gap")
        if entry.certificate is not None:
            restarts.append(at)
        elif before is None or before.following != entry.key:
            raise AuditError(
                f"the key of epoch {at} is neither named by the epoch before nor certified", code="audit.epoch-key"
            )
        if before is not None and entry.time_us < before.time_us:
            raise AuditError(f"epoch {at} is older than the epoch before it", code="audit.epoch-time")
        if before is not None and entry.width < before.width:
            raise AuditError(f"epoch {at} has fewer slots than the epoch before it", code="audit.epoch-width")
        leaves.append(leaf_hash(data))
        before = entry
    return EpochWalk(epochs=len(leaves), restarts=tuple(restarts), leaves=tuple(leaves))
