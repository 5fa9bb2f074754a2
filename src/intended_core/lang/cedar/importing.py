"""`import cedar`: a validated Cedar set as native policy text that decides the same, or nothing at all.

Each policy becomes one rule, or several where its meaning depends on the kind of request. What is written is checked by the native
checker before anybody sees it. Differences that remain are the native language's own: an error denies, an entity that is not known denies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.errors import PolicyError
from intended_core.lang.cedar.ast import Policy
from intended_core.lang.cedar.loading import CedarSet
from intended_core.lang.cedar.native_expr import NativeWriter, bare
from intended_core.lang.cedar.native_names import NativeNames, action_word, native_names, native_string, schema_text
from intended_core.lang.checker import check, check_all
from intended_core.lang.diagnostics import Diagnostic, render_all
from intended_core.lang.formatter import format_text
from intended_core.lang.report import Refused, refuse
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet, Rule, ScopeTest, Span, Unary

__all__ = ["ImportedSet", "import_set"]

FILE: Final = "cedar.policy"
_ID: Final = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSet:
    """Native policy text made from a Cedar set. `rules`: the policy that each native rule id comes from."""

    text: str
    names: NativeNames
    rules: Mapping[str, str]
    checked: CheckedPolicySet


@dataclass(frozen=True, slots=True)
class _Said:
    """What a rule says for one kind of request; equal ones are written once."""

    conditions: tuple[str, ...]
    principal: ScopeTest
    resource: ScopeTest


def import_set(loaded: CedarSet) -> ImportedSet:
    """The set as native text; raises PolicyError with a diagnostic for each policy that cannot be said, at its place in the Cedar file."""
    problems: list[Diagnostic] = []
    whole = Span("schema", 1, 1, 1, 1)
    try:
        names = native_names(loaded.schema, whole)
        text = schema_text(loaded.schema, names, whole)
    except Refused as error:
        raise _failed([error.diagnostic], loaded) from None
    writer = NativeWriter(loaded.schema, names)
    rules: dict[str, Policy] = {}
    parts = [f"# from Cedar: {', '.join(loaded.sources)}\n\n{text}"]
    ids = _ids(loaded)
    for policy in loaded.policies:
        made = [rule for rule in loaded.checked.rules if rule.id == policy.id]
        try:
            for at, body in enumerate(_rules(policy, made, loaded, writer)):
                native = ids[policy.id] if at == 0 else f"{ids[policy.id]}.{at + 1}"
                while native in rules or (at > 0 and native in ids.values()):
                    native += "_"
                rules[native] = policy
                parts.append(_rule(policy, native, len(rules), body))
        except Refused as error:
            problems.append(error.diagnostic)
    if problems:
        raise _failed(problems, loaded)
    whole_text = "\n".join(parts)
    checked, found = check_all([Source.from_text(FILE, whole_text)])
    if checked is None:
        raise _failed(_back(found, rules, whole_text), loaded)
    whole_text = format_text(whole_text)
    checked = check([Source.from_text(FILE, whole_text)])  # what it says, at the places where it now stands
    return ImportedSet(
        text=whole_text, names=names, rules={name: policy.id for name, policy in rules.items()}, checked=checked
    )


def _failed(problems: list[Diagnostic], loaded: CedarSet) -> PolicyError:
    return PolicyError(render_all(problems, loaded.sources.values()), diagnostics=problems)


def _back(found: tuple[Diagnostic, ...], rules: Mapping[str, Policy], text: str) -> list[Diagnostic]:
    """The native checker's words, at the place of the Cedar policy whose rule they are about."""
    lines = text.split("\n")
    told: list[Diagnostic] = []
    for item in (each for each in found if each.severity == "error"):
        name = next(
            (m[1] for line in reversed(lines[: item.span.line]) if (m := re.match(r'@id\("([^"]*)"\)', line))), ""
        )
        policy = rules.get(name)
        where = Span("schema", 1, 1, 1, 1) if policy is None else policy.span
        what = "the schema" if policy is None else f"`{policy.id}`"
        told.append(
            Diagnostic(
                code=item.code,
                message=f"{what} cannot be said in the native language: {item.message}",
                span=where,
                help=item.help,
            )
        )
    return told


def _ids(loaded: CedarSet) -> dict[str, str]:
    wanted = {policy.id: policy.annotations.get("id", "") for policy in loaded.policies}
    made: dict[str, str] = {}
    taken: set[str] = set()
    for policy in loaded.policies:
        own = wanted[policy.id]
        usable = _ID.fullmatch(own) is not None and not set(own) & set('#"\\') and list(wanted.values()).count(own) == 1
        name = own if usable else re.sub(r"[^A-Za-z0-9_.-]", "_", policy.id)
        while name in taken:
            name += "_"
        taken.add(name)
        made[policy.id] = name
    return made


def _rules(policy: Policy, rules: list[Rule], loaded: CedarSet, writer: NativeWriter) -> Iterator[list[str]]:
    """The scopes and conditions of each native rule that the policy needs."""
    said: dict[_Said, dict[str, set[tuple[str, str]]]] = {}
    for rule in rules:
        for action, body in rule.bodies.items():
            texts: list[str] | None = []
            for clause in body.clauses:
                inner = (
                    clause.expr.operand if isinstance(clause.expr, Unary) and clause.kind == "unless" else clause.expr
                )
                found = writer.condition(inner)
                if found is (clause.kind == "unless"):
                    texts = None
                    break
                if isinstance(found, str) and texts is not None:
                    texts.append(f"{clause.kind} {bare(found)};")
            if texts is None:
                continue
            key = _Said(tuple(texts), _untyped(rule.principal), _untyped(rule.resource))
            pair = ((rule.principal.types or ("",))[0], (rule.resource.types or ("",))[0])
            said.setdefault(key, {}).setdefault(action, set()).add(pair)
    for key, by_action in said.items():
        same: dict[frozenset[tuple[str, str]], list[str]] = {}
        for action, pairs in by_action.items():
            for part in _products(pairs):
                same.setdefault(part, []).append(action)
        for pairs_, actions in same.items():
            yield _lines(policy, key, pairs_, sorted(actions), loaded, writer)


def _untyped(scope: ScopeTest) -> ScopeTest:
    return ScopeTest(equal=scope.equal, within=scope.within)


def _products(pairs: set[tuple[str, str]]) -> list[frozenset[tuple[str, str]]]:
    """The pairs as a product of principals and resources where they are one, else by principal."""
    principals, resources = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    if len(pairs) == len(principals) * len(resources):
        return [frozenset(pairs)]
    return [frozenset(pair for pair in pairs if pair[0] == one) for one in sorted(principals)]


def _lines(
    policy: Policy,
    said: _Said,
    pairs: frozenset[tuple[str, str]],
    actions: list[str],
    loaded: CedarSet,
    writer: NativeWriter,
) -> list[str]:
    by_name = {str(ref): ref for ref in loaded.schema.actions}
    infos = [loaded.schema.actions[by_name[action]] for action in actions]
    lines: list[str] = []
    for word, scope, kinds, declared in (
        ("principal", said.principal, {pair[0] for pair in pairs}, [set(info.principals) for info in infos]),
        ("resource", said.resource, {pair[1] for pair in pairs}, [set(info.resources) for info in infos]),
    ):
        shown = _scope(policy, word, scope, kinds, all(kinds == each for each in declared), writer)
        if shown:
            lines.append(shown)
    names = [action_word(writer.names.actions[by_name[action]]) for action in actions]
    verb = f"action == {names[0]};" if len(names) == 1 else f"action in [{', '.join(names)}];"
    lines.insert(1 if lines and lines[0].startswith("principal") else 0, verb)
    return [*lines, *said.conditions]


def _scope(policy: Policy, word: str, scope: ScopeTest, kinds: set[str], every: bool, writer: NativeWriter) -> str:
    refs = [scope.equal] if scope.equal is not None else list(scope.within or ())
    texts = [writer.entity(ref, None, lambda what: refuse("unsupported", what, policy.span)) for ref in refs]
    if scope.equal is not None:
        return f"{word} == {texts[0]};"
    typed = "" if every else " is " + ", ".join(writer.names.types[kind] for kind in sorted(kinds))
    return f"{word}{typed} in {texts[0]};" if texts else f"{word}{typed};" if typed else ""


def _rule(policy: Policy, native: str, number: int, lines: list[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", native)
    because = policy.annotations.get("id", "") or policy.id
    body = "\n".join(f"  {line}" for line in lines)
    place = f"  because {native_string(f'Cedar policy {because}')};"
    return f'@id("{native}")\n{policy.effect} r{number}_{name[:48]} {{\n{body}\n{place}\n}}\n'
