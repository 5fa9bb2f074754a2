"""Cedar mode for hosts and tools: load Cedar's own policies and schema, decide Cedar's own requests, and fail closed.

    report = load_cedar({"app.cedar": policies}, ("app.cedarschema", schema))
    entities = cedar_entities(report.loaded, entities_json)
    outcome = decide_cedar(report.loaded, entities, {"principal": 'User::"ann"', "action": 'Action::"view"', "resource": 'Photo::"a"'})

Differs from Cedar in one point: where Cedar skips a policy that errs, the answer here is Deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.errors import IntentError, PolicyError
from intended_core.intent import Intent
from intended_core.lang.cedar.entities import read_entities
from intended_core.lang.cedar.importing import import_set
from intended_core.lang.cedar.loading import CedarReport, CedarSet, load_cedar
from intended_core.lang.cedar.loading import Link as CedarLink
from intended_core.lang.cedar.native_entities import native_entities, native_intent
from intended_core.lang.cedar.plain import read_json
from intended_core.lang.cedar.requests import parse_ref, read_request
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.outcome import Allow, Deny, Escalate

__all__ = [
    "CedarImport",
    "CedarLink",
    "CedarReport",
    "CedarSet",
    "cedar_entities",
    "cedar_links_from_json",
    "decide_cedar",
    "import_cedar",
    "imported_intent",
    "load_cedar",
]


def cedar_entities(loaded: CedarSet, data: bytes) -> TypedSnapshot:
    """Cedar's entities (a JSON list) as the schema accepts them, for any number of requests; raises IntentError with the place."""
    return read_entities(loaded.schema, data)


def decide_cedar(loaded: CedarSet, entities: TypedSnapshot, request: Mapping[str, object]) -> Allow | Deny:
    """What the policies say about Cedar's `request` (principal, action, resource, context) among `entities`.

    Grants nothing, records nothing. `rules` of the outcome are policy ids. The compiled engine and the interpreter must agree. Raises
    IntentError when request or entities do not fit the schema, PolicyError when the two meanings differ.
    """
    intent = read_request(loaded.schema, request)
    outcome = decide(loaded.compiled, intent, entities, now_ms=0)
    meaning = interpret(loaded.checked, intent, entities, now_ms=0)
    said = "allow" if isinstance(outcome, Allow) else "deny"
    kind = outcome.kind if isinstance(outcome, Deny) else ""
    if isinstance(outcome, Escalate) or (said, kind, outcome.rules) != (meaning.outcome, meaning.kind, meaning.rules):
        raise PolicyError("the compiled engine and the interpreter disagree about this request; do not use this set")
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CedarImport:
    """Cedar policies in the native language. `policy`: the text of one file, already checked. `entities`: their JSON, when some were given.

    `rules`: native rule id -> Cedar policy id. `types`, `actions`: Cedar's name -> the native one.
    """

    policy: str
    entities: bytes | None
    rules: Mapping[str, str]
    types: Mapping[str, str]
    actions: Mapping[str, str]


def import_cedar(loaded: CedarSet, entities: TypedSnapshot | None = None) -> CedarImport:
    """The set, and its entities, as the native language and `intended` read them.

    Raises PolicyError with a diagnostic for every policy that the native language cannot say, IntentError for entities that it cannot hold.
    """
    imported = import_set(loaded)
    plain = None if entities is None else native_entities(loaded.schema, entities, imported)
    return CedarImport(
        policy=imported.text, entities=None if plain is None else orjson.dumps(plain, option=orjson.OPT_INDENT_2) + b"\n",
        rules=imported.rules, types=imported.names.types,
        actions={str(ref): name for ref, name in imported.names.actions.items() if loaded.schema.actions[ref].principals},
    )  # fmt: skip


def imported_intent(loaded: CedarSet, imported: CedarImport, request: Mapping[str, object]) -> Intent:
    """Cedar's `request` as an intent for the imported policies; raises IntentError when it does not fit the schema."""
    intent = read_request(loaded.schema, request)
    return native_intent(loaded.schema, intent, types=imported.types, actions=imported.actions)


def cedar_links_from_json(data: bytes) -> tuple[CedarLink, ...]:
    """Template links as Cedar's command line keeps them: `[{"template_id", "link_id", "args": {"?principal": …}}]`; raises IntentError."""
    value = read_json(data, "links")
    if not isinstance(value, list):
        raise IntentError("a list of links is needed", place="links")
    made: list[CedarLink] = []
    for at, item in enumerate(value):
        place = f"links[{at}]"
        if (
            not isinstance(item, dict)
            or item.keys() != {"template_id", "link_id", "args"}
            or not isinstance(item["args"], dict)
        ):
            raise IntentError("a link has template_id, link_id and args", place=place)
        values = {slot: parse_ref(str(text), f"{place}.args.{slot}") for slot, text in item["args"].items()}
        made.append(CedarLink(template=str(item["template_id"]), new_id=str(item["link_id"]), values=values))
    return tuple(made)
