"""Meters: what they count for each action, over which window, and the clause that asks for a level.

A meter counts every allowed intent of its actions once. Nothing that the submitter may leave out stands in its key or amount, so
that a count cannot be dodged.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final, Literal

from intended_core.lang import ast
from intended_core.lang.approvals import wrap
from intended_core.lang.builtins import show_type
from intended_core.lang.diagnostics import suggest
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import NOTHING, Env
from intended_core.lang.polarity import check_counted
from intended_core.lang.report import Report, refuse
from intended_core.lang.typed import Literal_, Meter, MeterBody, MeterTest, Span, TypedExpr
from intended_core.lang.types import (
    DECIMAL,
    DURATION,
    INT,
    STRING,
    ActionDecl,
    EntityType,
    EnumType,
    RecordType,
    Scalar,
    Type,
)
from intended_core.lang.walk import cost

__all__ = ["MAX_KEY_PARTS", "check_meters", "meter_test"]

MAX_KEY_PARTS: Final = 8  # parts of a key; each becomes part of a row's name
MAX_SLIDING_MS: Final = 366 * 86_400_000  # a year; longer limits are calendar windows or lifetime
_Window = Literal["calendar_day", "calendar_month", "sliding", "session", "lifetime"]
_WINDOWS: Final[tuple[_Window, ...]] = ("calendar_day", "calendar_month", "sliding", "session", "lifetime")
_EXAMPLES: Final = {
    "on": "on: [action]", "key": "key: [principal]", "window": 'window: calendar_day("UTC")', "amount": "amount: 1",
}  # fmt: skip


def check_meters(typer: ExprTyper, report: Report) -> dict[str, Meter]:
    """Every declared meter, typed for each of its actions; problems go to the report."""
    return report.declared(typer.decls.meters, "a meter", lambda decl: _meter(decl, typer))


def _meter(decl: ast.MeterDecl, typer: ExprTyper) -> Meter:
    found: dict[str, tuple[object, Span]] = {}
    for word, value, span in decl.fields:
        if word in found:
            raise refuse("field.repeated", f"`{word}` stands twice in this meter", span)
        found[word] = (value, span)
    for word, example in _EXAMPLES.items():
        if word not in found:
            message = f"the meter `{decl.name.text}` does not say `{word}`"
            raise refuse("field.missing", message, decl.name.span, help=f"add `{example};`")
    actions = _actions(found["on"][0], typer)
    kind, argument, window_span = _window(found["window"][0], found["window"][1])
    zone: TypedExpr | None = None
    length = 0
    bare = Env(roots={}, names={}, facts=NOTHING, origins={}, fresh=count(1))
    if kind in ("calendar_day", "calendar_month"):
        zone = typer.infer(_needed(argument, kind, window_span), bare, STRING).expr
    elif kind == "sliding":
        typed = typer.infer(_needed(argument, kind, window_span), bare, DURATION).expr
        if not isinstance(typed, Literal_) or not isinstance(typed.value, int) or not 0 < typed.value <= MAX_SLIDING_MS:
            raise refuse("type.literal", "`sliding` takes a constant time of 1 ms to 366 days", typed.span)
        length = typed.value
    bodies: dict[str, MeterBody] = {}
    unit: Type | None = None
    for action in actions:
        body = _body(found, kind, argument, action, typer)
        if unit is not None and body.amount.type != unit:
            message = f"the amount is {show_type(unit)} for one action and {show_type(body.amount.type)} for another"
            raise refuse("type.mismatch", message, found["amount"][1])
        unit = body.amount.type
        bodies[action.name] = body
    return Meter(decl.name.text, kind, zone, length, unit or INT, bodies, decl.name.span)


def _actions(value: object, typer: ExprTyper) -> list[ActionDecl]:
    found: dict[str, ActionDecl] = {}
    known = typer.decls.schema.actions
    for name in value if isinstance(value, tuple) else ():
        if name.text not in known:
            hint = suggest(name.text, known) or f"declared are {', '.join(sorted(known)[:12])}"
            raise refuse("name.unknown", f"there is no action `{name.text}`", name.span, help=hint)
        if name.text in found:
            raise refuse("field.repeated", f"`{name.text}` stands twice", name.span)
        found[name.text] = known[name.text]
    return list(found.values())


def _window(value: object, span: Span) -> tuple[_Window, ast.Expr | None, Span]:
    name, where = "", span
    args: tuple[ast.Expr, ...] = ()
    if isinstance(value, ast.NameExpr):
        name, where = value.name, value.span
    elif isinstance(value, ast.FunctionCall):
        name, args, where = value.name.text, value.args, value.span
    window = next((item for item in _WINDOWS if item == name), None)
    if window is None:
        hint = suggest(name, _WINDOWS) or f"a window is {', '.join(_WINDOWS[:-1])} or {_WINDOWS[-1]}"
        raise refuse("meter.window", "this is not a window of time", where, help=hint)
    if len(args) > 1 or (name == "lifetime" and args):
        raise refuse("meter.window", f"`{name}` takes {'nothing' if name == 'lifetime' else 'one value'}", where)
    return window, args[0] if args else None, where


def _needed(argument: ast.Expr | None, kind: str, span: Span) -> ast.Expr:
    if argument is None:
        example = {"sliding": "sliding(1m)", "session": "session(context.run)"}.get(kind, f'{kind}("UTC")')
        raise refuse("meter.window", f"`{kind}` takes one value", span, help=f"write `{example}`")
    return argument


def _body(
    found: dict[str, tuple[object, Span]], kind: str, argument: ast.Expr | None, action: ActionDecl, typer: ExprTyper
) -> MeterBody:
    typer.start()
    env = Env(
        roots={
            "principal": EntityType(tuple(sorted(action.principals))),
            "resource": EntityType(tuple(sorted(action.resources))),
            "args": action.args,
            "context": action.context,
        },
        names={}, facts=NOTHING, origins={}, fresh=count(1),
    )  # fmt: skip
    keys = found["key"][0]
    parts = keys if isinstance(keys, tuple) else ()
    if len(parts) > MAX_KEY_PARTS:
        raise refuse("limit.nesting", f"a key has at most {MAX_KEY_PARTS} parts", found["key"][1])
    key = tuple(typer.infer(part, env).expr for part in parts)
    for part in key:
        if not isinstance(part.type, Scalar | EnumType | EntityType) or part.type == DECIMAL:
            raise refuse(
                "type.mismatch", f"a key is made of entities, texts and whole numbers, and this is {show_type(part.type)}", part.span
            )  # fmt: skip
    amount = typer.infer(_expr(found["amount"][0]), env).expr
    if amount.type not in (INT, DECIMAL):
        raise refuse("type.mismatch", f"an amount is Int or Decimal, and this is {show_type(amount.type)}", amount.span)
    if isinstance(amount, Literal_) and isinstance(amount.value, int) and amount.value < 0:
        raise refuse("type.literal", "an amount is never negative", amount.span)
    session: TypedExpr | None = None
    if kind == "session":
        session = _session(typer.infer(_needed(argument, kind, found["window"][1]), env).expr, action)
    counted = [*key, amount, *(() if session is None else (session,))]
    for expr in counted:
        check_counted(expr, action)
    return MeterBody(key, amount, session, 1 + sum(cost(expr) for expr in counted))


def _session(expr: TypedExpr, action: ActionDecl) -> TypedExpr:
    name = getattr(expr, "name", "")
    base = getattr(expr, "base", None)
    member = action.context.member(name) if getattr(base, "name", "") == "context" else None
    if member is None:
        raise refuse("meter.window", "`session` takes a member of context", expr.span, help="write `session(context.run)`")
    if member.from_caller:
        message = f"`{name}` is given by the caller, who could begin a new session at will"
        raise refuse("meter.window", message, expr.span, help="name a member that the host gives")
    if isinstance(expr.type, RecordType) or expr.type == DECIMAL or not isinstance(expr.type, Scalar | EnumType | EntityType):
        raise refuse("type.mismatch", f"a session is named by a text, a number or an entity, not {show_type(expr.type)}", expr.span)
    return expr


def _expr(value: object) -> ast.Expr:
    return value  # type: ignore[return-value]


def meter_test(
    value: tuple[ast.Name, ast.Expr],
    span: Span,
    env: Env,
    typer: ExprTyper,
    action: ActionDecl,
    meters: dict[str, Meter],
    lets: Sequence[tuple[str, TypedExpr]],
) -> MeterTest:
    """The clause `meter name > ceiling`, typed for an action that the meter counts; raises Refused."""
    name, ceiling = value
    meter = meters[name.text]
    typed = wrap(typer.infer(ceiling, env, meter.unit).expr, lets)
    check_counted(typed, action)
    return MeterTest(name.text, typed, span)
