"""What tools need beside the authority: check, test and decide without a store; plain data in and out.

Everything here takes bytes or text that may be hostile and answers typed values or raises one of our errors with the place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.canonical import Json, canonical_json, parse_strict
from intended_core.engine.offline import Offline, said, typed_world
from intended_core.entities import Entity
from intended_core.errors import IntentError, PolicyError
from intended_core.flows.policytests import TestReport, run_tests
from intended_core.flows.rows import plain
from intended_core.ids import EntityRef
from intended_core.intent import Call, Intent
from intended_core.lang.checker import check_all
from intended_core.lang.diagnostics import Diagnostic, render_all
from intended_core.lang.intents import intent_from_json
from intended_core.lang.source import Source, read_source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.outcome import Allow, Deny, Escalate

__all__ = [
    "CheckReport",
    "call_from_json",
    "check_policies",
    "checked_policies",
    "decide_offline",
    "entities_from_json",
    "entities_json",
    "entity_ref",
    "intent_from_json",
    "outcome_json",
    "parse_json",
    "test_policies",
]

MAX_JSON_BYTES: Final = 16 * 1024 * 1024
_REF: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_:]*)::"((?:[^"\\]|\\["\\])*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `check` found. `text`: every diagnostic as a person reads it. `checked` is None when there is an error."""

    diagnostics: tuple[Diagnostic, ...]
    text: str
    checked: CheckedPolicySet | None


def check_policies(files: Mapping[str, bytes]) -> CheckReport:
    """Check a policy set: file name -> bytes. Never raises for what a file can hold."""
    sources: list[Source] = []
    found: list[Diagnostic] = []
    for name in sorted(files):
        source, problems = read_source(name, files[name])
        found.extend(problems)
        if source is not None:
            sources.append(source)
    checked: CheckedPolicySet | None = None
    if not found:
        checked, more = check_all(sources)
        found.extend(more)
    return CheckReport(diagnostics=tuple(found), text=render_all(found, sources), checked=checked)


def checked_policies(files: Mapping[str, bytes]) -> CheckedPolicySet:
    """The checked set; raises PolicyError with every diagnostic."""
    report = check_policies(files)
    if report.checked is None:
        raise PolicyError(report.text, diagnostics=report.diagnostics)
    return report.checked


def test_policies(files: Mapping[str, bytes], *, only: str = "") -> TestReport:
    """Run the tests that a policy set carries, those whose name holds `only`; raises PolicyError when it does not check."""
    return run_tests(checked_policies(files), only=only)


test_policies.__test__ = False  # type: ignore[attr-defined]  # a name that test runners must not collect


def decide_offline(
    files: Mapping[str, bytes],
    intent: Intent,
    entities: Sequence[Entity],
    *,
    now_us: int,
    params: Mapping[str, object] | None = None,
    tables: Mapping[str, object] | None = None,
) -> Allow | Escalate | Deny:
    """What a policy set says about an intent, without a store: grants nothing, mints nothing, records nothing.

    The compiled engine and the interpreter must agree. Raises PolicyError, IntentError.
    """
    checked = checked_policies(files)
    offline = Offline.of(checked).given(params or {}, tables or {}, now_ms=now_us // 1000)
    return offline.decide(intent, typed_world(checked, entities), now_ms=now_us // 1000)


def outcome_json(outcome: Allow | Escalate | Deny) -> dict[str, Json]:
    """An outcome as plain data; never a token."""
    shown: dict[str, Json] = {
        "outcome": said(outcome),
        "rules": list(outcome.rules),
        "reasons": [{"rule": r.rule, "text": r.text, "place": r.place} for r in outcome.reasons],
    }
    if outcome.obligations:
        shown["obligations"] = [
            {"name": one.name, "phase": one.phase, "values": _plain(one.values)} for one in outcome.obligations
        ]
    if isinstance(outcome, Deny):
        shown["class"] = outcome.kind
    if isinstance(outcome, Escalate):
        shown["alternatives"] = [
            [
                {
                    "key": need.key, "group": str(need.group), "quorum": need.quorum,
                    "exclude": [str(ref) for ref in sorted(need.exclude)], "expires_ms": need.expires_ms,
                }
                for need in alternative
            ]
            for alternative in outcome.alternatives
        ]  # fmt: skip
    return shown


def _plain(values: Mapping[str, object]) -> Json:
    """Values in wire form as JSON."""
    return parse_strict(canonical_json(dict(values)), max_bytes=MAX_JSON_BYTES)


def entity_ref(text: str) -> EntityRef:
    """The entity in its written form, `User::"ann"`; raises IntentError."""
    found = _REF.fullmatch(text)
    if found is None:
        raise IntentError("""an entity is written Type::"id", for example 'User::"ann"'""", place=text[:80])
    return EntityRef(found[1], re.sub(r'\\(["\\])', r"\1", found[2]))


def _ref(value: Json, place: str) -> EntityRef:
    if not isinstance(value, dict) or value.keys() != {"type", "id"}:
        raise IntentError('an entity is {"type": …, "id": …}', place=place)
    kind, name = value["type"], value["id"]
    if not isinstance(kind, str) or not isinstance(name, str):
        raise IntentError('an entity is {"type": …, "id": …}', place=place)
    return EntityRef(kind, name)


def _refs(value: Json) -> object:
    if isinstance(value, dict):
        if value.keys() == {"__entity"}:
            return _ref(value["__entity"], "attributes")
        return {name: _refs(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_refs(item) for item in value]
    return value


def entities_from_json(data: bytes) -> list[Entity]:
    """Entities from strict JSON: `[{"type", "id", "parents": [{"type","id"}], "attributes": {…}}]`; raises IntentError."""
    value = parse_strict(data, max_bytes=MAX_JSON_BYTES)
    if not isinstance(value, list):
        raise IntentError("a list of entities is needed", place="entities")
    made: list[Entity] = []
    for at, item in enumerate(value):
        place = f"entities[{at}]"
        if not isinstance(item, dict) or not {"type", "id"} <= item.keys() <= {"type", "id", "parents", "attributes"}:
            raise IntentError("an entity has type, id, and optionally parents and attributes", place=place)
        parents, attributes = item.get("parents", []), _refs(item.get("attributes", {}))
        if not isinstance(parents, list) or not isinstance(attributes, dict):
            raise IntentError("parents are a list, attributes an object", place=place)
        ref = _ref({"type": item["type"], "id": item["id"]}, place)
        made.append(Entity(ref=ref, parents=frozenset(_ref(p, place) for p in parents), attributes=attributes))
    return made


def entities_json(entities: Sequence[Entity]) -> list[Json]:
    """Entities as `entities_from_json` takes them."""
    return [
        {
            "type": entity.ref.type, "id": entity.ref.id,
            "parents": [{"type": parent.type, "id": parent.id} for parent in sorted(entity.parents)],
            "attributes": plain(dict(entity.attributes), str(entity.ref)),
        }
        for entity in entities
    ]  # fmt: skip


def parse_json(data: bytes) -> Json:
    """Strict JSON (no duplicate keys, no NaN, at most 16 MiB); raises IntentError."""
    return parse_strict(data, max_bytes=MAX_JSON_BYTES)


def call_from_json(data: bytes) -> Call:
    """A call from strict JSON: `{"action", "resource": {"type","id"}, "args": {…}}`; raises IntentError."""
    value = parse_strict(data, max_bytes=MAX_JSON_BYTES)
    if not isinstance(value, dict) or not {"action", "resource"} <= value.keys() <= {"action", "resource", "args"}:
        raise IntentError("a call has action, resource and args", place="call")
    action, args = value["action"], value.get("args", {})
    if not isinstance(action, str) or not isinstance(args, dict):
        raise IntentError("action is a string, args an object", place="call")
    return Call(action=action, resource=_ref(value["resource"], "resource"), args=args)
