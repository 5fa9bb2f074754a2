"""cosign: the newest checkpoint goes to one witness; what it answers is verified, kept, and only then used.

A witness that knows a longer anchor log than this store holds, or another one of the same size, is the alarm that everything here exists
for: the store was rolled back or the log forked. It is raised as AuditError and never repaired here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.checkpoint import read_head, split_note
from intended_core.audit.cosignature import Cosigned, CosignerKey, cosigned_by
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency
from intended_core.audit.witnessing import AddCheckpoint, format_request, read_conflict
from intended_core.canonical import b64url, canonical_json, parse_canonical
from intended_core.errors import AuditError, IntentError, StoreCorruptError
from intended_core.flows.effects import AskWitness, Commit, Context, Flow, LoadTree, Now
from intended_core.flows.seal import PUBLISHED, WITNESSED, note_size, read_row
from intended_core.flows.steps import authentic, next_head, open_head
from intended_core.ports import Witness, WitnessAnswer
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = ["MAX_SKEW_SECONDS", "WitnessedBy", "cosign_newest", "witness_row"]

MAX_SKEW_SECONDS: Final = 300  # a cosignature's time may differ so much from ours: an old one is no news


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedBy:
    """A cosignature that is kept: over the anchor log of `size` epochs, at the witness's time."""

    key: CosignerKey
    size: int
    time_s: int


def witness_row(key: CosignerKey) -> RowKey:
    """The row that remembers what this witness cosigned last."""
    return RowKey("anchor", f"witness:{b64url(key.public)}")


def cosign_newest(context: Context, witness: Witness, key: CosignerKey) -> Flow[WitnessedBy]:
    """Have `witness` cosign the newest checkpoint, under the key that is pinned for it.

    Raises AuditError: `anchor.rolled_back` and `audit.fork` (see above), `audit.witness` for any other refusal, `audit.untrusted`,
    `audit.signature` and `audit.cosignature` for an answer that is not this witness's cosignature of now; AdapterError for none.
    """
    published = yield from read_row(context, PUBLISHED)
    if published is None:
        raise AuditError("no epoch is sealed yet", code="audit.index")
    known = yield from read_row(context, witness_row(key))
    last_size, last_time = _remembered(known)
    text, _ = split_note(published.body)
    size, root = read_head(text)[1:3]
    tree: Levels = yield LoadTree(context.scope, size, root)
    old = last_size
    answer: WitnessAnswer = yield AskWitness(witness, _request(tree, old, size, published.body))
    if answer.status == 409:
        old = _conflict(key, answer.body, size=size, asked=old)
        answer = yield AskWitness(witness, _request(tree, old, size, published.body))
        if answer.status == 409 and _conflict(key, answer.body, size=size, asked=old) != old:
            raise AuditError(f"the witness {key.name} tells another size each time", code="audit.witness")
    if answer.status == 422:
        raise AuditError(f"the witness {key.name} finds that the anchor log does not extend what it cosigned", code="audit.fork")
    if answer.status != 200:
        raise AuditError(f"the witness {key.name} refused with status {answer.status}", code="audit.witness")
    found = cosigned_by(text + b"\n" + answer.body, [key])
    if not found:
        raise AuditError(f"the answer holds no cosignature of {key.name}", code="audit.untrusted")
    now_us: int = yield Now()
    if found[0].time_s < last_time or abs(found[0].time_s - now_us // 1_000_000) > MAX_SKEW_SECONDS:
        raise AuditError(f"the cosignature of {key.name} is of another time", code="audit.cosignature")
    line = _line(answer.body, key, text, found[0])
    yield from _keep(context, key, published.body, line, WitnessedBy(key=key, size=size, time_s=found[0].time_s), now_us)
    return WitnessedBy(key=key, size=size, time_s=found[0].time_s)


def _conflict(key: CosignerKey, body: bytes, *, size: int, asked: int) -> int:
    """The size from which the witness wants a proof; raises AuditError when it knows more than this store, or something else."""
    told = read_conflict(body)
    if told > size:
        raise AuditError(
            f"the witness {key.name} has cosigned {told} epochs, this store holds {size}: it was rolled back", code="anchor.rolled_back"
        )
    if told == asked:
        raise AuditError(f"the witness {key.name} has cosigned another log of {told} epochs", code="audit.fork")
    return told


def _request(tree: Levels, old: int, size: int, note: bytes) -> bytes:
    path = prove_consistency(tree, first=old, second=size).path if old else ()
    return format_request(AddCheckpoint(old=old, path=path, checkpoint=note))


def _remembered(row: Row | None) -> tuple[int, int]:
    if row is None:
        return 0, 0
    try:
        body: Any = parse_canonical(row.body, max_bytes=256)
        return int(body["size"]), int(body["time"])
    except (IntentError, KeyError, TypeError, ValueError):
        raise StoreCorruptError("what a witness cosigned last is damaged") from None


def _line(body: bytes, key: CosignerKey, text: bytes, wanted: Cosigned) -> bytes:
    """The one line of the answer that holds under the pinned key; nothing else of it is kept."""
    for line in body.split(b"\n"):
        if line and wanted in cosigned_by(text + b"\n" + line + b"\n", [key]):
            return line + b"\n"
    raise AuditError(f"the answer holds no cosignature of {key.name}", code="audit.untrusted")


def _keep(context: Context, key: CosignerKey, note: bytes, line: bytes, found: WitnessedBy, now_us: int) -> Flow[None]:
    name = witness_row(key)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        row, seen = authentic(context, view, name, once=True), authentic(context, view, WITNESSED, once=True)
        version = 0 if row is None else row.version
        body = canonical_json({"name": key.name, "size": found.size, "time": found.time_s})
        writes = [Write(context.mac.seal_row(context.scope, name.kind, name.key, version + 1, "SEEN", body), version)]
        newest = 0 if seen is None else note_size(seen.body)
        if newest <= found.size:
            # several witnesses of one head stand below each other; a witness that cosigned it before stands there already
            base = seen.body if seen is not None and newest == found.size else note
            joined = base if line in base else base + line
            at = 0 if seen is None else seen.version
            writes.append(Write(context.mac.seal_row(context.scope, WITNESSED.kind, WITNESSED.key, at + 1, "COSIGNED", joined), at))
        return Changes(head=next_head(context, view.head, head), writes=tuple(writes), records=())

    yield Commit(Unit(context.scope, decide_unit, reads=(name, WITNESSED)))
