"""simulate: recorded decisions are asked again under a draft, and what would be answered otherwise is told.

Each decision is taken from its own recorded inputs: the intent, the entities, params and tables, meter levels, approvals and the moment.
A policy draft is asked instead of the set that decided, with the values in force where that set read none; a data draft puts its values
in the place of those that were read. Nothing is
granted, and no meter moves. Records without inputs (a denial before any rule ran) say nothing about a set and are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from intended_core.audit.fields import read_body
from intended_core.audit.record import EventKind, parse_entry
from intended_core.canonical import Json, unb64url
from intended_core.engine.evaluator import decide
from intended_core.engine.metering import meter_uses
from intended_core.entities import Entity, EntitySnapshot
from intended_core.errors import IntentError, PolicyError, UnitRefusedError
from intended_core.flows.activate import set_row
from intended_core.flows.cache import ActivePolicy, compile_policy, decode_sources
from intended_core.flows.datarows import DataContent, StoredData, read_data, typed_content
from intended_core.flows.draftrows import OPEN_STATES, DraftRow
from intended_core.flows.drafts import DraftView, draft_content, draft_sources, move_draft, read_draft
from intended_core.flows.effects import Context, Flow, ReadHead, ReadRecords, ReadRows
from intended_core.flows.rows import decode_entity, entity_key, references_of
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.lang.data import NO_DATA, DataSnapshot, type_data
from intended_core.lang.intents import validate
from intended_core.lang.recorded import recorded_data, recorded_entities, recorded_intent
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.surroundings import Surroundings
from intended_core.outcome import Allow, Deny, Escalate, Reason
from intended_core.unit import RecordRow, Row, RowKey

__all__ = ["MAX_DECISIONS", "Flip", "Progress", "Simulation", "simulate_draft"]

MAX_DECISIONS: Final = 10_000  # about half a minute; the operator's deadline is two
MAX_FLIPS: Final = 1_000  # told one by one; more are counted
PAGE: Final = 256
MAX_MISSING: Final = 2_000
DECISIONS: Final = frozenset({EventKind.DECISION_ALLOW, EventKind.DECISION_ESCALATE, EventKind.DECISION_DENY})
_ORDER: Final = {"deny": 0, "escalate": 1, "allow": 2}
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A recorded decision that would be another one now. `way`: "opens" lets more through, "closes" less. `time_us`: microseconds."""

    seq: int
    time_us: int
    principal: EntityRef
    action: str
    resource: EntityRef
    before: str
    after: str
    before_rules: tuple[str, ...]
    after_rules: tuple[str, ...]
    reason: str

    @property
    def way(self) -> Literal["opens", "closes"]:
        """Which way it goes; from one kind of denial to another counts as closing."""
        return "opens" if _ORDER[_kind(self.after)] > _ORDER[_kind(self.before)] else "closes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What the newest decisions would have been. `passed_over`: decisions whose inputs are not there or were not enough, by reason.

    `whole`: every decision of the log was asked. `moves`: how many went from one answer to another, flips or not.
    """

    draft_id: str
    asked: int
    same: int
    opens: int
    closes: int
    flips: tuple[Flip, ...]
    moves: Mapping[tuple[str, str], int]
    passed_over: Mapping[str, int]
    first: int | None
    last: int | None
    whole: bool


class _Worlds:
    """What was read once: sets by digest, snapshots by digest."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.sets: dict[str, ActivePolicy] = {}
        self.kept: dict[str, bytes] = {}
        self.now: dict[EntityRef, Entity | None] = {}
        self.values: StoredData | None = None

    def set_of(self, digest: str) -> Flow[ActivePolicy]:
        if digest not in self.sets:
            rows: Sequence[Row] = yield ReadRows(self.context.scope, (set_row(unb64url(digest)),))
            if not rows:
                raise IntentError("the set that decided is not in the store")
            sources = decode_sources(self.context.mac.check(self.context.scope, rows[0]).row.body)
            self.sets[digest] = compile_policy(self.context.scope, sources)
        return self.sets[digest]

    def snapshot(self, digest: str) -> Flow[bytes]:
        if digest not in self.kept:
            rows: Sequence[Row] = yield ReadRows(self.context.scope, (RowKey("snapshot", digest),))
            if not rows:
                raise IntentError("a snapshot that it rests on is not in the store")
            if len(self.kept) > 64:
                self.kept.clear()
            self.kept[digest] = self.context.mac.check(self.context.scope, rows[0]).row.body
        return self.kept[digest]

    def add_missing(self, entities: dict[EntityRef, Entity], wanted: frozenset[EntityRef]) -> Flow[None]:
        """Entities that the draft names and the recorded set did not, as they are today."""
        pending = [ref for ref in wanted if ref not in entities]
        while pending and len(entities) < MAX_MISSING:
            unread = [ref for ref in pending if ref not in self.now]
            if unread:
                found: Sequence[Row] = yield ReadRows(
                    self.context.scope, tuple(RowKey("entity", entity_key(ref)) for ref in unread)
                )
                known = {row.key: row for row in found}
                for ref in unread:
                    row = known.get(entity_key(ref))
                    stands = row is not None and self.context.mac.check(self.context.scope, row).row.state == "ACTIVE"
                    self.now[ref] = decode_entity(row) if row is not None and stands else None
            added = [entity for ref in pending if (entity := self.now[ref]) is not None]
            entities.update((entity.ref, entity) for entity in added)
            pending = [ref for entity in added for ref in references_of(entity) if ref not in entities]


def simulate_draft(
    context: Context, draft_id: str, *, most: int = 1_000, progress: Progress | None = None
) -> Flow[tuple[Simulation, DraftView]]:
    """CHECKED → SIMULATED: ask the newest decisions again, at most `most` of them (1 to 10,000), and record what came out.

    `progress` is told how many of how many records were looked at. Raises UnitRefusedError, PolicyError, IntentError.
    """
    if not 1 <= most <= MAX_DECISIONS:
        raise IntentError(f"simulate 1 to {MAX_DECISIONS} decisions", place="most")
    row = yield from read_draft(context, draft_id)
    draft = DraftRow.from_row(row)
    if row.state not in OPEN_STATES or row.state == "DRAFT":
        raise UnitRefusedError("draft_state", f"the draft is {row.state.lower()}; it is checked before it is simulated")
    candidate: ActivePolicy | None = None
    values: DataContent | None = None
    if draft.subject == "policy":
        candidate = compile_policy(context.scope, (yield from draft_sources(context, draft)))
    else:
        values = yield from draft_content(context, draft)
    found = yield from _ask_all(context, draft_id, candidate, values, most, progress)
    said: dict[str, Json] = {
        "asked": found.asked, "same": found.same, "opens": found.opens, "closes": found.closes, "first": found.first,
        "last": found.last, "whole": found.whole, "passed_over": sum(found.passed_over.values()),
    }  # fmt: skip
    state = "SIMULATED" if row.state == "CHECKED" else row.state
    view = yield from move_draft(
        context, row, draft.with_findings(simulated=said), state, EventKind.POLICY_SIMULATED, {"simulated": said}
    )
    return found, view


def _ask_all(
    context: Context,
    draft_id: str,
    candidate: ActivePolicy | None,
    values: DataContent | None,
    most: int,
    progress: Progress | None,
) -> Flow[Simulation]:
    stored = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    size = context.heads.read(context.mac, context.scope, stored).size
    worlds = _Worlds(context)
    flips: list[Flip] = []
    moves: dict[tuple[str, str], int] = {}
    passed: dict[str, int] = {}
    seen: list[int] = []
    asked = same = opens = closes = 0
    stop = size
    while stop > 0 and asked < most:
        start = max(0, stop - PAGE)
        records: Sequence[RecordRow] = yield ReadRecords(context.scope, start, stop)
        for record in reversed(records):
            entry = parse_entry(record.entry)
            if entry.kind not in DECISIONS or entry.policy_digest is None or asked == most:
                continue
            if not record.body:
                passed["erased"] = passed.get("erased", 0) + 1
                continue
            body: Any = read_body(record)
            if "intent" not in body or "entities_digest" not in body:
                passed["erased in part"] = passed.get("erased in part", 0) + 1
                continue
            try:
                intent, outcome = yield from _again(worlds, body, candidate, values)
            except (IntentError, PolicyError) as error:
                text = str(error)[:100]
                passed[text] = passed.get(text, 0) + 1
                continue
            asked += 1
            seen.append(record.seq)
            before, after = _said_then(body), _said_now(outcome)
            moves[_kind(before), _kind(after)] = moves.get((_kind(before), _kind(after)), 0) + 1
            if before == after:
                same += 1
                continue
            flip = Flip(
                seq=record.seq, time_us=entry.time_us, principal=intent.principal, action=intent.action, resource=intent.resource,
                before=before, after=after, before_rules=tuple(str(each) for each in body["rules"]), after_rules=outcome.rules,
                reason=next((reason.text for reason in outcome.reasons if reason.text), "")[:200],
            )  # fmt: skip
            opens, closes = opens + (flip.way == "opens"), closes + (flip.way == "closes")
            if len(flips) < MAX_FLIPS:
                flips.append(flip)
        stop = start
        if progress is not None:
            progress(size - stop, size)
    return Simulation(
        draft_id=draft_id, asked=asked, same=same, opens=opens, closes=closes, flips=tuple(flips), moves=moves, passed_over=passed,
        first=min(seen, default=None), last=max(seen, default=None), whole=stop == 0 and asked < most,
    )  # fmt: skip


def _again(
    worlds: _Worlds, body: Mapping[str, Any], candidate: ActivePolicy | None, values: DataContent | None
) -> Flow[tuple[Intent, Allow | Escalate | Deny]]:
    """The recorded decision under the draft. Raises IntentError or PolicyError where the records do not hold what it takes."""
    decided = yield from worlds.set_of(body["policy_digest"])
    schema = decided.schema
    policy = decided if candidate is None else candidate
    intent = recorded_intent(schema, body["intent"].encode("utf-8"))
    entities = recorded_entities(schema, (yield from worlds.snapshot(body["entities_digest"])))
    read = yield from _data(worlds, policy, decided, body, values)
    try:
        valid = validate(policy.schema, worlds.context.scope, intent)
        yield from worlds.add_missing(entities, valid.references | policy.compiled.constants | read.references)
        world = type_snapshot(policy.schema, EntitySnapshot(version="recorded", entities=entities))
    except IntentError as error:
        return intent, Deny(kind="intent_invalid", reasons=(Reason(text=error.problem, place=error.place),))
    around = Surroundings(tenant=worlds.context.scope.tenant, data=read.cells)
    now_ms = int(body["now"]) // 1000
    levels = {str(name): int(level) for name, level in body.get("meters", ())}
    if policy.compiled.meters and intent.principal in world.ancestors:
        uses = meter_uses(policy.compiled, valid, world, now_ms=now_ms, surroundings=around)
        if not isinstance(uses, Deny):
            levels = {use.meter: levels.get(use.meter, 0) for use in uses}  # a meter that is new begins at zero
    approved = frozenset(str(key) for key in body["approved"])
    return intent, decide(
        policy.compiled, valid, world, now_ms=now_ms, approved=approved, surroundings=around, readings=levels or None
    )


def _data(
    worlds: _Worlds, policy: ActivePolicy, decided: ActivePolicy, body: Mapping[str, Any], values: DataContent | None
) -> Flow[DataSnapshot]:
    schema = policy.schema
    if values is not None:
        return typed_content(schema, StoredData(version=0, content=values))
    if not schema.params and not schema.tables:
        return NO_DATA
    if worlds.values is None:
        worlds.values = yield from read_data(worlds.context)
    if "data_digest" not in body:
        return typed_content(schema, worlds.values)
    params, tables = recorded_data(decided.schema, (yield from worlds.snapshot(str(body["data_digest"]))))
    return type_data(
        schema, version="recorded", params={name: value for name, value in params.items() if name in schema.params},
        tables={name: rows for name, rows in tables.items() if name in schema.tables},
    )  # fmt: skip


def _said_then(body: Mapping[str, Any]) -> str:
    return f"deny({body.get('class', '')})" if body["outcome"] == "deny" else str(body["outcome"])


def _said_now(outcome: Allow | Escalate | Deny) -> str:
    if isinstance(outcome, Deny):
        return f"deny({outcome.kind})"
    return "allow" if isinstance(outcome, Allow) else "escalate"


def _kind(said: str) -> str:
    return said.partition("(")[0]
