"""recover: two persons open the next generation of a log whose store was put back, or whose clock had run ahead.

The log goes on in the same tree: its first record of the new generation, `log.recover`, names what is known of the lost head. Every
nonce and every approval of an older generation is void. What meters have counted stays counted, reservations of the older generation as
well: they may have run in what was lost. Where the newest record stands in the future, the log's time begins anew at the present one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, digest
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ReadHead, ReadRows
from intended_core.flows.halt import Signatures, person_keys, signed_under_lock, signers_json
from intended_core.flows.haltrows import ROLLBACK, reason_text
from intended_core.flows.metering import DIRECTORY
from intended_core.flows.rollback import read_evidence
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.ids import Scope
from intended_core.meters.shards import Directory
from intended_core.unit import Changes, Committed, Head, Row, Unit, UnitView, Write

__all__ = ["Recovered", "RecoveryStatus", "recover", "recovery_digest", "recovery_status"]

QUORUM = 2  # authority.md § 7


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryStatus:
    """Where a log stands, and whether anything is refused because of it.

    `refusing`: nothing is granted until it is recovered. `evidence`: why, in plain words, "" where nothing is known. `ahead_us`: by how
    much the newest record is later than the clock, in microseconds, 0 where it is not. `root`: 32 bytes.
    """

    generation: int
    size: int
    root: bytes
    refusing: bool
    evidence: str
    ahead_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The generation that was opened, the record that opened it, and whether the log's time was set back to the present."""

    generation: int
    seq: int
    clock: bool


def recovery_digest(scope: Scope, *, generation: int, evidence: bytes, reason: str) -> bytes:
    """What two persons sign (32 bytes) to open `generation`. `evidence`: the refusal row's body, empty where there is none."""
    return digest(
        "intended.recovery/v1", scope.uuid.encode("ascii"), scope.environment.encode("ascii"), generation.to_bytes(8, "big"),
        evidence, reason_text(reason).encode("utf-8"),
    )  # fmt: skip


def recovery_status(context: Context) -> Flow[tuple[RecoveryStatus, bytes]]:
    """Where the log stands now, and the evidence that a digest names."""
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    head = context.heads.read(context.mac, context.scope, stored)
    rows: Sequence[Row] = yield ReadRows(context.scope, (ROLLBACK,))
    now_us: int = yield Now()
    row = context.mac.check(context.scope, rows[0]).row if rows else None
    standing = row if row is not None and row.state == "ENGAGED" else None
    refusing = head.rolled_back or not context.heads.stands(stored, head.generation)
    why = str(read_evidence(standing)) if standing is not None else "this process suspects the store" if refusing else ""
    ahead = head.time_us - now_us - context.settings.leeway_seconds * 1_000_000
    status = RecoveryStatus(
        generation=head.generation, size=head.size, root=head.frontier.root(), refusing=refusing, evidence=why,
        ahead_us=max(0, ahead),
    )  # fmt: skip
    return status, b"" if standing is None else standing.body


def recover(context: Context, *, reason: str, signatures: Signatures) -> Flow[Recovered]:
    """Open the next generation. Two distinct registered persons sign `recovery_digest`.

    Raises KeyRingError, AccessDeniedError, IntentError, StoreError.
    """
    why = reason_text(reason)
    now_us: int = yield Now()
    salts = ((yield Random(16)), (yield Random(16)))
    leeway_us = context.settings.leeway_seconds * 1_000_000

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True)
        row = guard_row(context, view, head, ROLLBACK)
        known = row if row is not None and row.state == "ENGAGED" else None
        asked = recovery_digest(
            context.scope, generation=head.generation + 1, evidence=b"" if known is None else known.body, reason=why
        )
        signers = signed_under_lock(
            context, view, head, signatures, digest=asked, quorum=QUORUM, permission="halt.resume"
        )
        writes: list[Write] = []
        if known is not None:
            settled = context.mac.seal_row(context.scope, "halt", ROLLBACK.key, known.version + 1, "RESUMED", known.body)
            writes.append(Write(settled, known.version))
        head, counted = _meters(context, view, head)
        writes += [*counted, guard_write(context, view, head, writes)]
        late = now_us + leeway_us < head.time_us
        body: dict[str, Json] = {
            "generation": head.generation + 1, "reason": why, "digest": b64url(asked), "persons": signers_json(view, signers),
            "lost": None if known is None else read_evidence(known).to_json(),
            "stood": {"generation": head.generation, "size": head.size, "root": b64url(head.frontier.root())},
        }  # fmt: skip
        drafts = [Draft(kind=EventKind.LOG_RECOVER, body=body, salt=salts[0])]
        if late:
            told: dict[str, Json] = {"from": head.time_us, "to": now_us}
            drafts.append(Draft(kind=EventKind.CLOCK_RECOVERED, body=told, salt=salts[1]))
        opened = replace(
            head, generation=head.generation + 1, rolled_back=False, time_us=now_us if late else head.time_us
        )
        made = Recovered(generation=opened.generation, seq=head.size, clock=late)
        return close_unit(
            context, view, opened, tuple(drafts), now_us=now_us, writes=tuple(writes), bump_guards=True, answer=made
        )

    reads = (ROLLBACK, GUARD_ROSTER, DIRECTORY, *person_keys(signatures))
    committed: Committed = yield Commit(Unit(context.scope, decide_unit, reads=reads), shielded=True)
    context.heads.recovered(committed.head)
    done: Recovered = committed.answer  # type: ignore[assignment]
    return done


def _meters(context: Context, view: UnitView, head: LogHead) -> tuple[LogHead, list[Write]]:
    """The first row of the new generation, naming every counter as it stands: what was counted may have run."""
    row = authentic(context, view, DIRECTORY, once=True)
    if (0 if row is None else row.version) != head.meters:
        raise StoreCorruptError("the meters' first row is not the one that the head names: it was taken away or put back")
    if row is None:
        return head, []
    body = replace(Directory.from_body(row.body), generation=head.generation + 1).to_body()
    made = context.mac.seal_row(context.scope, "meter", DIRECTORY.key, head.meters + 1, "ACTIVE", body)
    return replace(head, meters=head.meters + 1), [Write(made, head.meters)]
