"""What is done around the anchor log, by operators, customers, auditors and witnesses: proofs out of it, and verdicts about them.

Trust comes from the verifier's own policy file (C2SP tlog-policy) or from a key that they pinned; what a proof brings along is a hint.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intended_core.assembly import Authority
from intended_core.audit.anchored import (
    AttestedHead,
    AttestedRecord,
    RecordProof,
    SlotProof,
    encode_proof,
    parse_proof,
    tlog_proof,
    verify_record_proof,
    verify_slot_proof,
)
from intended_core.audit.batch_receipts import Promise, check_sealed, verify_receipt
from intended_core.audit.checkpoint import VerifierKey, parse_vkey
from intended_core.audit.cosignature import ED25519, CosignerKey, cosign, parse_cosigner
from intended_core.audit.equivocation import (
    Equivocation,
    encode_equivocation,
    find_equivocation,
    verify_equivocation,
)
from intended_core.audit.slotfollow import FollowedSlot, follow_slot, parse_kept, parse_message
from intended_core.audit.slotwalk import SlotWalk, walk_slots
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.tree import leaf_hash
from intended_core.audit.witnessing import Accepted, Known, judge
from intended_core.authority import TenantAuthority
from intended_core.errors import AssemblyError, AuditError

__all__ = [
    "AttestedHead",
    "AttestedRecord",
    "CosigningWitness",
    "Equivocation",
    "FollowedSlot",
    "Promise",
    "SlotWalk",
    "WitnessMemory",
    "WitnessReply",
    "check_equivocation",
    "check_proof",
    "check_receipt",
    "check_slots",
    "export_anchor",
    "export_record_proof",
    "export_slot_proof",
    "follow_slot_proof",
    "parse_cosigner",
    "show_equivocation",
    "tlog_proof_of",
    "witness_key",
]


def export_slot_proof(authority: Authority, tenant: TenantAuthority, *, epoch: int | None = None) -> bytes:
    """Which head the tenant's log had in an epoch (default: the newest that is cosigned): one kilobyte for the customer to keep.

    Raises AuditError.
    """
    return encode_proof(authority.anchor.prove_slot(tenant.scope, epoch=epoch))


def export_record_proof(authority: Authority, tenant: TenantAuthority, seq: int, *, epoch: int | None = None) -> bytes:
    """That record `seq` stands below a cosigned checkpoint. Raises AuditError."""
    return encode_proof(authority.anchor.prove_record(tenant.scope, seq, epoch=epoch))


def check_proof(
    data: bytes, *, policy: bytes, entry: bytes | None = None, min_epoch: int | None = None, not_before_s: int | None = None
) -> AttestedHead | AttestedRecord:
    """What a proof shows under the verifier's `policy` file; raises AuditError for everything that it does not.

    `entry`: the record's header bytes, for a record's proof. `min_epoch`, `not_before_s`: how fresh it must be (seconds since 1970 UTC, by
    the earliest cosigner's clock), else AuditError `audit.stale`.
    """
    proof, trusted = parse_proof(data), parse_policy(policy)
    if isinstance(proof, RecordProof):
        if entry is None:
            raise AuditError("the proof of a record is checked against the record's header", code="audit.proof")
        found = verify_record_proof(proof, trusted, leaf=leaf_hash(entry))
        _fresh(found.head, min_epoch, not_before_s)
        return found
    if entry is not None:
        raise AuditError("this proof shows a head and no record", code="audit.proof")
    head = verify_slot_proof(proof, trusted)
    _fresh(head, min_epoch, not_before_s)
    return head


def _fresh(head: AttestedHead, min_epoch: int | None, not_before_s: int | None) -> None:
    if min_epoch is not None and head.epoch < min_epoch:
        raise AuditError(f"the proof is of epoch {head.epoch}, and epoch {min_epoch} is asked for", code="audit.stale")
    if not_before_s is not None and (head.seen_s is None or head.seen_s < not_before_s):
        raise AuditError("no witness has seen this head as lately as is asked for", code="audit.stale")


def check_receipt(data: bytes, *, key: str, proof: bytes | None = None, policy: bytes | None = None) -> Promise:
    """What a receipt promises, under the anchor's verifier key; with a slot's `proof` (under `policy`), also that it was kept in time.

    Raises AuditError: `audit.receipt` or `audit.signature` for no such receipt, `receipt.overdue` for a promise that was broken.
    """
    promise = verify_receipt(data, key=parse_vkey(key))
    if proof is None:
        return promise
    if policy is None:
        raise AuditError("a proof is believed only under a policy file: give the file as well", code="audit.untrusted")
    return check_sealed(promise, verify_slot_proof(_slot(parse_proof(proof)), parse_policy(policy)))


def check_slots(proofs: Sequence[bytes], *, policy: bytes) -> SlotWalk:
    """Check one tenant's slot proofs, epoch after epoch, as its customer collects them: no gap, no step back, one chain of leaves.

    Raises AuditError as `walk_slots`.
    """
    return walk_slots([_slot(parse_proof(data)) for data in proofs], parse_policy(policy))


def follow_slot_proof(message: bytes, *, policy: bytes, origin: str, kept: bytes | None) -> FollowedSlot:
    """What a webhook `slot.proof` shows of the log `origin`, if it goes on from what was `kept` (bytes; None: nothing yet).

    `FollowedSlot.kept.to_bytes()` is to be kept from then on. Raises AuditError as `follow_slot`; then what was kept stays.
    """
    before = None if kept is None else parse_kept(kept)
    return follow_slot(parse_message(message), parse_policy(policy), origin=origin, kept=before)


def _slot(proof: SlotProof | RecordProof) -> SlotProof:
    return proof.slot if isinstance(proof, RecordProof) else proof


def tlog_proof_of(data: bytes) -> bytes:
    """The last stage of a proof, epoch to cosigned checkpoint, as a C2SP `.tlog-proof` for third-party tools. Raises AuditError."""
    return tlog_proof(_slot(parse_proof(data)))


def show_equivocation(first: bytes, second: bytes, *, key: str) -> bytes:
    """`equivocation.json` out of two statements (signed checkpoints or proofs) of the log with this key.

    Raises AuditError `audit.no-equivocation` when both can be true.
    """
    return encode_equivocation(find_equivocation(_statement(first), _statement(second), key=parse_vkey(key)))


def check_equivocation(data: bytes, *, key: str) -> Equivocation:
    """What `equivocation.json` convicts the log with this key of; raises AuditError when it does not."""
    return verify_equivocation(data, key=parse_vkey(key))


def _statement(data: bytes) -> bytes | SlotProof:
    return _slot(parse_proof(data)) if data.startswith(b"{") else data


def export_anchor(authority: Authority, folder: Path, *, since: int = 0) -> int:
    """Write the anchor log as C2SP tlog-tiles into `folder`, the checkpoint last; returns its size. `since`: a size exported before.

    Each file is put in place whole. Raises AuditError, and OSError when `folder` cannot be written.
    """
    size = 0
    for path, data in authority.anchor.files(since=since):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(target.name + ".unfinished")
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
        if path == "checkpoint":
            size = int(data.split(b"\n")[1])
    return size


class WitnessMemory(Protocol):
    """What a witness remembers, durably."""

    def newest(self, origin: str) -> tuple[int, bytes] | None:
        """Size and root of the newest head of a log that was cosigned; None for a log never seen."""
        ...

    def remember(self, origin: str, size: int, root: bytes) -> None:
        """Return only when it is on disk; raise OSError otherwise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessReply:
    """An HTTP answer: status, body, content type."""

    status: int
    body: bytes
    media_type: str


class CosigningWitness:
    """A witness (C2SP tlog-witness): cosigns what extends what it cosigned before, and remembers before it answers. Thread-safe.

    The one process that has the memory is the witness; two on one memory are refused by whoever opens it.
    """

    __slots__ = ("_clock_s", "_key", "_lock", "_logs", "_memory", "_secret")

    def __init__(
        self, *, name: str, secret: bytes, logs: Sequence[str], memory: WitnessMemory, clock_s: Callable[[], int]
    ) -> None:
        """`secret`: the 32-byte Ed25519 seed. `logs`: verifier keys of the logs to be cosigned. `clock_s`: seconds since 1970 UTC."""
        if len(secret) != 32:
            raise AssemblyError("a witness's key has 32 bytes")
        self._secret: Final = Ed25519PrivateKey.from_private_bytes(secret)
        self._key: Final = CosignerKey(name, ED25519, self._secret.public_key().public_bytes_raw())
        self._logs: Final[dict[str, list[VerifierKey]]] = {}
        for text in logs:
            key = parse_vkey(text)
            self._logs.setdefault(key.name, []).append(key)
        self._memory: Final = memory
        self._clock_s: Final = clock_s
        self._lock: Final = threading.Lock()

    def __repr__(self) -> str:
        return f"CosigningWitness({self._key.name!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a CosigningWitness holds a private key and is not pickled")

    @property
    def key(self) -> CosignerKey:
        """The key that verifiers pin."""
        return self._key

    def answer(self, request: bytes) -> WitnessReply:
        """What to answer to an add-checkpoint request. Never raises for what a request can hold; OSError when nothing can be remembered."""
        with self._lock:
            found = judge(request, logs=self._logs, remembered=self._remembered)
            if not isinstance(found, Accepted):
                return WitnessReply(status=found.status, body=found.body, media_type=found.media_type)
            self._memory.remember(found.origin, found.known.size, found.known.root)
        line = cosign(found.text, key=self._key, time_s=self._clock_s(), sign=self._secret.sign)
        return WitnessReply(status=200, body=line, media_type="text/plain; charset=utf-8")

    def _remembered(self, origin: str) -> Known | None:
        known = self._memory.newest(origin)
        return None if known is None else Known(size=known[0], root=known[1])


def witness_key(name: str, secret: bytes) -> CosignerKey:
    """The key that verifiers pin, of a witness with this name and 32-byte Ed25519 seed."""
    return CosignerKey(name, ED25519, Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())
