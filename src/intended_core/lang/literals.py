"""Literals under the type that their place asks for: `1000` as Decimal, `"EUR"` as an enum, checked at load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from intended_core.errors import IntentError
from intended_core.lang import ast
from intended_core.lang.builtins import show_type
from intended_core.lang.diagnostics import suggest
from intended_core.lang.netforms import parse_digest, parse_email, parse_host, parse_ip, parse_path, parse_url
from intended_core.lang.report import refuse
from intended_core.lang.typed import Literal_, Span
from intended_core.lang.types import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    DIGEST,
    DURATION,
    EMAIL,
    HOST,
    INT,
    IP,
    PATH,
    STRING,
    TIME,
    URL,
    EnumType,
    Scalar,
    Type,
)
from intended_core.values import INT_MAX, INT_MIN, Value, parse_date, parse_datetime, parse_decimal, parse_time

__all__ = ["MAX_STRING_BYTES", "datetime_literal", "duration_ms", "literal", "string_literal"]

MAX_STRING_BYTES: Final = 4096  # language.md § 1, types
_FORMS: Final[Mapping[Scalar, Callable[[str], Value]]] = {
    EMAIL: parse_email, HOST: parse_host, IP: parse_ip, PATH: parse_path, URL: parse_url, DIGEST: parse_digest,
}  # fmt: skip
_UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def literal(
    expr: ast.LiteralExpr, expected: Type | None, *, negative: bool = False, span: Span | None = None
) -> Literal_:
    """The constant that a literal means where `expected` is asked for (None: its own type); raises Refused."""
    where = expr.span if span is None else span
    if expr.kind == "bool":
        return Literal_(expr.text == "true", BOOL, where)
    if expr.kind == "str":
        return string_literal(expr.text, expected, where)
    if expr.kind == "dur":
        value = duration_ms(expr)
        return Literal_(-value if negative else value, DURATION, where)
    if expr.kind in ("time", "date"):
        try:
            if expr.kind == "date":
                return Literal_(parse_date(expr.text), DATE, where)
            return Literal_(parse_time(expr.text if expr.text.count(":") == 2 else f"{expr.text}:00"), TIME, where)
        except IntentError as error:
            raise refuse("type.literal", error.problem, where) from None
    sign = "-" if negative else ""
    if expr.kind == "dec" or expected == DECIMAL:
        if expected == INT:
            raise refuse("type.literal", f"`{expr.text}` has a fraction, and Int is asked for here", where)
        try:
            return Literal_(parse_decimal(sign + expr.text), DECIMAL, where)
        except IntentError:
            raise refuse(
                "limit.number", "a Decimal has at most 18 digits before the point and 9 behind it", where
            ) from None
    value = int(sign + expr.text) if len(expr.text) <= 20 else INT_MAX + 1
    if not INT_MIN <= value <= INT_MAX:
        raise refuse("limit.number", "this number is outside the range of Int (64 bits)", where)
    return Literal_(value, INT, where)


def duration_ms(expr: ast.LiteralExpr) -> int:
    """The milliseconds of a duration literal; raises Refused."""
    unit = expr.text.lstrip("0123456789")
    number = expr.text[: -len(unit)]
    value = int(number) * _UNITS[unit] if len(number) <= 19 else INT_MAX + 1
    if value > INT_MAX:
        raise refuse("limit.number", "this duration is outside the range of Duration (64-bit milliseconds)", expr.span)
    return value


def string_literal(text: str, expected: Type | None, span: Span) -> Literal_:
    """A string as String, Email or a member of an enum; raises Refused."""
    if len(text.encode("utf-8")) > MAX_STRING_BYTES:
        raise refuse("limit.string", f"a String has at most {MAX_STRING_BYTES:,} bytes", span)
    if isinstance(expected, EnumType):
        if text not in expected.members:
            hint = suggest(text, expected.members) or f"its members are {', '.join(expected.members[:12])}"
            raise refuse("type.literal", f'"{text[:80]}" is not a member of `{expected.name}`', span, help=hint)
        return Literal_(expected.members.index(text) if expected.ordered else text, expected, span)
    if isinstance(expected, Scalar) and expected in _FORMS:
        try:
            return Literal_(_FORMS[expected](text), expected, span)
        except IntentError as error:
            shown = f'"{text[:80]}" is not a {expected.name} in its canonical form'
            raise refuse("type.literal", shown, span, cause=error.problem) from None
    if expected in (DATE, TIME):
        example = "2026-11-23" if expected == DATE else "09:00"
        shown = f"a string stands where {show_type(expected)} is asked for"
        raise refuse("type.literal", shown, span, help=f"write it without quotes, as `{example}`")
    if expected == DATETIME:
        raise refuse(
            "type.literal", "a string stands where Datetime is asked for", span, help=f'write `datetime("{text[:40]}")`'
        )
    if expected is not None and expected != STRING:
        raise refuse("type.literal", f"a string stands where {show_type(expected)} is asked for", span)
    return Literal_(text, STRING, span)


def datetime_literal(expr: ast.FunctionCall) -> Literal_:
    """`datetime("…")`; raises Refused."""
    arg = expr.args[0] if len(expr.args) == 1 else None
    if not isinstance(arg, ast.LiteralExpr) or arg.kind != "str":
        raise refuse(
            "type.literal",
            "`datetime` takes one string literal",
            expr.span,
            help='write `datetime("2026-11-23T10:00:00Z")`',
        )
    try:
        return Literal_(parse_datetime(arg.text), DATETIME, expr.span)
    except IntentError as error:
        raise refuse("type.literal", error.problem, arg.span) from None
