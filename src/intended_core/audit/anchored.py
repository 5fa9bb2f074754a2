"""Proof of one record to somebody who trusts nobody here: record → tenant's head → slot → epoch → cosigned checkpoint.

A `SlotProof` shows which head one tenant had in one epoch; a `RecordProof` adds the path from a record to that head. Both are plain values
with one encoder, `encode_proof`. Trust comes from the verifier's policy alone (`tlogpolicy`): keys that come along are never looked at.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.checkpoint import Checkpoint, VerifierKey, open_checkpoint, read_head, split_note
from intended_core.audit.cosignature import Cosigned, cosigned_by
from intended_core.audit.epochs import EpochEntry, parse_epoch, verify_epoch
from intended_core.audit.grades import Grade
from intended_core.audit.proof import Included, InclusionProof, verify_inclusion
from intended_core.audit.slots import SlotOpening, slot_leaf
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.audit.tree import HASH_BYTES, leaf_hash
from intended_core.canonical import b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import AuditError, IntentError

__all__ = [
    "MAX_PROOF_BYTES",
    "AttestedHead",
    "AttestedRecord",
    "RecordProof",
    "SlotProof",
    "encode_proof",
    "follow_paths",
    "parse_proof",
    "tlog_proof",
    "verify_record_proof",
    "verify_slot_proof",
]

VERSION: Final = "intended.audit/proof.v1"
MAX_PROOF_BYTES: Final = 64 * 1024  # a few kilobytes, and room for many cosignatures


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotProof:
    """That the slot opened by `opening` stands in the epoch `entry`, and that entry below `checkpoint`.

    `path` goes through the epoch's tree, `anchor_path` through the anchor log; `checkpoint` is the signed note with its cosignatures.
    """

    opening: SlotOpening
    path: tuple[bytes, ...]
    entry: bytes
    anchor_path: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProof:
    """That record `seq` stands below the head that `slot` proves; `path` goes through the tenant's tree."""

    seq: int
    path: tuple[bytes, ...]
    slot: SlotProof


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedHead:
    """One tenant's head in one epoch, proved. Made only by `verify_slot_proof`.

    `grade`: WITNESSED when the policy's quorum cosigned, ANCHORED when some witness of the policy did, else CONSISTENT_UNANCHORED: only the
    log's own key speaks. `organisations`: members of the quorum that did. `seen_s`: the earliest cosigner's time, or None.
    `certified`: whether the epoch's key came with a certificate of the identity key. `leaf`: the slot's.
    """

    opening: SlotOpening
    leaf: bytes
    epoch: int
    time_us: int
    anchor_origin: str
    anchor_size: int
    grade: Grade
    organisations: tuple[str, ...]
    cosigned: tuple[Cosigned, ...]
    seen_s: int | None
    certified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedRecord:
    """One record below an attested head. Made only by `verify_record_proof`."""

    included: Included
    head: AttestedHead


def encode_proof(proof: SlotProof | RecordProof) -> bytes:
    """The proof's bytes: canonical JSON, every path one text; raises AuditError when `parse_proof` would not read them."""
    record, slot = (proof, proof.slot) if isinstance(proof, RecordProof) else (None, proof)
    opening = slot.opening
    try:
        data = canonical_json(
            {
                "$": VERSION,
                "anchor": {"entry": slot.entry.decode("ascii"), "note": slot.checkpoint.decode("utf-8"), "path": _packed(slot.anchor_path)},
                "head": {
                    "g": opening.generation, "n": opening.size, "o": opening.origin, "p": b64url(opening.previous),
                    "path": _packed(slot.path), "r": b64url(opening.root), "salt": b64url(opening.salt), "slot": opening.slot,
                },
                "record": None if record is None else {"path": _packed(record.path), "s": record.seq},
            }
        )  # fmt: skip
    except (IntentError, UnicodeDecodeError):
        raise AuditError("a proof does not fit its form", code="audit.proof") from None
    parse_proof(data)
    return data


def _packed(path: tuple[bytes, ...]) -> str:
    return b64url(b"".join(path))


def parse_proof(data: bytes) -> SlotProof | RecordProof:
    """The proof in `data`, nothing of it verified yet; raises AuditError `audit.proof` for anything but `encode_proof`'s bytes."""
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_PROOF_BYTES)
        anchor, head, record = _members(value, {"$", "anchor", "head", "record"}, "anchor", "head", "record")
        if value["$"] != VERSION:
            raise AuditError("a proof of an unknown form", code="audit.proof")
        entry, note, anchor_path = _members(anchor, {"entry", "note", "path"}, "entry", "note", "path")
        _members(head, {"g", "n", "o", "p", "path", "r", "salt", "slot"})
        if type(head["o"]) is not str or any(type(head[name]) is not int for name in ("g", "n", "slot")):
            raise AuditError("a proof's head is malformed", code="audit.proof")
        slot = SlotProof(
            opening=SlotOpening(
                slot=head["slot"], salt=unb64url(head["salt"]), origin=head["o"], generation=head["g"], size=head["n"],
                root=unb64url(head["r"]), previous=unb64url(head["p"]),
            ),
            path=_hashes(head["path"]), entry=entry.encode("ascii"), anchor_path=_hashes(anchor_path), checkpoint=note.encode("utf-8"),
        )  # fmt: skip
        slot_leaf(slot.opening)
        if record is None:
            return slot
        path, seq = _members(record, {"path", "s"}, "path", "s")
        if type(seq) is not int:
            raise AuditError("a proof's record is malformed", code="audit.proof")
        return RecordProof(seq=seq, path=_hashes(path), slot=slot)
    except (IntentError, ValueError, TypeError, AttributeError):
        raise AuditError("a proof is not in its canonical form", code="audit.proof") from None


def _members(value: Any, names: set[str], *wanted: str) -> list[Any]:
    if type(value) is not dict or value.keys() != names:
        raise AuditError("a proof has other members than its form", code="audit.proof")
    return [value[name] for name in wanted]


def _hashes(text: Any) -> tuple[bytes, ...]:
    data = unb64url(text) if text else b""
    if type(text) is not str or len(data) % HASH_BYTES or len(data) > 64 * HASH_BYTES:
        raise AuditError("a path is up to 64 hashes of 32 bytes", code="audit.proof")
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def follow_paths(proof: SlotProof, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, EpochEntry, bytes]:
    """Checkpoint, epoch and slot leaf of the proof, its paths and the log's own signatures checked, whoever cosigned; raises AuditError."""
    checkpoint = open_checkpoint(proof.checkpoint, keys)
    entry = verify_epoch(parse_epoch(proof.entry), identity=checkpoint.key)
    place = InclusionProof(index=entry.epoch, size=checkpoint.size, path=proof.anchor_path)
    verify_inclusion(place, leaf=leaf_hash(proof.entry), root=checkpoint.root)
    leaf = slot_leaf(proof.opening)
    place = InclusionProof(index=proof.opening.slot, size=entry.width, path=proof.path)
    verify_inclusion(place, leaf=leaf, root=entry.root)
    return checkpoint, entry, leaf


def verify_slot_proof(proof: SlotProof, policy: TlogPolicy) -> AttestedHead:
    """The head that the proof shows, under the verifier's policy; raises AuditError.

    `audit.untrusted` when no log of the policy signed the checkpoint, `audit.second` when its ML-DSA-44 signature is asked for and not
    here, `audit.unsupported` when the installed libraries do not know that, `audit.root` when a path does not lead where it says, and
    whatever the rooms of checkpoints, cosignatures and epochs refuse.
    """
    checkpoint, entry, leaf = follow_paths(proof, policy.logs)
    for second in policy.seconds:
        if second.name == checkpoint.origin and not cosigned_by(proof.checkpoint, [second]):
            raise AuditError("the checkpoint lacks the ML-DSA-44 signature of its log that the policy asks for", code="audit.second")
    cosigned = cosigned_by(proof.checkpoint, policy.cosigners)
    quorum = policy.count(one.key for one in cosigned)
    grade = Grade.ANCHORED if cosigned else Grade.CONSISTENT_UNANCHORED
    if policy.quorum is not None and quorum.met:
        grade = Grade.WITNESSED
    return AttestedHead(
        opening=proof.opening, leaf=leaf, epoch=entry.epoch, time_us=entry.time_us, anchor_origin=checkpoint.origin,
        anchor_size=checkpoint.size, grade=grade, organisations=quorum.organisations, cosigned=cosigned,
        seen_s=min((one.time_s for one in cosigned), default=None), certified=entry.certificate is not None,
    )  # fmt: skip


def verify_record_proof(proof: RecordProof, policy: TlogPolicy, *, leaf: bytes) -> AttestedRecord:
    """That the record with leaf hash `leaf` stands where the proof says; raises AuditError as `verify_slot_proof`."""
    head = verify_slot_proof(proof.slot, policy)
    place = InclusionProof(index=proof.seq, size=proof.slot.opening.size, path=proof.path)
    return AttestedRecord(included=verify_inclusion(place, leaf=leaf, root=proof.slot.opening.root), head=head)


def tlog_proof(proof: SlotProof) -> bytes:
    """The last stage, epoch → cosigned checkpoint, as a C2SP `.tlog-proof` that third-party tools check; `extra` is the epoch's entry."""
    origin_size = read_head(split_note(proof.checkpoint)[0])
    index = parse_epoch(proof.entry).epoch
    if index >= origin_size[1]:
        raise AuditError("the checkpoint is older than the epoch", code="audit.index")
    lines = ["c2sp.org/tlog-proof@v1", f"extra {base64.b64encode(proof.entry).decode('ascii')}", f"index {index}"]
    lines += [base64.b64encode(one).decode("ascii") for one in proof.anchor_path]
    return "\n".join(lines).encode() + b"\n\n" + proof.checkpoint
