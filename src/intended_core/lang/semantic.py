"""Digests of a checked set: over the text as it came in, and over what it means.

The semantic digest is made over schema and rules: sorted, desugared, without comments, layout, file names or names of rules and
variables; annotations stay. Tests do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from intended_core.canonical import canonical_json, digest
from intended_core.lang.source import Source
from intended_core.lang.typed import Approval, Meter, ObligationType, Rule, RuleBody, ScopeTest
from intended_core.lang.typeforms import type_json
from intended_core.lang.types import Schema
from intended_core.lang.walk import semantic_form

__all__ = ["semantic_digest", "text_digest"]


def text_digest(sources: Sequence[Source]) -> bytes:
    """32 bytes over name and bytes of each file, in name order."""
    pieces: list[bytes] = []
    for source in sorted(sources, key=lambda item: item.name):
        pieces += [source.name.encode("utf-8"), source.text.encode("utf-8")]
    return digest("intended.policy.text.v1", *pieces)


def semantic_digest(
    schema: Schema,
    rules: Sequence[Rule],
    tzdata: str,
    meters: Iterable[Meter] = (),
    obligations: Iterable[ObligationType] = (),
) -> bytes:
    """32 bytes over what the rules, meters and obligations mean under the schema and this version of the zone data."""
    forms = [canonical_json(_rule(rule)) for rule in sorted(rules, key=lambda item: item.id)]
    forms += [canonical_json(_meter(meter)) for meter in sorted(meters, key=lambda item: item.name)]
    forms += [canonical_json(_obligation(item)) for item in sorted(obligations, key=lambda item: item.name)]
    return digest("intended.policy.semantic.v1", schema.digest, tzdata.encode("ascii"), *forms)


def _meter(meter: Meter) -> dict[str, object]:
    return {
        "bodies": [
            [
                action,
                [semantic_form(part) for part in body.key],
                semantic_form(body.amount),
                None if body.session is None else semantic_form(body.session),
            ]
            for action, body in sorted(meter.bodies.items())
        ],
        "length": meter.length_ms,
        "meter": meter.name,
        "window": meter.window,
        "zone": None if meter.zone is None else semantic_form(meter.zone),
    }


def _obligation(item: ObligationType) -> dict[str, object]:
    return {"obligation": item.name, "params": [[name, type_json(kind)] for name, kind in item.params], "phase": item.phase}


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "annotations": dict(rule.annotations),
        "because": rule.because,
        "bodies": [[action, _body(body)] for action, body in sorted(rule.bodies.items())],
        "effect": rule.effect,
        "id": rule.id,
        "principal": _scope(rule.principal),
        "resource": _scope(rule.resource),
    }


def _scope(scope: ScopeTest) -> list[object]:
    within = None if scope.within is None else [[ref.type, ref.id] for ref in scope.within]
    return [
        None if scope.types is None else list(scope.types),
        None if scope.equal is None else [scope.equal.type, scope.equal.id],
        within,
    ]


def _body(body: RuleBody) -> list[object]:
    form: list[object] = [
        [semantic_form(clause.expr) for clause in body.clauses],
        [_approval(item) for item in body.approvals],
    ]
    if body.meter is not None:
        form.append(["meter", body.meter.meter, semantic_form(body.meter.ceiling)])
    for item in body.obliges:
        form.append(["oblige", item.name, *([name, semantic_form(value)] for name, value in item.values)])
    return form


def _approval(item: Approval) -> list[object]:
    return [
        semantic_form(item.group),
        semantic_form(item.quorum),
        None if item.exclude is None else semantic_form(item.exclude),
        semantic_form(item.expires),
        [semantic_form(condition) for condition in item.conditions],
        *([list(item.binds)] if item.binds else []),
    ]
