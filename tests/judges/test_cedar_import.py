"""What `import cedar` writes decides as Cedar does: nine sample applications on every request, and random sets as far as they can be said.

Natively an entity that is not known denies, and so does an error; where Cedar's own engine met an error, the answers are not compared.
"""

from __future__ import annotations

from collections import Counter

import cedarpy
import pytest

from intended_core import (
    Deny,
    IntentError,
    PolicyError,
    cedar_entities,
    decide_cedar,
    entities_from_json,
    import_cedar,
    imported_intent,
    load_cedar,
)
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.ids import Scope
from intended_core.lang.checker import check
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from tests.judges.cedar_generator import SCHEMA, WORDS, Generator
from tests.judges.cedar_world import needs_vectors
from tests.judges.test_cedar_examples import FOLDERS, application, cross

SCOPE = Scope("t", "0" * 32, "test")


@needs_vectors
@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_sample_applications(name: str) -> None:
    app = application(FOLDERS[name])
    loaded = app.load()
    ours = cedar_entities(loaded, app.entities.encode())
    imported = import_cedar(loaded, ours)
    assert imported.entities is not None
    checked = check([Source.from_text("cedar.policy", imported.policy)])
    compiled = compile_set(checked)
    entities = {entity.ref: entity for entity in entities_from_json(imported.entities)}
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="x", entities=entities))
    policies, schema = app.cedar()
    theirs = cedarpy.Entities.from_json_str(app.entities, schema)
    judged = 0
    for request in cross(loaded, app):
        answer = cedarpy.is_authorized(request, policies, theirs, schema=schema)
        if answer.decision.value == "NoDecision":
            continue
        assert answer.diagnostics.errors == []
        outcome = decide_cedar(loaded, ours, request)
        native = decide(
            compiled, validate(checked.schema, SCOPE, imported_intent(loaded, imported, request)), snapshot, now_ms=0
        )
        judged += 1
        assert isinstance(native, Deny) is isinstance(outcome, Deny) is (answer.decision.value == "Deny"), request
        assert not isinstance(native, Deny) or native.kind != "error", request
        assert {imported.rules[rule] for rule in native.rules} == set(outcome.rules)
    print(name, judged)
    assert judged >= len(app.requests)


def _random(seed: int, worlds: int) -> Counter[str]:
    words = {
        "decimal": WORDS["decimal"], "ipaddr": [text for text in WORDS["ipaddr"] if text != "ff02::1/64"],
        "datetime": [text for text in WORDS["datetime"] if not text.startswith("0000")], "duration": ["0s", "1d2h", "-1ms", "90m"],
    }  # fmt: skip
    generator = Generator(
        seed,
        ids=["a", "b", "c", "d"],
        told=["a", "b", "c", "d"],
        longs=[-7, -1, 0, 1, 2, 5, 2**53 - 1],
        words=words,
        whole=True,
    )
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for _ in range(worlds):
        world = generator.world(policies=2, requests=25)
        report = load_cedar({"p.cedar": world.policies.encode()}, ("s.cedarschema", SCHEMA.encode()), world.links)
        if report.loaded is None:
            continue
        ours = cedar_entities(report.loaded, world.entities)
        try:
            imported = import_cedar(report.loaded, ours)
        except PolicyError as error:
            counts["cannot be said"] += 1
            assert error.diagnostics
            continue
        except IntentError:
            counts["entities that cannot be held"] += 1
            continue
        assert imported.entities is not None
        checked = check([Source.from_text("cedar.policy", imported.policy)])
        compiled = compile_set(checked)
        entities = {entity.ref: entity for entity in entities_from_json(imported.entities)}
        snapshot = type_snapshot(checked.schema, EntitySnapshot(version="x", entities=entities))
        counts["sets"] += 1
        for request in world.requests:
            outcome = decide_cedar(report.loaded, ours, request)
            try:
                intent = validate(checked.schema, SCOPE, imported_intent(report.loaded, imported, request))
            except IntentError:
                counts["intents that cannot be held"] += 1
                continue
            native = decide(compiled, intent, snapshot, now_ms=0)
            if isinstance(native, Deny) and native.kind == "error":
                counts["native errors"] += 1  # closed: an entity that is not known, an overflow
            elif isinstance(outcome, Deny) and outcome.kind == "error":
                counts["cedar errors"] += 1
                # what Cedar's engine skips matches nothing natively either: it may only have been folded away
            else:
                counts["allow" if not isinstance(native, Deny) else "deny"] += 1
                if isinstance(native, Deny) is not isinstance(outcome, Deny):
                    wrong.append(f"{request}: {native}, Cedar mode: {outcome}\n{world.policies}\n{imported.policy}")
        if len(wrong) > 2:
            break
    print(dict(counts))
    assert wrong == []
    return counts


def test_random_sets() -> None:
    counts = _random(1, 60)
    assert counts["sets"] > 10
    assert min(counts["allow"], counts["deny"]) > 20


@pytest.mark.slow
def test_many_random_sets() -> None:
    assert _random(2, 500)["sets"] > 250
