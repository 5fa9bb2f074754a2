"""Cedar's own engine (cedarpy, the Rust implementation) judges Cedar mode live: random policy sets with hierarchies, and hand-picked conditions.

The one difference allowed: Cedar skips a policy that errs, we deny. Where that turned a Cedar allow into our deny is counted.
"""

from __future__ import annotations

import re
from collections import Counter

import cedarpy
import pytest

from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.lang.cedar.entities import read_entities
from intended_core.lang.cedar.loading import load_cedar
from intended_core.lang.cedar.requests import read_request
from intended_core.outcome import Allow, Deny
from tests.judges.cedar_generator import SCHEMA, Generator, World
from tests.unit.intended_core.lang.cedar import cedar_support
from tests.unit.intended_core.lang.cedar.test_expressions import ACCEPTED, REFUSED

_ERRED = re.compile(r"policy `([^`]*)`")


def _judged(world: World, schema: cedarpy.Schema, counts: Counter[str], wrong: list[str], *, twice: bool) -> None:
    report = load_cedar({"p.cedar": world.policies.encode()}, ("s.cedarschema", SCHEMA.encode()), world.links)
    theirs = cedarpy.validate_policies(world.policies, schema)
    counts["sets"] += 1
    if theirs.validation_passed is not (report.loaded is not None):
        wrong.append(
            f"validation: {[str(error.error) for error in theirs.errors]}, ours:\n{report.text}\n{world.policies}"
        )
    if report.loaded is None or not theirs.validation_passed:
        counts["refused sets"] += 1
        return
    policies = cedarpy.PolicySet.from_str(world.policies)
    for link in world.links:
        policies = policies.with_linked(
            link.template, link.new_id, {slot: str(ref) for slot, ref in link.values.items()}
        )
    entities = cedarpy.Entities.from_json_str(world.entities.decode(), schema)
    snapshot = read_entities(report.loaded.schema, world.entities)
    answers = cedarpy.is_authorized_batch(list(world.requests), policies, entities, schema=schema)
    for request, answer in zip(world.requests, answers, strict=True):
        counts["decisions"] += 1
        intent = read_request(report.loaded.schema, request)
        outcome = decide(report.loaded.compiled, intent, snapshot, now_ms=0)
        erred = sorted({name for text in answer.diagnostics.errors for name in _ERRED.findall(text)[:1]})
        said = "Allow" if isinstance(outcome, Allow) else "Deny"
        if erred:
            counts["errors"] += 1
            counts["allowed although a policy erred"] += answer.decision.value == "Allow"
            same = isinstance(outcome, Deny) and outcome.kind == "error" and list(outcome.rules) == erred
        else:
            counts[answer.decision.value] += 1
            same = said == answer.decision.value and list(outcome.rules) == sorted(answer.diagnostics.reasons)
        if not same:
            wrong.append(
                f"{request}: {outcome}, Cedar: {answer.decision} {answer.diagnostics.reasons} {answer.diagnostics.errors}\n{world.policies}"
            )
        if twice:
            meaning = interpret(report.loaded.checked, intent, snapshot, now_ms=0)
            if (meaning.outcome, meaning.rules) != (said.lower(), outcome.rules):
                wrong.append(f"{request}: {outcome}, interpreter: {meaning}\n{world.policies}")


def _run(seed: int, worlds: int, requests: int, *, twice: bool) -> Counter[str]:
    generator, schema = Generator(seed), cedarpy.Schema.from_str(SCHEMA)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for _ in range(worlds):
        _judged(generator.world(policies=8, requests=requests), schema, counts, wrong, twice=twice)
        if len(wrong) > 3:
            break
    assert wrong == []
    print(f"{counts['decisions']:,} random decisions, 0 differences to Cedar but the one that is documented: {dict(counts)}")
    return counts


def test_random_sets() -> None:
    counts = _run(1, 40, 100, twice=True)
    assert counts["decisions"] > 2500
    assert min(counts["Allow"], counts["Deny"], counts["errors"], counts["allowed although a policy erred"]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_hundred_thousand_decisions(seed: int) -> None:
    assert _run(seed, 200, 200, twice=False)["decisions"] >= 25_000


def test_conditions_picked_by_hand() -> None:
    schema = cedarpy.Schema.from_str(cedar_support.SCHEMA.decode())
    wrong = []
    for text in [*ACCEPTED, *(text for text, _ in REFUSED)]:
        policy = f'permit(principal, action == Action::"view", resource) when {{ {text} }};'
        if cedarpy.validate_policies(policy, schema).validation_passed is not (text in ACCEPTED):
            wrong.append(text)
    assert wrong == []
