"""A tenant's own witness: the newest head of its log, and whether the next slot proof goes on from there.

Each epoch its customer is sent which head the log has, with the proof that the log grew from the head sent before. Whoever keeps the last
one needs nobody else's data, and no other history can be told to them: a head of another slot, a shorter one, one that does not extend the
one before, is refused, and what is kept stays. Nothing in a message is believed but under the keeper's own policy file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from intended_core.audit.anchored import AttestedHead, SlotProof, encode_proof, parse_proof, verify_slot_proof
from intended_core.audit.proof import ConsistencyProof, verify_consistency
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.audit.tree import HASH_BYTES, MAX_SIZE
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import AuditError, IntentError

__all__ = ["SLOT_KIND", "FollowedSlot", "KeptSlot", "SlotMessage", "follow_slot", "message_data", "parse_kept", "parse_message"]

SLOT_KIND: Final = "slot.proof"
MAX_MESSAGE_BYTES: Final = 128 * 1024
MAX_KEPT_BYTES: Final = 2048
MAX_GROWTH: Final = 2
_OUTER: Final = frozenset({"data", "timestamp", "type"})
_DATA: Final = frozenset({"environment", "epoch", "growth", "proof", "tenant"})
_KEPT: Final = frozenset({"$", "epoch", "g", "leaf", "n", "o", "r", "slot"})
_VERSION: Final = "intended.audit/kept-slot.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMessage:
    """What is sent of one epoch: the proof, and that the log grew from the head sent before.

    `growth`: none where it did not grow or nothing was sent before; two where the one before was sent and never answered: it may have
    been taken or not.
    """

    proof: SlotProof
    growth: tuple[ConsistencyProof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSlot:
    """The newest head of one log that its customer has seen. `leaf`: the slot's, which that of the next epoch names."""

    origin: str
    slot: int
    epoch: int
    generation: int
    size: int
    root: bytes
    leaf: bytes

    def to_bytes(self) -> bytes:
        """Canonical bytes for a file."""
        return canonical_json(
            {
                "$": _VERSION, "epoch": self.epoch, "g": self.generation, "leaf": b64url(self.leaf), "n": self.size, "o": self.origin,
                "r": b64url(self.root), "slot": self.slot,
            }
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedSlot:
    """A message that goes on from what was kept. `kept`: what is to be kept from now on. Made only by `follow_slot`.

    `missed`: epochs between the one kept before and this one, of which nothing was sent. `again`: it was sent before. `recovered`: the
    log has begun another generation since, which two persons opened; a record of it names the head that was lost.
    """

    kept: KeptSlot
    head: AttestedHead
    missed: int
    again: bool
    recovered: bool


def message_data(message: SlotMessage, *, epoch: int, tenant: str, environment: str) -> bytes:
    """The `data` of a notification `slot.proof`: canonical JSON."""
    grown: list[Json] = [
        {"first": one.first, "path": b64url(b"".join(one.path)) if one.path else "", "second": one.second} for one in message.growth
    ]
    proof = encode_proof(message.proof).decode("utf-8")
    return canonical_json({"environment": environment, "epoch": epoch, "growth": grown, "proof": proof, "tenant": tenant})


def parse_message(body: bytes) -> SlotMessage:
    """The message in a webhook's body; raises AuditError `audit.proof`. Nothing of it is verified yet."""
    try:
        if len(body) > MAX_MESSAGE_BYTES:
            raise AuditError("a message is too large", code="audit.proof")
        value: Any = orjson.loads(body)
        if type(value) is not dict or value.keys() != _OUTER or value["type"] != SLOT_KIND:
            raise AuditError("this is no message about a slot", code="audit.proof")
        data = value["data"]
        if type(data) is not dict or data.keys() != _DATA:
            raise AuditError("a message about a slot has other members", code="audit.proof")
        proof = parse_proof(data["proof"].encode("utf-8"))
        if not isinstance(proof, SlotProof):
            raise AuditError("a message about a slot holds the proof of a record", code="audit.proof")
        if type(data["growth"]) is not list or len(data["growth"]) > MAX_GROWTH:
            raise AuditError("a message's growth is not of its form", code="audit.proof")
        return SlotMessage(proof=proof, growth=tuple(map(_growth, data["growth"])))
    except (IntentError, AttributeError, TypeError, ValueError):
        raise AuditError("a message is not of its form", code="audit.proof") from None


def _growth(value: Any) -> ConsistencyProof:
    if type(value) is not dict or value.keys() != {"first", "path", "second"}:
        raise AuditError("a message's growth is not of its form", code="audit.proof")
    path = unb64url(value["path"]) if value["path"] else b""
    if any(type(value[name]) is not int for name in ("first", "second")) or len(path) % HASH_BYTES:
        raise AuditError("a message's growth is not of its form", code="audit.proof")
    hashes = tuple(path[at : at + HASH_BYTES] for at in range(0, len(path), HASH_BYTES))
    return ConsistencyProof(first=value["first"], second=value["second"], path=hashes)


def parse_kept(data: bytes) -> KeptSlot:
    """What `KeptSlot.to_bytes` wrote; raises AuditError `audit.kept`: whoever does not know what they saw must not go on."""
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_KEPT_BYTES)
        if type(value) is not dict or value.keys() != _KEPT or value["$"] != _VERSION or type(value["o"]) is not str:
            raise AuditError("what was kept of a slot is damaged", code="audit.kept")
        if any(type(value[name]) is not int or not 0 <= value[name] <= MAX_SIZE for name in ("epoch", "g", "n", "slot")):
            raise AuditError("what was kept of a slot is damaged", code="audit.kept")
        made = KeptSlot(
            origin=value["o"], slot=value["slot"], epoch=value["epoch"], generation=value["g"], size=value["n"],
            root=unb64url(value["r"]), leaf=unb64url(value["leaf"]),
        )  # fmt: skip
    except (IntentError, TypeError, ValueError):
        raise AuditError("what was kept of a slot is damaged", code="audit.kept") from None
    if not len(made.root) == len(made.leaf) == HASH_BYTES:
        raise AuditError("what was kept of a slot is damaged", code="audit.kept")
    return made


def follow_slot(message: SlotMessage, policy: TlogPolicy, *, origin: str, kept: KeptSlot | None) -> FollowedSlot:
    """What the message shows of the log `origin`, if it goes on from what is `kept` (None: nothing yet). Raises AuditError.

    `slot.moved` for another slot or log or a generation that goes back, `audit.stale` for an earlier epoch, `slot.link` when the leaf
    does not name the one before it, `slot.shrunk` for a shorter head, `audit.fork` for one that does not extend the kept one or another
    head of its epoch, `slot.unproved` when nothing shows that it does, and whatever the proof itself is refused for.
    """
    head = verify_slot_proof(message.proof, policy)
    new = head.opening
    following = KeptSlot(
        origin=new.origin, slot=new.slot, epoch=head.epoch, generation=new.generation, size=new.size, root=new.root, leaf=head.leaf
    )
    if new.origin != origin:
        raise AuditError(f"the proof is of the log {new.origin}", code="slot.moved")
    if kept is None:
        return FollowedSlot(kept=following, head=head, missed=0, again=False, recovered=False)
    if (new.origin, new.slot) != (kept.origin, kept.slot) or new.generation < kept.generation:
        raise AuditError(f"epoch {head.epoch} is of another slot or log", code="slot.moved")
    if head.epoch < kept.epoch:
        raise AuditError(f"epoch {kept.epoch} was seen already, and this is epoch {head.epoch}", code="audit.stale")
    if head.epoch == kept.epoch:
        if head.leaf != kept.leaf:
            raise AuditError(f"epoch {head.epoch} has two heads of this log", code="audit.fork")
        return FollowedSlot(kept=kept, head=head, missed=0, again=True, recovered=False)
    if head.epoch == kept.epoch + 1 and new.previous != kept.leaf:
        raise AuditError(f"the leaf of epoch {head.epoch} does not name the leaf before it", code="slot.link")
    recovered = new.generation > kept.generation
    if not recovered:
        _extends(kept, following, message.growth)
    return FollowedSlot(kept=following, head=head, missed=head.epoch - kept.epoch - 1, again=False, recovered=recovered)


def _extends(kept: KeptSlot, new: KeptSlot, growth: Sequence[ConsistencyProof]) -> None:
    if new.size < kept.size:
        raise AuditError(f"the head of epoch {new.epoch} is shorter than the one that was seen", code="slot.shrunk")
    if new.size == kept.size:
        if new.root != kept.root:
            raise AuditError(f"the head of epoch {new.epoch} has another root at the same size", code="audit.fork")
        return
    for one in growth:
        if (one.first, one.second) == (kept.size, new.size):
            verify_consistency(one, first_root=kept.root, second_root=new.root)
            return
    raise AuditError(f"nothing shows that the head of epoch {new.epoch} extends the one that was seen", code="slot.unproved")
