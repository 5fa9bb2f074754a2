"""Cedar mode for hosts and tools: load Cedar's own policies and schema, decide Cedar's own requests, and fail closed.

    report = load_cedar({"app.cedar": policies}, ("app.cedarschema", schema))
    entities = cedar_entities(report.loaded, entities_json)
    outcome = decide_cedar(report.loaded, entities, {"principal": 'User::"ann"', "action": 'Action::"view"', "resource": 'Photo::"a"'})

Differs from Cedar in one point: where Cedar skips a policy that errs, the answer here is Deny.
"""

from __future__ import annotations

from collections.abc import Mapping

from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.errors import IntentError, PolicyError
from intended_core.lang.cedar.entities import read_entities
from intended_core.lang.cedar.loading import CedarReport, CedarSet, load_cedar
from intended_core.lang.cedar.loading import Link as CedarLink
from intended_core.lang.cedar.plain import read_json
from intended_core.lang.cedar.requests import parse_ref, read_request
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.outcome import Allow, Deny, Escalate

__all__ = [
    "CedarLink",
    "CedarReport",
    "CedarSet",
    "cedar_entities",
    "cedar_links_from_json",
    "decide_cedar",
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
