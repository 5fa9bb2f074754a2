"""Proof that a log said two things: two heads of one size, or two heads of one tenant in one epoch, each signed by the log's own key.

Whoever holds both makes `equivocation.json` of them; anybody verifies it offline with nothing but the log's public key. It needs no witness
and no database: the signatures convict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.anchored import SlotProof, encode_proof, follow_paths, parse_proof
from intended_core.audit.checkpoint import VerifierKey, open_checkpoint
from intended_core.canonical import canonical_json, parse_canonical
from intended_core.errors import AuditError, IntentError

__all__ = ["Equivocation", "encode_equivocation", "find_equivocation", "parse_equivocation", "verify_equivocation"]

VERSION: Final = "intended.audit/equivocation.v1"
MAX_BYTES: Final = 256 * 1024
Statement = bytes | SlotProof  # a signed checkpoint, or a slot's proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivocation:
    """Two statements of one log that cannot both be true; `kind` is `size` or `epoch`. Made only by the calls of this room.

    `origin`: the log whose key signed both. `at`: the size, or the epoch. `slot`: the tenant's place, for `epoch`.
    """

    kind: str
    origin: str
    at: int
    slot: int | None
    first: Statement
    second: Statement


def _of_size(first: bytes, second: bytes, key: VerifierKey) -> Equivocation:
    one, two = open_checkpoint(first, [key]), open_checkpoint(second, [key])
    if one.size != two.size or one.root == two.root:
        raise AuditError("these two heads do not contradict each other", code="audit.no-equivocation")
    return Equivocation(kind="size", origin=one.origin, at=one.size, slot=None, first=first, second=second)


def _of_epoch(first: SlotProof, second: SlotProof, key: VerifierKey) -> Equivocation:
    (one, entry, leaf), (_, other, other_leaf) = follow_paths(first, [key]), follow_paths(second, [key])
    here, there = first.opening, second.opening
    mine, theirs = (here.slot, here.origin), (there.slot, there.origin)
    if (
        entry.epoch != other.epoch
        or mine != theirs
        or leaf == other_leaf
        or (here.size, here.root) == (there.size, there.root)
    ):
        raise AuditError("these two heads do not contradict each other", code="audit.no-equivocation")
    return Equivocation(kind="epoch", origin=one.origin, at=entry.epoch, slot=here.slot, first=first, second=second)


def find_equivocation(first: Statement, second: Statement, *, key: VerifierKey) -> Equivocation:
    """What the two statements convict the log of; raises AuditError `audit.no-equivocation` when they do not contradict each other.

    Two statements of different kinds are compared by their checkpoints.
    """
    if isinstance(first, SlotProof) and isinstance(second, SlotProof):
        try:
            return _of_epoch(first, second, key)
        except AuditError as error:
            if error.code != "audit.no-equivocation":
                raise
    return _of_size(_note(first), _note(second), key)


def _note(statement: Statement) -> bytes:
    return statement.checkpoint if isinstance(statement, SlotProof) else statement


def encode_equivocation(found: Equivocation) -> bytes:
    """The bytes of `equivocation.json`."""
    try:
        return canonical_json(
            {
                "$": VERSION,
                "at": found.at,
                "first": _text(found.first),
                "kind": found.kind,
                "second": _text(found.second),
            }
        )
    except IntentError:
        raise AuditError("a proof of equivocation does not fit its form", code="audit.equivocation") from None


def _text(statement: Statement) -> str:
    return (encode_proof(statement) if isinstance(statement, SlotProof) else statement).decode("utf-8")


def parse_equivocation(data: bytes) -> tuple[str, Statement, Statement]:
    """Kind and the two statements in `data`, nothing of it verified; raises AuditError `audit.equivocation`."""
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_BYTES)
        if (
            type(value) is not dict
            or value.keys() != {"$", "at", "first", "kind", "second"}
            or value["$"] != VERSION
            or value["kind"] not in ("size", "epoch")
            or type(value["at"]) is not int
        ):
            raise AuditError("a proof of equivocation is of an unknown form", code="audit.equivocation")
        first, second = (value[name].encode("utf-8") for name in ("first", "second"))
    except (IntentError, AttributeError, UnicodeError):
        raise AuditError("a proof of equivocation is not in its canonical form", code="audit.equivocation") from None
    if value["kind"] == "size":
        return "size", first, second
    one, two = parse_proof(first), parse_proof(second)
    if not (isinstance(one, SlotProof) and isinstance(two, SlotProof)):
        raise AuditError("a proof of equivocation holds two slot proofs", code="audit.equivocation")
    return "epoch", one, two


def verify_equivocation(data: bytes, *, key: VerifierKey) -> Equivocation:
    """What `data` convicts the log with this key of; raises AuditError for everything that does not convict it."""
    kind, first, second = parse_equivocation(data)
    found = find_equivocation(first, second, key=key)
    if found.kind != kind or encode_equivocation(found) != data:
        raise AuditError("a proof of equivocation says something else than it shows", code="audit.equivocation")
    return found
