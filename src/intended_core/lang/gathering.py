"""Types of what gathers values: sets, lists, records, table rows by key, and `any`, `all`, `count`, `sum`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from intended_core.lang import ast
from intended_core.lang.builtins import show_type
from intended_core.lang.flow import Binding, Env, Typed, is_open, join, origin_of
from intended_core.lang.report import refuse
from intended_core.lang.typed import Aggregate, Default, Lookup, Quantified, RecordOf, SetOf, TypedExpr, Var
from intended_core.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    EntityType,
    ListType,
    MapType,
    Member,
    RecordType,
    SetType,
    Type,
)

__all__ = ["GatherTyper", "readable", "whole"]

MAX_QUANTIFIERS: Final = 2  # language.md § 1, totality and cost


def readable(member: Member, name: ast.Name) -> Member:
    """The member, which a rule may read; raises Refused when it is there only to be shown."""
    if member.presentational:
        message = f"`{member.name}` is @presentational: it is shown to people and never read by a rule"
        raise refuse("data.presentational", message, name.span)
    return member


def whole(type_: Type, sign: str, expr: ast.Expr) -> None:
    """Refuse to compare records that leaving something out, or only showing something else, would make equal or different."""
    if isinstance(type_, MapType):
        raise refuse("type.operator", f"`{sign}` does not compare tables", expr.span, help="read the rows that are meant with `[key]`")
    if isinstance(type_, SetType | ListType):
        whole(type_.element, sign, expr)
    for member in type_.members if isinstance(type_, RecordType) else ():
        if member.optional or member.presentational:
            what = "may be absent" if member.optional else "is only shown to people"
            message = f"`{sign}` cannot compare records whose `{member.name}` {what}"
            raise refuse("type.operator", message, expr.span, help="compare the members that are meant")
        whole(member.type, sign, expr)


class GatherTyper:
    """The part of `ExprTyper` that knows collections."""

    infer: Callable[..., Typed]
    boolean: Callable[[ast.Expr, Env], Typed]
    member: Callable[[RecordType, ast.Name], Member]
    check_new_name: Callable[[ast.Name, Env], None]
    origin_below: Callable[..., tuple[str, tuple[str, ...]]]

    def set_(self, expr: ast.SetExpr, env: Env, expected: Type | None) -> Typed:
        """`[a, b]`: a set, or a list where its place asks for one."""
        kind = ListType if isinstance(expected, ListType) else SetType
        element = expected.element if isinstance(expected, SetType | ListType) else None
        if not expr.items:
            if element is None:
                raise refuse("type.mismatch", "an empty set needs a place that says of what", expr.span)
            return Typed(SetOf((), kind(element, 0), expr.span))
        if element is None:
            lead = next((item for item in expr.items if not is_open(item)), expr.items[0])
            if any(isinstance(item, ast.LiteralExpr) and item.kind == "dec" for item in expr.items):
                lead = next(item for item in expr.items if isinstance(item, ast.LiteralExpr) and item.kind == "dec")
            element = self.infer(lead, env).type
        wanted = None if isinstance(element, EntityType) else element
        items = [self.infer(item, env, wanted).expr for item in expr.items]
        joined: Type = items[0].type
        if isinstance(joined, MapType):
            raise refuse("type.mismatch", "a set holds no tables", items[0].span, help="read the rows that are meant with `[key]`")
        for item in items[1:]:
            found = join(joined, item.type)
            if found is None:
                raise refuse(
                    "type.mismatch",
                    f"a set holds values of one type: {show_type(joined)} and {show_type(item.type)}",
                    item.span,
                )
            joined = found
        return Typed(SetOf(tuple(items), kind(joined, len(items)), expr.span))

    def record(self, expr: ast.RecordExpr, env: Env, expected: Type | None) -> Typed:
        """`{ ...base, a: 1 }`."""
        members: dict[str, Member] = {}
        spreads: list[TypedExpr] = []
        for spread in expr.spreads:
            base = self.infer(spread, env).expr
            if not isinstance(base.type, RecordType):
                raise refuse("type.mismatch", f"`...` spreads a record, and this is {show_type(base.type)}", spread.span)
            for member in base.type.members:
                if member.name in members:
                    message = f"the member `{member.name}` comes from two spreads"
                    raise refuse("field.repeated", message, spread.span, help="name the members that are meant")
                members[member.name] = member
            spreads.append(base)
        items: list[tuple[str, TypedExpr]] = []
        for name, value in expr.items:
            if any(name.text == other for other, _ in items):
                raise refuse("field.repeated", f"the member `{name.text}` stands twice", name.span)
            wanted = self.member(expected, name).type if isinstance(expected, RecordType) else None
            typed = self.infer(value, env, wanted)
            if isinstance(typed.type, MapType):
                raise refuse("type.mismatch", "a record holds no tables", value.span, help="read the rows that are meant with `[key]`")
            items.append((name.text, typed.expr))
            members[name.text] = Member(name.text, typed.type)
        return Typed(RecordOf(tuple(items), RecordType(tuple(members.values())), expr.span, tuple(spreads)))

    def index(self, expr: ast.IndexExpr, env: Env, _expected: Type | None) -> Typed:
        """`table[key]`."""
        base = self.infer(expr.base, env).expr
        if not isinstance(base.type, MapType):
            message = f"`[…]` reads a table that is a Map, and this is {show_type(base.type)}"
            hint = "walk it with `any` or `all`: no element of a list is surely there" if isinstance(base.type, ListType) else ""
            raise refuse("type.operator", message, expr.span, help=hint)
        key = self.infer(expr.key, env, base.type.key).expr
        return Typed(Lookup(base, key, base.type.value, expr.span))

    def quantified(self, expr: ast.QuantExpr, env: Env, _expected: Type | None) -> Typed:
        """`any`, `all`, `count` and `sum`."""
        if env.quantifiers >= MAX_QUANTIFIERS:
            raise refuse("limit.nesting", f"`any`, `all`, `count` and `sum` nest at most {MAX_QUANTIFIERS} deep", expr.span)
        over = self.infer(expr.over, env).expr
        if not isinstance(over.type, SetType | ListType):
            raise refuse(
                "type.operator", f"`{expr.kind}` walks a set or a list, and this is {show_type(over.type)}", expr.over.span
            )
        if over.type.max_size is None:
            raise refuse(
                "type.set-bound", f"`{expr.kind}` walks only sets and lists whose schema says how large they may be", expr.over.span,
                help="add `@max(n)` where it is declared",
            )  # fmt: skip
        self.check_new_name(expr.var, env)
        var = Var(f"{expr.var.text}#{next(env.fresh)}", over.type.element, expr.var.span)
        told = origin_of(over, env)
        if isinstance(over, Default) and isinstance(over.fallback, SetOf) and not over.fallback.items:
            base = origin_of(over.base, env)
            told = None if base is None else self.origin_below(over, base)
        if told is not None:
            env.origins[var.name] = told
        inner = env.binding(expr.var.text, Binding(var))
        inner = Env(
            roots=inner.roots, names=inner.names, facts=inner.facts, origins=env.origins, fresh=env.fresh,
            open_defs=env.open_defs, quantifiers=env.quantifiers + 1,
        )  # fmt: skip
        if expr.kind == "sum":
            total = self.infer(expr.body, inner).expr
            if total.type not in (INT, DECIMAL, DURATION):
                message = f"`sum` adds Int, Decimal or Duration, and this is {show_type(total.type)}"
                raise refuse("type.operator", message, expr.body.span)
            return Typed(Aggregate("sum", var.name, over, total, total.type, expr.span))
        body = self.boolean(expr.body, inner).expr
        if expr.kind == "count":
            return Typed(Aggregate("count", var.name, over, body, INT, expr.span))
        return Typed(Quantified("any" if expr.kind == "any" else "all", var.name, over, body, BOOL, expr.span))
