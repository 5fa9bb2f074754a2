"""decide against random sets, worlds, intents and faults: it always answers, and no Allow comes out of an error."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intended_core import Allow, Deny, Entity, Escalate, Intent
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.typed import CheckedPolicySet
from tests.property.test_two_meanings import NOW_MS, checked_set, intents, rules, worlds

QUIET = [HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large]
# rules that err for some intents and worlds, or for all
ERRING = st.sampled_from(
    [
        "permit NAME { action == act; when args.n + 9_223_372_036_854_775_807 > 0; }",
        "permit NAME { action == act; when args.d * 999_999_999.0 * 999_999_999.0 > 0.0; }",
        'forbid NAME { action == act; when args.b and principal.boss.name == "a"; }',
        "permit NAME { action == act; when principal.boss.boss.vip or true; }",
        'permit NAME { action == act; when true; approval { from: Group::"board"; quorum: args.n; expires: 1h; } }',
        'escalate NAME { action == act; approval { from: Group::"board"; quorum: args.n - 1; expires: 1h; } }',
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=3), st.floats(), st.just(object()), st.just(frozenset()))


class Trouble(Exception):
    """What no one has foreseen."""


FAULTS = st.sampled_from([Trouble, RecursionError, MemoryError, KeyError, ZeroDivisionError, StopIteration, SystemError, AssertionError])


@st.composite
def sets(draw: st.DrawFn) -> CheckedPolicySet:
    """A set of random rules with erring ones among them."""
    return checked_set([*draw(st.lists(rules(), min_size=1, max_size=3)), *draw(st.lists(ERRING, max_size=2)),
                        "permit NAME { action == act; when args.n < 99_999; }"])  # fmt: skip


def _met(checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent) -> tuple[CompiledPolicySet, ValidIntent, TypedSnapshot]:
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="w", entities={entity.ref: entity for entity in world}))
    return compile_set(checked), validate(checked.schema, TEST_SCOPE, intent), snapshot


APPROVED = st.sets(st.sampled_from([f"r{n:02d}#1" for n in range(6)])).map(frozenset)


@given(sets(), worlds(), intents(), APPROVED)
@settings(max_examples=30, suppress_health_check=QUIET)
def test_no_allow_where_the_interpreter_errs(
    checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent, approved: frozenset[str]
) -> None:
    compiled, valid, snapshot = _met(checked, world, intent)
    found = decide(compiled, valid, snapshot, now_ms=NOW_MS, approved=approved)
    meant = interpret(checked, valid, snapshot, now_ms=NOW_MS, approved=approved)
    if meant.kind == "error":
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("error", meant.rules)
    else:
        assert not isinstance(found, Deny) or found.kind == meant.kind


@given(sets(), worlds(), intents(), FAULTS, st.booleans(), st.integers(0, 5))
@settings(max_examples=30, suppress_health_check=QUIET)
def test_any_fault_in_a_condition_denies(
    checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent, fault: type[Exception], fused: bool, at: int
) -> None:
    compiled, valid, snapshot = _met(checked, world, intent)
    reached: list[bool] = []

    def broken(*_: object) -> bool:
        reached.append(True)
        raise fault("made up")

    index = {}
    for key, bucket in compiled.index.items():
        general = list(bucket.general)
        if general:
            general[at % len(general)] = dataclasses.replace(general[at % len(general)], condition=broken)
        index[key] = dataclasses.replace(bucket, general=tuple(general))
    # a fused plan that breaks hands over to the general loop
    plans = {"act": broken} if fused else {}
    broken_set = dataclasses.replace(compiled, index=index, plans=plans)  # type: ignore[arg-type]
    reached.clear()
    found = decide(broken_set, valid, snapshot, now_ms=NOW_MS)
    assume(len(reached) > fused)
    assert isinstance(found, Deny)
    assert found.kind == "error"


def _spoiled(value: object, path: list[str], leaf: object) -> object:
    if isinstance(value, Mapping) and path:
        return {**value, path[0]: _spoiled(value.get(path[0]), path[1:], leaf)}
    return leaf


@given(sets(), worlds(), intents(), st.sampled_from(["args", "context", "attributes"]), st.data())
@settings(max_examples=30, suppress_health_check=QUIET)
def test_values_that_no_door_lets_in_are_answered_all_the_same(
    checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent, where: str, data: st.DataObject
) -> None:
    """The doors make such values impossible; if one ever came through, decide still answers, and the answer has its type."""
    compiled, valid, snapshot = _met(checked, world, intent)
    leaf = data.draw(LEAVES)
    if where == "attributes":
        ref = data.draw(st.sampled_from(sorted(snapshot.attributes, key=str)))
        held = snapshot.attributes[ref]
        name = data.draw(st.sampled_from(sorted(held) or ["none"]))
        snapshot = dataclasses.replace(snapshot, attributes={**snapshot.attributes, ref: {**held, name: leaf}})
    else:
        held = getattr(valid, where)
        name = data.draw(st.sampled_from(sorted(held)))
        spoiled = _spoiled(held, [name], leaf) if data.draw(st.booleans()) else {key: held[key] for key in held if key != name}
        valid = dataclasses.replace(valid, **{where: spoiled})  # type: ignore[arg-type]
    assert isinstance(decide(compiled, valid, snapshot, now_ms=NOW_MS), Allow | Escalate | Deny)


def test_the_targets_reach_errors_and_allows() -> None:
    seen: set[str] = set()

    @settings(max_examples=40, database=None, derandomize=True, suppress_health_check=QUIET)
    @given(sets(), worlds(), intents())
    def collect(checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent) -> None:
        compiled, valid, snapshot = _met(checked, world, intent)
        found = decide(compiled, valid, snapshot, now_ms=NOW_MS)
        seen.add(found.kind if isinstance(found, Deny) else type(found).__name__)

    collect()
    assert seen >= {"error", "forbid", "Allow", "Escalate"}
