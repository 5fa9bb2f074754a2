"""Tests in the language: fixtures, givens and cases expanded into whole intents against whole worlds.

A given is replaced where its name stands, so that a case may override it. An intent is passed on as written: a missing member is the
error it would be in production.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from intended_core.entities import Entity
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import ORIGINS, Intent
from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import NOTHING, Env
from intended_core.lang.report import Refused, Report, refuse
from intended_core.lang.schema import RESERVED, Declarations
from intended_core.lang.typed import Expectation, Literal_, PolicyTest, Span
from intended_core.lang.types import DATETIME, DECIMAL, DURATION, EntityType, RecordType, SetType, Type
from intended_core.values import SAFE_INT, format_datetime, format_decimal

__all__ = ["DENY_CLASSES", "TestExpander"]

DENY_CLASSES: Final = (
    "intent_invalid", "error", "forbid", "default", "chain_missing", "halted", "clock", "conflict", "unavailable",
)  # fmt: skip
UNREAD_NOW_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z, for tests of sets that never read the clock
MAX_TESTS: Final = 10_000  # cases of one set


class TestExpander:
    """Expands the tests of one set."""

    __test__ = False

    def __init__(self, decls: Declarations, report: Report, rule_names: Sequence[str], *, reads_now: bool) -> None:
        self.reads_now = reads_now
        self.decls = decls
        self.report = report
        self.rule_names = frozenset(rule_names)
        self.typer = ExprTyper(decls)
        self.fixtures: dict[str, ast.FixtureDecl] = {}
        self.names: dict[str, Span] = {}

    def fixture(self, decl: ast.FixtureDecl) -> None:
        """Keep a fixture, checked on its own."""
        if decl.name.text in self.fixtures:
            self.report.error("name.duplicate", f"the fixture `{decl.name.text}` is declared twice", decl.name.span)
            return
        self.fixtures[decl.name.text] = decl
        try:
            self._world(decl.entities, self._givens((decl.givens,)), {})
        except Refused as error:
            self.report.add(error.diagnostic)

    def test(self, decl: ast.TestDecl) -> tuple[PolicyTest, ...]:
        """The concrete tests of a test block; problems go to the report."""
        for item in decl.unsupported:
            self.report.unsupported(item.what, item.span)
        if decl.name.text in self.names:
            self.report.error("name.duplicate", f'the test "{decl.name.text}" is declared twice', decl.name.span)
        self.names.setdefault(decl.name.text, decl.name.span)
        for label in (decl.name, *(case.name for case in decl.cases if case.name is not None)):
            if not label.text.isprintable():
                self.report.error("test.invalid", "names of tests are printable", label.span)
        if decl.unsupported:
            return ()
        try:
            return self._expand(decl)
        except Refused as error:
            self.report.add(error.diagnostic)
            return ()

    def _expand(self, decl: ast.TestDecl) -> tuple[PolicyTest, ...]:
        fixtures: list[ast.FixtureDecl] = []
        for name in decl.fixtures:
            if name.text not in self.fixtures:
                raise refuse(
                    "name.unknown",
                    f"there is no fixture `{name.text}`",
                    name.span,
                    help=suggest(name.text, self.fixtures),
                )
            fixtures.append(self.fixtures[name.text])
        if len(decl.intents) != 1:
            where = decl.name.span if not decl.intents else decl.intents[1][1]
            raise refuse("test.invalid", "a test has exactly one `intent` block", where)
        if not decl.cases:
            raise refuse(
                "test.invalid",
                "this test expects nothing",
                decl.name.span,
                help="add `expect allow;` or `case … expect …;`",
            )
        givens = self._givens([*(item.givens for item in fixtures), decl.givens])
        made: list[PolicyTest] = []
        labels: set[str] = set()
        for case in decl.cases:
            label = decl.name.text if case.name is None else f"{decl.name.text} / {case.name.text}"
            if label in labels:
                raise refuse("name.duplicate", f'the case "{label}" stands twice', case.span)
            labels.add(label)
            try:
                made.append(self._case(decl, fixtures, case, label, dict(givens)))
            except Refused as error:
                self.report.add(error.diagnostic)
        return tuple(made)

    def _givens(self, groups: Sequence[Sequence[tuple[ast.Name, ast.Expr]]]) -> dict[str, ast.Expr]:
        found: dict[str, ast.Expr] = {}
        for group in groups:
            seen: set[str] = set()
            for name, expr in group:
                if name.text in RESERVED or name.text in self.decls.consts:
                    raise refuse("name.invalid", f"`{name.text}` has a meaning of its own in the language", name.span)
                if name.text in seen:
                    raise refuse("field.repeated", f"`{name.text}` is given twice", name.span)
                seen.add(name.text)
                found[name.text] = expr
        return found

    def _case(
        self,
        decl: ast.TestDecl,
        fixtures: Sequence[ast.FixtureDecl],
        case: ast.Case,
        label: str,
        givens: dict[str, ast.Expr],
    ) -> PolicyTest:
        if case.givens is not None:
            for spread in case.givens.spreads:
                raise refuse(
                    "unsupported",
                    "a spread in a value is part of the language, but this version does not run it yet",
                    spread.span,
                )
            for name, expr in case.givens.items:
                if name.text not in givens:
                    hint = suggest(name.text, givens) or "a case overrides what `given` says"
                    raise refuse("name.unknown", f"nothing is given as `{name.text}`", name.span, help=hint)
                givens[name.text] = expr
        world: dict[EntityRef, Entity] = {}
        for group in (*(item.entities for item in fixtures), decl.entities):
            self._world(group, givens, world)
        intent, now_ms = self._intent(decl.intents[0], givens)
        return PolicyTest(label, intent, now_ms, tuple(world[ref] for ref in sorted(world)), self._expect(case.expect))

    def _expect(self, decl: ast.ExpectDecl) -> Expectation:
        reason = None if decl.deny_class is None else decl.deny_class.text
        if decl.deny_class is not None and reason not in DENY_CLASSES:
            hint = suggest(decl.deny_class.text, DENY_CLASSES) or f"one of {', '.join(DENY_CLASSES)}"
            raise refuse("test.invalid", f"there is no deny class `{reason}`", decl.deny_class.span, help=hint)
        for name in decl.by or ():
            if name.text not in self.rule_names:
                hint = suggest(name.text, self.rule_names)
                raise refuse("name.unknown", f"there is no rule `{name.text}`", name.span, help=hint)
        by = None if decl.by is None else tuple(name.text for name in decl.by)
        outcome = decl.outcome
        if outcome == "allow":
            return Expectation("allow", None, by, decl.span)
        return Expectation("escalate" if outcome == "escalate" else "deny", reason, by, decl.span)

    def _world(
        self, group: Sequence[ast.WorldEntity], givens: Mapping[str, ast.Expr], world: dict[EntityRef, Entity]
    ) -> None:
        for item in group:
            parents = frozenset(self.typer.entity_ref(parent) for parent in item.parents)
            for entity in item.entities:
                ref = self.typer.entity_ref(entity)
                for parent in sorted(parents):
                    if parent.type not in self.decls.schema.entities[ref.type].parents:
                        message = f"the schema lets no `{ref.type}` be in a `{parent.type}`"
                        raise refuse(
                            "type.unrelated",
                            message,
                            item.span,
                            help=f"declare it: `entity {ref.type} in {parent.type}`",
                        )
                record = self.decls.schema.entities[ref.type].attributes
                given = item.attributes or ast.RecordExpr((), (), item.span)
                missing = [
                    want.name
                    for want in record.members
                    if not want.optional and all(want.name != n.text for n, _ in given.items)
                ]
                if missing:
                    message = f"`{ref}` does not say `{'`, `'.join(missing)}`"
                    raise refuse(
                        "field.missing", message, item.span, cause="each attribute that is not optional is needed"
                    )
                plain = self._plain(given, record, givens, strict=True)
                if ref in world:
                    raise refuse("name.duplicate", f"the entity {ref} stands twice", entity.span)
                world[ref] = Entity(ref=ref, parents=parents, attributes=plain if isinstance(plain, dict) else {})

    def _intent(
        self, block: tuple[tuple[tuple[str, object, Span], ...], Span], givens: Mapping[str, ast.Expr]
    ) -> tuple[Intent, int]:
        parts_found: dict[str, object] = {}
        for word, value, span in block[0]:
            if word in parts_found:
                raise refuse("field.repeated", f"`{word}` stands twice", span)
            if word == "chain" and not (isinstance(value, ast.SetExpr) and not value.items):
                raise refuse(
                    "unsupported", "`chain` is part of the language, but this version does not run it yet", span
                )
            parts_found[word] = value
        for word in ("principal", "action", "resource", "now"):
            if word not in parts_found and (word != "now" or self.reads_now):
                raise refuse("test.invalid", f"this intent does not say `{word}`", block[1], help=f"add `{word}: …;`")
        action = parts_found["action"]
        name = action.text if isinstance(action, ast.Name) else ""
        declared = self.decls.schema.actions.get(name)
        now = (
            self._plain(_expr(parts_found["now"]), DATETIME, givens, raw=True)
            if "now" in parts_found
            else UNREAD_NOW_MS
        )
        try:
            intent = Intent(
                principal=self._entity(_expr(parts_found["principal"]), givens),
                action=name,
                resource=self._entity(_expr(parts_found["resource"]), givens),
                args=self._record(parts_found.get("args"), None if declared is None else declared.args, givens),
                context=self._record(
                    parts_found.get("context"), None if declared is None else declared.context, givens
                ),
                origins=self._origins(parts_found.get("origins"), givens),
            )
        except IntentError as error:
            raise refuse("test.invalid", error.problem, block[1]) from None
        return intent, now if isinstance(now, int) else 0

    def _entity(self, expr: ast.Expr, givens: Mapping[str, ast.Expr]) -> EntityRef:
        found = self._plain(expr, None, givens)
        if not isinstance(found, EntityRef):
            raise refuse("type.mismatch", "an entity is asked for here", expr.span, help='write `Type::"id"`')
        return found

    def _record(self, value: object, record: RecordType | None, givens: Mapping[str, ast.Expr]) -> dict[str, object]:
        if value is None:
            return {}
        expr = _expr(value)
        found = self._plain(expr, record, givens)
        if not isinstance(found, dict):
            raise refuse("type.mismatch", "a record is asked for here", expr.span, help="write `{ name: value }`")
        return found

    def _origins(self, value: object, givens: Mapping[str, ast.Expr], prefix: str = "") -> dict[str, frozenset[str]]:
        if value is None:
            return {}
        expr = _expr(value)
        while isinstance(expr, ast.NameExpr) and expr.name in givens:
            expr = givens[expr.name]
        if not isinstance(expr, ast.RecordExpr):
            raise refuse(
                "type.mismatch", "origins are a record of places", expr.span, help='write `{ payee: ["record"] }`'
            )
        made: dict[str, frozenset[str]] = {}
        for name, item in expr.items:
            path = f"{prefix}.{name.text}" if prefix else name.text
            while isinstance(item, ast.NameExpr) and item.name in givens:
                item = givens[item.name]
            if isinstance(item, ast.RecordExpr):
                made.update(self._origins(item, givens, path))
                continue
            places = self._plain(item, None, givens)
            listed = places if isinstance(places, list) else [places]
            for place in listed:
                if place not in ORIGINS:
                    hint = suggest(str(place), ORIGINS) or f"the places are {', '.join(sorted(ORIGINS))}"
                    raise refuse(
                        "type.literal",
                        f'"{str(place)[:40]}" is not a place that a value can come from',
                        item.span,
                        help=hint,
                    )
            made[path] = frozenset(str(place) for place in listed)
        return made

    # plain data

    def _plain(
        self,
        expr: ast.Expr,
        expected: Type | None,
        givens: Mapping[str, ast.Expr],
        *,
        strict: bool = False,
        raw: bool = False,
        depth: int = 0,
    ) -> object:
        if depth > 32:
            raise refuse("name.cycle", "what is given here refers to itself", expr.span)
        if isinstance(expr, ast.NameExpr) and expr.name in givens:
            return self._plain(givens[expr.name], expected, givens, strict=strict, raw=raw, depth=depth + 1)
        if isinstance(expr, ast.RecordExpr):
            for spread in expr.spreads:
                raise refuse(
                    "unsupported",
                    "a spread in a value is part of the language, but this version does not run it yet",
                    spread.span,
                )
            record = expected if isinstance(expected, RecordType) else None
            made: dict[str, object] = {}
            for name, value in expr.items:
                if name.text in made:
                    raise refuse("field.repeated", f"the member `{name.text}` stands twice", name.span)
                member = None if record is None else record.member(name.text)
                if strict and record is not None:
                    self.typer.member(record, name)
                made[name.text] = self._plain(
                    value, None if member is None else member.type, givens, strict=strict, depth=depth + 1
                )
            if strict and record is not None:
                for wanted in record.members:
                    if not wanted.optional and wanted.name not in made:
                        raise refuse("field.missing", f"`{wanted.name}` is needed here", expr.span)
            return made
        if isinstance(expr, ast.SetExpr):
            element = expected.element if isinstance(expected, SetType) else None
            return [self._plain(item, element, givens, strict=strict, depth=depth + 1) for item in expr.items]
        env = Env(roots={}, names={}, facts=NOTHING, origins={}, fresh=count(1))
        typed = self.typer.infer(expr, env, expected).expr
        if not isinstance(typed, Literal_):
            raise refuse("test.invalid", "a test gives constants", expr.span)
        return typed.value if raw else _wire(typed)


def _expr(value: object) -> ast.Expr:
    return value  # type: ignore[return-value]


def _wire(literal: Literal_) -> object:
    value = literal.value
    if literal.type == DECIMAL and isinstance(value, int):
        return format_decimal(value)
    if literal.type == DATETIME and isinstance(value, int):
        return format_datetime(value)
    if isinstance(literal.type, EntityType) or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and (literal.type == DURATION or abs(value) <= SAFE_INT):
        return value
    raise refuse("limit.number", "an intent holds integers up to 2^53-1", literal.span)
