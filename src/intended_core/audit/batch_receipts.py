"""Receipts for records, one signature for up to 256 of them: what a caller holds between a record's commit and the epoch that seals it.

A receipt says which leaf stands at which place of which log, and by which epoch that will be sealed. The promises of a batch are the leaves
of a small tree (RFC 6962); the anchor's identity key signs its root, and each caller gets its own promise with at most eight hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.anchored import AttestedHead
from intended_core.audit.checkpoint import VerifierKey, verify_ed25519
from intended_core.audit.proof import InclusionProof, prove_inclusion, verify_inclusion
from intended_core.audit.tree import HASH_BYTES, MAX_SIZE, leaf_hash, root_of
from intended_core.canonical import b64url, canonical_json, frame, parse_canonical, unb64url
from intended_core.errors import AuditError, IntentError

__all__ = ["MAX_BATCH", "Promise", "check_sealed", "give_receipts", "receipts_message", "verify_receipt"]

MAX_BATCH: Final = 256  # audit.md § 1.2: at most 8 hashes
MAX_RECEIPT_BYTES: Final = 4096
VERSION: Final = "intended.audit/receipt.v1"
_PROMISE: Final = frozenset({"$", "d", "g", "l", "o", "s"})
_SIGNED: Final = b"intended.audit/receipts.v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """That `leaf` is record `seq` of the log `origin` in this generation, and will be sealed by the epoch `deadline` at the latest."""

    origin: str
    generation: int
    seq: int
    leaf: bytes
    deadline: int


def _line(promise: Promise) -> bytes:
    try:
        return canonical_json(
            {
                "$": VERSION, "d": promise.deadline, "g": promise.generation, "l": b64url(promise.leaf), "o": promise.origin,
                "s": promise.seq,
            }
        )  # fmt: skip
    except IntentError:
        raise AuditError("a receipt's promise does not fit its form", code="audit.receipt") from None


def _message(anchor: str, size: int, root: bytes) -> bytes:
    return _SIGNED + frame(anchor.encode(), size.to_bytes(8, "big"), root)


def receipts_message(promises: Sequence[Promise], *, key: VerifierKey) -> bytes:
    """What the anchor's identity key signs for a batch of 1 to 256 promises; raises AuditError `audit.receipt`."""
    if not 1 <= len(promises) <= MAX_BATCH:
        raise AuditError(f"a batch has 1 to {MAX_BATCH} receipts", code="audit.receipt")
    return _message(key.name, len(promises), root_of([leaf_hash(_line(promise)) for promise in promises]))


def give_receipts(promises: Sequence[Promise], *, key: VerifierKey, signature: bytes) -> tuple[bytes, ...]:
    """One receipt for each promise; the signature over `receipts_message` is checked under `key` before anything is given."""
    verify_ed25519(key.public, signature, receipts_message(promises, key=key))
    lines = [_line(promise) for promise in promises]
    leaves = [leaf_hash(line) for line in lines]
    made: list[bytes] = []
    for index, line in enumerate(lines):
        path = prove_inclusion(lambda start, stop: leaves[start:stop], index=index, size=len(leaves)).path
        made.append(
            canonical_json(
                {
                    "i": index, "n": len(leaves), "path": b64url(b"".join(path)), "promise": line.decode("ascii"),
                    "root": b64url(root_of(leaves)), "sig": b64url(signature),
                }
            )
        )  # fmt: skip
    return tuple(made)


def verify_receipt(data: bytes, *, key: VerifierKey) -> Promise:
    """The promise in a receipt that the anchor log with this identity key gave; raises AuditError `audit.receipt` or `audit.signature`."""
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_RECEIPT_BYTES)
        if type(value) is not dict or value.keys() != {"i", "n", "path", "promise", "root", "sig"}:
            raise AuditError("a receipt is of an unknown form", code="audit.receipt")
        line = value["promise"].encode("ascii")
        promise = _promise(parse_canonical(line, max_bytes=MAX_RECEIPT_BYTES))
        path = b"" if value["path"] == "" else unb64url(value["path"])
        root, signature = unb64url(value["root"]), unb64url(value["sig"])
        index, size = _number(value["i"]), _number(value["n"])
    except (IntentError, AttributeError, TypeError, UnicodeEncodeError):
        raise AuditError("a receipt is not in its canonical form", code="audit.receipt") from None
    if len(path) % HASH_BYTES or not 1 <= size <= MAX_BATCH:
        raise AuditError("a receipt is of an unknown form", code="audit.receipt")
    verify_ed25519(key.public, signature, _message(key.name, size, root))
    hashes = tuple(path[at : at + HASH_BYTES] for at in range(0, len(path), HASH_BYTES))
    verify_inclusion(InclusionProof(index=index, size=size, path=hashes), leaf=leaf_hash(line), root=root)
    return promise


def _promise(value: Any) -> Promise:
    if type(value) is not dict or value.keys() != _PROMISE or value["$"] != VERSION or type(value["o"]) is not str:
        raise AuditError("a receipt's promise is of an unknown form", code="audit.receipt")
    leaf = unb64url(value["l"])
    if len(leaf) != HASH_BYTES:
        raise AuditError("a receipt's promise is of an unknown form", code="audit.receipt")
    return Promise(
        origin=value["o"], generation=_number(value["g"]), seq=_number(value["s"]), leaf=leaf, deadline=_number(value["d"])
    )


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise AuditError("a receipt's number is malformed", code="audit.receipt")
    return value


def check_sealed(promise: Promise, head: AttestedHead) -> Promise:
    """The same promise, if this attested head keeps it or its epoch is not due yet.

    Raises AuditError `receipt.overdue` when the epoch is due and the log as sealed does not reach the record, `audit.foreign` for a head of
    another log. That the record below the head is the promised one is for whoever verifies the log or has its proof.
    """
    if head.opening.origin != promise.origin or head.opening.generation < promise.generation:
        raise AuditError("the head is of another log than the receipt", code="audit.foreign")
    if (
        head.epoch >= promise.deadline
        and head.opening.generation == promise.generation
        and head.opening.size <= promise.seq
    ):
        raise AuditError(
            f"record {promise.seq} was promised by epoch {promise.deadline}, and epoch {head.epoch} holds {head.opening.size} records",
            code="receipt.overdue",
        )
    return promise
