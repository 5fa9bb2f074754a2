"""What tests in the language give, as plain data: worlds of entities, whole intents, chains, origins.

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
from intended_core.intent import ORIGINS, Grant, Intent
from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import NOTHING, Env
from intended_core.lang.report import refuse
from intended_core.lang.schema import Declarations
from intended_core.lang.typed import Literal_, Span, TypedExpr
from intended_core.lang.types import (
    BOOL,
    DATETIME,
    DURATION,
    INT,
    EntityType,
    ListType,
    MapType,
    RecordType,
    Scalar,
    SetType,
    Type,
)
from intended_core.lang.wire import wire_of
from intended_core.values import SAFE_INT

__all__ = ["UNREAD_NOW_MS", "TestData"]

UNREAD_NOW_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z, for tests of sets that never read the clock
_GRANT: Final = ("issuer", "subject", "actions", "not_before", "not_after")


class TestData:
    """The part of `TestExpander` that knows data."""

    __test__ = False

    decls: Declarations
    typer: ExprTyper
    reads_now: bool

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
                chain=self._chain(parts_found.get("chain"), givens),
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

    def _chain(self, value: object, givens: Mapping[str, ast.Expr]) -> tuple[Grant, ...]:
        """The grants of a test: verified unless they say otherwise."""
        if value is None:
            return ()
        expr = self._given_for(_expr(value), givens)
        if not isinstance(expr, ast.SetExpr):
            raise refuse("type.mismatch", "a chain is a list of grants", expr.span, help="write `[{ issuer: …, … }]`")
        made: list[Grant] = []
        for item in expr.items:
            grant = self._given_for(item, givens)
            if not isinstance(grant, ast.RecordExpr) or grant.spreads:
                raise refuse("type.mismatch", "a grant is a record", grant.span, help=f"it has {', '.join(_GRANT)}")
            said = {name.text: field for name, field in grant.items}
            for name, _ in grant.items:
                if name.text not in (*_GRANT, "verified"):
                    hint = "`narrower` is computed, never claimed" if name.text == "narrower" else suggest(name.text, _GRANT)
                    raise refuse("type.member", f"a grant has no member `{name.text}` to give", name.span, help=hint)
            missing = [name for name in _GRANT if name not in said]
            if missing:
                raise refuse("field.missing", f"a grant also says `{'`, `'.join(missing)}`", grant.span)
            actions = self._plain(said["actions"], None, givens)
            moments = {name: self._plain(said[name], DATETIME, givens) for name in ("not_before", "not_after")}
            verified = self._plain(said["verified"], None, givens) if "verified" in said else True
            if not isinstance(actions, list) or not isinstance(verified, bool):
                raise refuse("type.mismatch", "`actions` is a set of names, `verified` true or false", grant.span)
            made.append(
                Grant(
                    issuer=self._entity(said["issuer"], givens), subject=self._entity(said["subject"], givens),
                    actions=tuple(str(name) for name in actions), not_before=str(moments["not_before"]),
                    not_after=str(moments["not_after"]), verified=verified,
                )
            )  # fmt: skip
        return tuple(made)

    def _data(self, givens: Mapping[str, ast.Expr]) -> dict[str, object]:
        """What is given for params and tables, as plain data."""
        schema = self.decls.schema
        types: dict[str, Type] = {name: item.type for name, item in schema.params.items()}
        types.update({name: item.type for name, item in schema.tables.items()})
        return {
            name: self._plain(self._given_for(expr, givens), types[name], givens, strict=True)
            for name, expr in givens.items()
            if name in types
        }

    def _given_for(self, expr: ast.Expr, givens: Mapping[str, ast.Expr]) -> ast.Expr:
        for _ in range(32):
            if not isinstance(expr, ast.NameExpr) or expr.name not in givens:
                return expr
            expr = givens[expr.name]
        raise refuse("name.cycle", "what is given here refers to itself", expr.span)

    def _duration(self, expr: ast.Expr, givens: Mapping[str, ast.Expr]) -> int:
        """Milliseconds of a constant, positive Duration."""
        found = self._plain(self._given_for(expr, givens), DURATION, givens, raw=True)
        if not isinstance(found, int) or found <= 0:
            raise refuse("type.literal", "`advance` takes a positive time", expr.span)
        return found

    def _origins(self, value: object, givens: Mapping[str, ast.Expr], prefix: str = "") -> dict[str, frozenset[str]]:
        if value is None:
            return {}
        expr = self._given_for(_expr(value), givens)
        if not isinstance(expr, ast.RecordExpr):
            raise refuse(
                "type.mismatch", "origins are a record of places", expr.span, help='write `{ payee: ["record"] }`'
            )
        made: dict[str, frozenset[str]] = {}
        for name, item in expr.items:
            path = f"{prefix}.{name.text}" if prefix else name.text
            item = self._given_for(item, givens)
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
        if isinstance(expr, ast.LiteralExpr) and expr.kind == "str" and not strict and not raw and isinstance(expected, Scalar):
            return expr.text  # the door judges what an intent says, also where a test expects it to refuse
        if isinstance(expr, ast.RecordExpr) and isinstance(expected, MapType):
            rows = [(self._typed(_key(name), expected.key), value) for name, value in expr.items]
            return [
                [
                    _wire(key) if isinstance(key, Literal_) else None,
                    self._plain(value, expected.value, givens, strict=strict, depth=depth + 1),
                ]
                for key, value in rows
            ]
        if isinstance(expr, ast.RecordExpr):
            for spread in expr.spreads:
                raise refuse("test.invalid", "a test writes its values out", spread.span)
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
            element = expected.element if isinstance(expected, SetType | ListType) else None
            return [self._plain(item, element, givens, strict=strict, depth=depth + 1) for item in expr.items]
        typed = self._typed(expr, expected)
        if not isinstance(typed, Literal_):
            raise refuse("test.invalid", "a test gives constants", expr.span)
        return typed.value if raw else _wire(typed)


    def _typed(self, expr: ast.Expr, expected: Type | None) -> TypedExpr:
        return self.typer.infer(expr, Env(roots={}, names={}, facts=NOTHING, origins={}, fresh=count(1)), expected).expr


def _key(name: ast.Name) -> ast.Expr:
    return ast.LiteralExpr("str", name.text, name.span)


def _expr(value: object) -> ast.Expr:
    return value  # type: ignore[return-value]


def _wire(literal: Literal_) -> object:
    """The constant as a host would give it: numbers, truth values and references as they are, everything else as its text."""
    value = literal.value
    if isinstance(literal.type, EntityType) or literal.type == BOOL:
        return value
    if literal.type in (INT, DURATION) and isinstance(value, int):
        if abs(value) > SAFE_INT:
            raise refuse("limit.number", "an intent holds integers up to 2^53-1", literal.span)
        return value
    form = wire_of(literal.type)(value)
    if not isinstance(form, str):
        raise refuse("test.invalid", "a test gives constants", literal.span)
    return form.partition(":")[2]
