"""The corpus once more, for the engine: every good file of it and every story decides intents made from its own schema.

Seeded, so that the same questions are asked each time. Both meanings give one answer, nothing but an answer comes out, and no Allow where
the interpreter errs. A set that once made the two differ becomes a file of the corpus.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

import pytest

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent, IntentError
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.data import NO_DATA, DataSnapshot, TableRows, type_data
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.source import read_source
from intended_core.lang.surroundings import Surroundings
from intended_core.lang.typed import CheckedPolicySet
from tests.fuzz.test_policy_bytes import CORPUS, STORIES
from tests.reference.plain_values import NAMES, plain

NOW_MS = 1_795_000_000_000
QUESTIONS = 60  # of each action
ALL = {**CORPUS, **STORIES}


@cache
def loaded(name: str) -> tuple[CheckedPolicySet, CompiledPolicySet] | None:
    source, _ = read_source(name, ALL[name])
    checked = None if source is None else check_all([source])[0]
    return None if checked is None else (checked, compile_set(checked))


GOOD = sorted(name for name in ALL if loaded(name) is not None)


def a_world(checked: CheckedPolicySet, random: Random) -> TypedSnapshot:
    """Two entities of each type, each in what it may be in, but for those that come later: no circles. "ghost" is never there."""
    entities: dict[EntityRef, Entity] = {}
    named = [ref for test in checked.tests for one in test.entities for ref in (one.ref, *one.parents)]
    refs = sorted({EntityRef(kind, name) for kind in checked.schema.entities for name in ("a", "b")} | set(named))
    for at, ref in enumerate(refs):
        declared = checked.schema.entities[ref.type]
        above = [one for one in refs[at + 1 :] if one.type in declared.parents and random.random() < 0.5]
        attributes = plain(declared.attributes, random)
        entities[ref] = Entity(ref=ref, parents=frozenset(above), attributes=attributes)  # type: ignore[arg-type]
    return type_snapshot(checked.schema, EntitySnapshot(version="w", entities=entities))


def some_data(checked: CheckedPolicySet, random: Random) -> DataSnapshot:
    """Values of params and rows of tables; some are missing, some old."""
    schema = checked.schema
    if not schema.params and not schema.tables:
        return NO_DATA
    params = {name: plain(found.type, random) for name, found in schema.params.items() if random.random() < 0.8}
    ages = (0, 3_600_000, 400 * 86_400_000)
    tables = {
        name: TableRows(rows=plain(found.type, random), updated_ms=NOW_MS - random.choice(ages))
        for name, found in schema.tables.items() if random.random() < 0.8
    }  # fmt: skip
    return type_data(schema, version="1", params=params, tables=tables)


def somebody(kinds: tuple[str, ...], known: list[EntityRef], random: Random) -> EntityRef:
    """One of the file's own entities, or one that nobody named."""
    fitting = [ref for ref in known if ref.type in kinds]
    return random.choice(fitting) if fitting and random.random() < 0.7 else EntityRef(random.choice(kinds), random.choice(NAMES))


@pytest.mark.parametrize("name", GOOD)
def test_every_good_file_decides_as_it_means(name: str) -> None:
    ask(name)


def ask(name: str) -> Counter[str]:
    """The answers to the questions, counted."""
    pair = loaded(name)
    assert pair is not None
    checked, compiled = pair
    seen: Counter[str] = Counter()
    known = sorted({one.ref for test in checked.tests for one in test.entities})
    for action in checked.schema.actions.values():
        for number in range(QUESTIONS):
            random = Random(f"{name} {action.name} {number}")  # noqa: S311 - questions, no secret
            try:
                snapshot, data = a_world(checked, random), some_data(checked, random)
                valid = validate(checked.schema, TEST_SCOPE, Intent(
                    principal=somebody(action.principals, known, random), action=action.name, resource=somebody(action.resources, known, random),
                    args=plain(action.args, random), context=plain(action.context, random),  # type: ignore[arg-type]
                ))  # fmt: skip
            except IntentError:
                seen["refused"] += 1
                continue
            readings = {meter: random.choice((0, 9, 10**12)) for meter in checked.meters if random.random() < 0.9}
            approved = frozenset(key for _, key in compiled.approvals if random.random() < 0.3)
            around = Surroundings(tenant="acme", data=data.cells)
            given = {"now_ms": NOW_MS, "approved": approved, "readings": readings, "surroundings": around}
            fast = decide(compiled, valid, snapshot, **given)  # type: ignore[arg-type]
            slow = interpret(checked, valid, snapshot, **given)  # type: ignore[arg-type]
            assert isinstance(fast, Allow | Escalate | Deny)
            kind = fast.kind if isinstance(fast, Deny) else ""
            assert (type(fast).__name__.lower(), kind, fast.rules) == (slow.outcome, slow.kind, slow.rules), (name, action.name, number)
            seen[kind or slow.outcome] += 1
    return seen


def test_the_questions_reach_every_answer() -> None:
    found = sum((ask(name) for name in GOOD), Counter())
    assert len(GOOD) >= 16
    assert found["refused"] < 0.2 * found.total(), found
    assert min(found[kind] for kind in ("allow", "escalate", "forbid", "default", "error")) > 10, found
