"""activate: a policy set becomes the tenant's active one, after its checks and its own tests, in one unit.

Tokens that were issued under the set before are void from that moment: redemption compares the token's policy digest with the
active one (docs/adr/0009). Params and tables in force stay in force: they are typed under the new schema first, and a value that does
not fit refuses the activation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, canonical_json
from intended_core.errors import IntentError, PolicyError, UnitRefusedError
from intended_core.flows.cache import ActivePolicy, compile_policy
from intended_core.flows.datarows import (
    DATA_POINTER,
    NO_CONTENT,
    StoredData,
    read_data,
    snapshot_key,
    snapshot_writes,
    typed_content,
)
from intended_core.flows.effects import Commit, Context, Flow, Now, Random
from intended_core.flows.governance import in_the_founders_hand, read_persons
from intended_core.flows.metering import DIRECTORY, first_row
from intended_core.flows.pointer import POLICY_POINTER, PolicyPointer, changed_json, locks_json, read_pointer
from intended_core.flows.policycache import cache_key, cache_write, freeze, kept_digest
from intended_core.flows.policytests import TestReport, run_tests
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.steps import GUARDS_MOVED, authentic, close_unit, open_head
from intended_core.lang.data import NO_DATA, DataSnapshot
from intended_core.lang.locks import NO_CHANGE, LockChange, settle_locks
from intended_core.lang.source import Source
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = [
    "Activated", "Held", "Warrant", "activate", "checked_and_tested", "founders_warrant", "hold_to_locks", "put_in_force", "set_row",
    "sources_write",
]  # fmt: skip

MAX_HISTORY: Final = 16  # sets that a rollback finds by their digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    """What is active now. `digest`: 32 bytes, as tokens and records quote it. `tests`: how many of its own tests passed."""

    digest: bytes
    semantic_digest: bytes
    rules: int
    tests: int
    seq: int
    warnings: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """What lets a set become active: the rows that the unit reads, and what it demands of them under the lock.

    `demand` raises UnitRefusedError, or gives the rows to write and what the record says.
    """

    reads: tuple[RowKey, ...]
    demand: Callable[[UnitView, LogHead], tuple[tuple[Write, ...], Mapping[str, Json]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The locks of packs: those that were `kept` when they were looked at, and those that stand `after` the activation."""

    kept: Mapping[str, bytes]
    after: Mapping[str, bytes]


def activate(context: Context, sources: Sequence[Source], change: LockChange = NO_CHANGE) -> Flow[Activated]:
    """Check, test and activate, by the founder's hand alone. `change`: what is said of the locks of packs.

    Raises PolicyError (nothing is changed) when a check or one of the set's own tests fails, and UnitRefusedError `governed` once the
    scope has an admin: then a set is drafted and approved first (`flows.drafts`).
    """
    held = yield from hold_to_locks(context, sources, change)
    tried = checked_and_tested(context, sources)
    for attempt in range(context.settings.state_retries + 1):
        warrant = yield from founders_warrant(context)
        try:
            return (yield from put_in_force(context, tried, warrant, held))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED or attempt == context.settings.state_retries:
                raise
        held = yield from hold_to_locks(context, sources, change)
    raise UnitRefusedError("conflict", "policy, data or persons kept changing; try again")


def hold_to_locks(context: Context, sources: Sequence[Source], change: LockChange) -> Flow[Held]:
    """That the packs are those that are locked here, or that `change` names; the unit asks again. Raises PolicyError."""
    pointer = yield from read_pointer(context)
    kept = {} if pointer is None else dict(pointer.packs)
    return Held(kept=kept, after=settle_locks(sources, kept, change))


def founders_warrant(context: Context) -> Flow[Warrant]:
    """What lets one hand put something in force: that no admin stands."""
    persons = yield from read_persons(context)

    def demand(view: UnitView, head: LogHead) -> tuple[tuple[Write, ...], Mapping[str, Json]]:
        in_the_founders_hand(context, view, head, persons)
        return (), {}

    return Warrant(reads=(GUARD_ROSTER,), demand=demand)


def set_row(digest: bytes) -> RowKey:
    """Where the sources of the set of this text digest stand."""
    return RowKey("policy", f"set:{b64url(digest)}")


def sources_write(
    context: Context, view: UnitView, digest: bytes, sources: Sequence[tuple[str, str]]
) -> tuple[Write, ...]:
    """The row of a set's sources (name, text), where it is not there yet; the unit read `set_row`."""
    key = set_row(digest)
    if authentic(context, view, key) is not None:
        return ()
    body = canonical_json({"sources": [list(pair) for pair in sorted(sources)]})
    return (Write(context.mac.seal_row(context.scope, "policy", key.key, 1, "STORED", body), 0),)


def checked_and_tested(context: Context, sources: Sequence[Source]) -> tuple[ActivePolicy, TestReport]:
    """The set, checked, compiled whole and held to its own tests; raises PolicyError."""
    policy = compile_policy(context.scope, sources)
    policy.compiled.ready()
    report = run_tests(policy.checked)
    if report.failed:
        lines = "\n".join(f"  {case.name}: expected {case.expected}, got {case.got}" for case in report.failed)
        raise PolicyError(f"{len(report.failed)} of the set's own tests fail; nothing was activated:\n{lines}")
    return policy, report


def _data_for(policy: ActivePolicy, stored: StoredData) -> DataSnapshot:
    try:
        return typed_content(policy.schema, stored)
    except IntentError as error:
        raise PolicyError(f"a value in force does not fit the new set; nothing was activated: {error}") from None


def _history(pointer: PolicyPointer | None, digest: bytes) -> tuple[bytes, ...]:
    """The digests of the sets that were active before, the newest first, each once."""
    known = () if pointer is None else dict.fromkeys((pointer.digest, *pointer.before))
    return tuple(each for each in known if each != digest)[:MAX_HISTORY]


def put_in_force(
    context: Context, tried: tuple[ActivePolicy, TestReport], warrant: Warrant, held: Held
) -> Flow[Activated]:
    """Activate what `checked_and_tested` gave and `warrant` lets pass, with the locks of packs that stand then.

    Raises PolicyError, UnitRefusedError; then nothing is changed.
    """
    policy, report = tried
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    name = b64url(policy.digest)
    stored, pointer = set_row(policy.digest), POLICY_POINTER
    kept = freeze(policy.checked)
    pinned = None if kept is None else kept_digest(kept)
    values, data = StoredData(version=0, content=NO_CONTENT), NO_DATA
    reads_data = bool(policy.schema.params or policy.schema.tables)
    if reads_data:
        values = yield from read_data(context)
        data = _data_for(policy, values)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        warranted, said = warrant.demand(view, head)
        writes: list[Write] = list(warranted)
        if policy.checked.meters:
            head, counted = first_row(context, view, head)
            writes += counted
        if reads_data:
            row = guard_row(context, view, head, DATA_POINTER)
            if (0 if row is None else row.version) != values.version:
                raise UnitRefusedError(GUARDS_MOVED, "params or tables changed meanwhile; try again")
            writes += snapshot_writes(context, view, data)
        writes += sources_write(context, view, policy.digest, policy.checked.sources)
        writes += cache_write(context.scope, context.mac, policy.digest, kept, view.rows)
        current = guard_row(context, view, head, pointer)
        version, was = (0, None) if current is None else (current.version, PolicyPointer.from_row(current))
        if held.kept != ({} if was is None else was.packs):
            raise UnitRefusedError(GUARDS_MOVED, "the locks of packs changed meanwhile; try again")
        after = PolicyPointer(
            digest=policy.digest, semantic=policy.checked.semantic_digest, seq=head.size, before=_history(was, policy.digest),
            kept=pinned, packs=held.after,
        )  # fmt: skip
        writes.append(
            Write(context.mac.seal_row(context.scope, "policy", pointer.key, version + 1, "ACTIVE", after.to_body()), version)
        )
        writes.append(guard_write(context, view, head, writes))
        draft = Draft(
            kind=EventKind.POLICY_ACTIVATED,
            body={
                "policy_digest": name,
                "semantic_digest": b64url(policy.checked.semantic_digest),
                "schema_digest": b64url(policy.schema.digest),
                "files": [source for source, _ in policy.checked.sources],
                "rules": len(policy.checked.rules),
                **({"packs": locks_json(held.after)} if held.after else {}),
                **({"locks": changed_json(held.kept, held.after)} if held.after != held.kept else {}),
                **said,
            },
            salt=salt,
            policy_digest=policy.digest,
        )
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=tuple(writes), bump_guards=True, answer=head.size
        )

    reads = tuple(dict.fromkeys((
        stored, pointer, cache_key(policy.digest), GUARD_ROSTER,
        *((DIRECTORY,) if policy.checked.meters else ()),
        *((DATA_POINTER, snapshot_key(data)) if reads_data else ()),
        *warrant.reads,
    )))  # fmt: skip
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads))
    return Activated(
        digest=policy.digest, semantic_digest=policy.checked.semantic_digest, rules=len(policy.checked.rules),
        tests=len(report.cases), seq=committed.answer, warnings=policy.checked.warnings,
    )  # fmt: skip
