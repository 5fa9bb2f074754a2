"""Cedar mode of the loader: files of Cedar policies and one schema to a checked set, or diagnostics. Without a schema there is no set.

What comes out is a `CheckedPolicySet` as the native checker makes it: the same compiler, `decide` and interpreter run it, and an error in
any policy in scope denies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intended_core.canonical import digest
from intended_core.lang.cedar import ast
from intended_core.lang.cedar.checking import PolicyChecker, linked
from intended_core.lang.cedar.parser import parse_policies
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.schema import resolve_schema
from intended_core.lang.cedar.schema_json import parse_schema_json
from intended_core.lang.cedar.schema_text import parse_schema_text
from intended_core.lang.cedar.types import CedarSchema, native_type
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.diagnostics import Diagnostic, render_all
from intended_core.lang.report import Refused, Report
from intended_core.lang.source import Source, read_source
from intended_core.lang.typed import CheckedPolicySet, Rule, Span
from intended_core.lang.types import ActionDecl, EntityDecl, RecordType, Schema

__all__ = ["CedarReport", "CedarSet", "Link", "load_cedar", "load_schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A template made a policy: `template` by its id (`policyN`) or `@id`; `new_id` names it; slots are `?principal`, `?resource`."""

    template: str
    new_id: str
    values: Mapping[str, CedarRef]


@dataclass(frozen=True, slots=True, kw_only=True)
class CedarSet:
    """Cedar policies that passed strict validation, with their schema. Made only by `load_cedar`."""

    schema: CedarSchema
    policies: tuple[ast.Policy, ...]
    sources: Mapping[str, Source]
    checked: CheckedPolicySet
    compiled: CompiledPolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class CedarReport:
    """What loading found. `loaded` is None when there is an error; `text` is every diagnostic as a person reads it."""

    diagnostics: tuple[Diagnostic, ...]
    text: str
    loaded: CedarSet | None


def load_schema(name: str, data: bytes) -> CedarSchema:
    """A schema in either syntax, told apart by the name's ending (`.json` is JSON); raises Refused."""
    if name.endswith(".json"):
        return resolve_schema(parse_schema_json(name, data))
    source, problems = read_source(name, data)
    if source is None:
        raise Refused(problems[0])
    return resolve_schema(parse_schema_text(source))


def load_cedar(policies: Mapping[str, bytes], schema: tuple[str, bytes], links: Sequence[Link] = ()) -> CedarReport:
    """The set of these policy files under this schema. Never raises for what a file can hold."""
    report = Report()
    sources: dict[str, Source] = {}
    for name in sorted(policies):
        source, problems = read_source(name, policies[name])
        for problem in problems:
            report.add(problem)
        if source is not None:
            sources[name] = source
    loaded: CedarSet | None = None
    shown = list(sources.values())
    try:
        shown += [found for found in [read_source(*schema)[0]] if found is not None and not schema[0].endswith(".json")]
        cedar_schema = load_schema(*schema)
        if not report.errors:
            loaded = _load(list(sources.values()), cedar_schema, links, report)
    except Refused as error:
        report.add(error.diagnostic)
    except (RecursionError, MemoryError):
        report.error(
            "limit.memory", "the set needs more depth or memory than loading may use", Span(schema[0], 1, 1, 1, 1)
        )
    diagnostics = (*report.errors, *report.warnings)
    return CedarReport(
        diagnostics=diagnostics, text=render_all(diagnostics, shown), loaded=None if report.errors else loaded
    )


def _load(sources: Sequence[Source], schema: CedarSchema, links: Sequence[Link], report: Report) -> CedarSet | None:
    policies, problems = parse_policies(sources)
    for problem in problems:
        report.add(problem)
    if problems:
        return None
    every = [*policies, *_linked(policies, links, report)]
    by_name = {source.name: source for source in sources}
    checker = PolicyChecker(schema, report)
    rules: list[Rule] = []
    for policy in every:
        rules.extend(checker.rules(policy, by_name[policy.file]))
    if report.errors:
        return None
    texts = tuple((source.name, source.text) for source in sources)
    parts = [part.encode("utf-8", "surrogatepass") for text in texts for part in text]
    parts += [
        repr((link.template, link.new_id, sorted(map(str, link.values.items())))).encode("utf-8") for link in links
    ]
    named = digest("intended.cedar-policies/v1", schema.digest, *parts)
    native = _native(schema)
    totals = dict.fromkeys(sorted(native.actions), 0)
    for rule in rules:
        for action, body in rule.bodies.items():
            totals[action] += body.cost
    checked = CheckedPolicySet(
        pack="", schema=native, rules=tuple(sorted(rules, key=lambda rule: rule.id)), tests=(), sources=texts,
        text_digest=named, semantic_digest=named, cost=totals, warnings=report.warnings,
    )  # fmt: skip
    return CedarSet(
        schema=schema, policies=tuple(every), sources=by_name, checked=checked, compiled=compile_set(checked)
    )


def _linked(policies: Sequence[ast.Policy], links: Sequence[Link], report: Report) -> list[ast.Policy]:
    taken = {policy.id for policy in policies}
    made: list[ast.Policy] = []
    for link in links:
        found = [policy for policy in policies if policy.id == link.template] or [
            policy for policy in policies if policy.annotations.get("id") == link.template
        ]
        template = found[0] if len(found) == 1 else None
        new = None if template is None else linked(template, link.new_id, tuple(link.values.items()))
        span = template.span if template is not None else Span("links", 1, 1, 1, 1)
        if template is None:
            report.error("name.unknown", f"there is no one template `{link.template}`", span)
        elif new is None:
            report.error(
                "field.missing", f"`{link.new_id}` must fill exactly {', '.join(template.slots) or 'no slot'}", span
            )
        elif link.new_id in taken:
            report.error("name.duplicate", f"the policy `{link.new_id}` is there already", span)
        else:
            taken.add(link.new_id)
            made.append(new)
    return made


def _native(schema: CedarSchema) -> Schema:
    entities: dict[str, EntityDecl] = {}
    for name, info in schema.entities.items():
        attributes = native_type(info.attributes)
        held = attributes if isinstance(attributes, RecordType) else RecordType()
        entities[name] = EntityDecl(name, tuple(sorted(info.ancestors)), held, root=True)
    for ref in schema.actions:
        entities.setdefault(ref.type, EntityDecl(ref.type, (ref.type,), RecordType(), root=False))
    actions: dict[str, ActionDecl] = {}
    for ref, action in schema.actions.items():
        context = native_type(action.context)
        held = context if isinstance(context, RecordType) else RecordType()
        actions[str(ref)] = ActionDecl(str(ref), action.principals, action.resources, RecordType(), held)
    return Schema(entities=entities, actions=actions, digest=schema.digest)
