"""Approval requests in the store: which of them are open hangs on the head, so that none is added, put back or decided twice unseen.

The head names a version of the requests' roster, the roster those of its shards, and a shard the version of each request that is PENDING or
APPROVED (docs/adr/0014 does the same for entities). A request that was used, rejected, cancelled or has expired is named no longer: an
older row of it, tag and all, is worth nothing when it is put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

import orjson

from intended_core.audit.log import LogHead
from intended_core.canonical import pack
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Context, Flow, ReadRows, ScanRows
from intended_core.flows.roster import standing
from intended_core.flows.rows import ApprovalRow
from intended_core.flows.steps import authentic
from intended_core.ids import EntityRef
from intended_core.unit import Row, RowKey, UnitView, Write

__all__ = [
    "OPEN",
    "REQUEST_ROSTER",
    "asked_by",
    "load_request",
    "move_request",
    "new_request",
    "request_reads",
    "scan_requests",
    "standing_request",
]

REQUEST_ROSTER: Final = RowKey("approval", "roster")
OPEN: Final = frozenset({"PENDING", "APPROVED"})
SHARDS: Final = 64  # 10,000 open requests are 160 names in a shard, about 5 KB to rewrite


def _shard(approval_id: str) -> RowKey:
    return RowKey("approval", f"roster:{sha256(approval_id.encode('utf-8')).digest()[0] % SHARDS:02d}")


def request_reads(approval_id: str) -> tuple[RowKey, ...]:
    """What a unit reads to make, change or end this request."""
    return (RowKey("approval", approval_id), REQUEST_ROSTER, _shard(approval_id))


def load_request(context: Context, approval_id: str) -> Flow[Row]:
    """The request's row, authenticated; whether it stands is asked again under the lock. Raises UnitRefusedError `approval_unknown`."""
    rows: Sequence[Row] = yield ReadRows(context.scope, (RowKey("approval", approval_id),))
    if not rows or approval_id.startswith(REQUEST_ROSTER.key):
        raise UnitRefusedError("approval_unknown", "no approval request has this id")
    return context.mac.check(context.scope, rows[0]).row


def asked_by(request: ApprovalRow) -> EntityRef:
    """The principal whose intent it is: the submitter."""
    kind, name = orjson.loads(request.intent)["principal"]
    return EntityRef(str(kind), str(name))


def scan_requests(context: Context, *, state: str | None = None) -> Flow[tuple[Row, ...]]:
    """Every request (in `state`), authenticated, by id."""
    rows: Sequence[Row] = yield ScanRows(context.scope, "approval", state)
    return tuple(context.mac.check(context.scope, row).row for row in rows if not row.key.startswith(REQUEST_ROSTER.key))


def standing_request(context: Context, view: UnitView, head: LogHead, read: Row) -> Row:
    """The request as it stands under the lock: exactly the row that was `read`, of this generation's roster.

    Raises UnitRefusedError `approval_state` when somebody else acted on it, StoreCorruptError when the row is not the one that stands.
    """
    row = authentic(context, view, RowKey("approval", read.key))
    names = _names(context, view, head, read.key)[1]
    if (0 if row is None or row.state not in OPEN else row.version) != names.get(read.key, 0):
        raise StoreCorruptError("an approval request is not the one that stands: it was taken away or put back")
    if row is None or row.version != read.version or row.state != read.state:
        raise UnitRefusedError("approval_state", "somebody else acted on this request; look at it again")
    return row


def new_request(
    context: Context, view: UnitView, head: LogHead, approval_id: str, body: bytes
) -> tuple[LogHead, tuple[Write, ...]]:
    """A request that waits, and the head that knows of it."""
    return _written(context, view, head, approval_id, 0, "PENDING", body)


def move_request(
    context: Context, view: UnitView, head: LogHead, row: Row, state: str, body: bytes
) -> tuple[LogHead, tuple[Write, ...]]:
    """The request's next row, after `standing_request` answered `row`; a state that is not open takes it off the roster."""
    return _written(context, view, head, row.key, row.version, state, body)


def _written(
    context: Context, view: UnitView, head: LogHead, approval_id: str, version: int, state: str, body: bytes
) -> tuple[LogHead, tuple[Write, ...]]:
    shards, names = _names(context, view, head, approval_id)
    names.pop(approval_id, None)
    if state in OPEN:
        names[approval_id] = version + 1
    at = _shard(approval_id)
    stood = shards.get(at.key, 0)
    shards[at.key] = stood + 1
    seal, scope = context.mac.seal_row, context.scope
    writes = (
        Write(seal(scope, "approval", approval_id, version + 1, state, body), version),
        Write(seal(scope, "approval", at.key, stood + 1, "STANDS", pack(names)), stood),
        Write(seal(scope, "approval", REQUEST_ROSTER.key, head.approvals + 1, "STANDS", pack(shards)), head.approvals),
    )
    return replace(head, approvals=head.approvals + 1), writes


def _names(
    context: Context, view: UnitView, head: LogHead, approval_id: str
) -> tuple[dict[str, int], dict[str, int]]:
    shards = standing(authentic(context, view, REQUEST_ROSTER), head.approvals)
    at = _shard(approval_id)
    return dict(shards), dict(standing(authentic(context, view, at, once=True), shards.get(at.key, 0)))
