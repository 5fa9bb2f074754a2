"""Typed Cedar expressions as native text. What is always true or false for a kind of request is folded away; what the native language
cannot say is refused at its place.

Natively every entity that a policy meets is known, so an attribute that the schema requires is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from intended_core.ids import EntityRef
from intended_core.lang import typed as t
from intended_core.lang.cedar.native_names import NativeNames, member_name, native_string
from intended_core.lang.cedar.types import CedarSchema
from intended_core.lang.report import Refused, refuse
from intended_core.lang.typed import TypedExpr
from intended_core.lang.types import (
    BOOL,
    DATETIME,
    DURATION,
    INT,
    STRING,
    EntityType,
    RecordType,
    Scalar,
    SetType,
    Type,
)
from intended_core.values import format_datetime

__all__ = ["NativeWriter", "bare"]

_SIGNS: Final = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-", "mul": "*",
}  # fmt: skip
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))
_RANGES: Final = {"is_loopback": ("127.0.0.0/8", "::1"), "is_multicast": ("224.0.0.0/4", "ff00::/8")}
_IP: Final = Scalar("cedar.ipaddr")
_MARKS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[()]')
_ATOMS: Final = (t.Root, t.Literal_, t.MemberOf, t.AttributeOf, t.SetOf, t.RecordOf)


class NativeWriter:
    """Writes the expressions of one set."""

    def __init__(self, schema: CedarSchema, names: NativeNames) -> None:
        self.schema = schema
        self.names = names

    def condition(self, expr: TypedExpr) -> str | bool:
        """The condition's text, or what it always is; raises Refused."""
        return self._folded(expr)

    def entity(self, ref: EntityRef, expr: TypedExpr | None, refused: Callable[[str], Refused]) -> str:
        """An entity's written form."""
        del expr
        if not ref.id:
            raise refused(f"{ref} has an empty id, which no native entity has")
        return f"{self.names.types[ref.type]}::{native_string(ref.id)}"

    # --- what is always true or false -------------------------------------------------------------------------------------------

    def _folded(self, expr: TypedExpr) -> str | bool:
        match expr:
            case t.Literal_(value=value, type=kind) if kind == BOOL:
                return value is True
            case t.Unary(op="not", operand=operand):
                inner = self._folded(operand)
                return not inner if isinstance(inner, bool) else f"(not {_grouped(inner)})"
            case t.Binary(op="and" | "or", left=left, right=right):
                return self._joined(expr.op, self._folded(left), self._folded(right))
            case t.If(condition=condition, first=first, second=second, type=kind) if kind == BOOL:
                test = self._folded(condition)
                if isinstance(test, bool):
                    return self._folded(first if test else second)
                return f"(if {test} then {self._word(self._folded(first))} else {self._word(self._folded(second))})"
            case t.Binary(op="eq" | "ne", left=left, right=right) if _disjoint(left.type, right.type):
                return expr.op == "ne"
            case t.IsType(operand=operand, names=names):
                return isinstance(operand.type, EntityType) and operand.type.names[0] in names
            case t.EntityIn():
                return self._within(expr)
            case t.HasMember(base=base, name=name):
                member = base.type.member(name) if isinstance(base.type, RecordType) else None
                return member is not None and (not member.optional or self._has(base, name, expr))
            case t.CedarCall(name="has", args=(base, t.Literal_(value=str(name)))):
                info = self.schema.entities.get(base.type.names[0]) if isinstance(base.type, EntityType) else None
                found = None if info is None else info.attributes.find(name)
                return found is not None and (found[1] or self._has(base, name, expr))
        return self._said(expr)

    def _joined(self, op: Any, left: str | bool, right: str | bool) -> str | bool:
        decides = op == "or"
        if left is decides or right is decides:
            return decides
        if isinstance(left, bool):
            return right
        return left if isinstance(right, bool) else f"({left} {op} {right})"

    def _word(self, value: str | bool) -> str:
        return value if isinstance(value, str) else "true" if value else "false"

    def _has(self, base: TypedExpr, name: str, expr: TypedExpr) -> Any:
        return f"({self.text(base)} has {member_name(name, expr.span)})"

    def _within(self, expr: t.EntityIn) -> str | bool:
        left, right = expr.left, expr.right
        above = right.type.element if isinstance(right.type, SetType) else right.type
        low = left.type.names[0] if isinstance(left.type, EntityType) else ""
        high = above.names[0] if isinstance(above, EntityType) else ""
        if isinstance(left, t.Literal_) and left.value in self.schema.actions:
            held = self.schema.actions[left.value].ancestors | {left.value}  # type: ignore[index]
            groups = right.items if isinstance(right, t.SetOf) else (right,)
            return any(isinstance(group, t.Literal_) and group.value in held for group in groups)
        if not self.schema.below(low, high):
            return False
        return f"({self.text(left)} in {self.text(right)})"

    # --- everything else --------------------------------------------------------------------------------------------------------

    def text(self, expr: TypedExpr) -> str:
        """The expression as native text; raises Refused."""
        if expr.type != BOOL:
            return self._said(expr)
        found = self._folded(expr)
        return _grouped(self._word(found))

    def _said(self, expr: TypedExpr) -> str:
        match expr:
            case t.Literal_():
                return self._literal(expr)
            case t.Root(name=name):
                return name
            case t.MemberOf(base=base, name=name) | t.AttributeOf(base=base, name=name):
                return f"{self._base(base)}.{member_name(name, expr.span)}"
            case t.Unary(op="neg", operand=operand):
                return f"(-({self.text(operand)}))"
            case t.Binary(op=op, left=left, right=right) if op in _SIGNS:
                if left.type == right.type == _IP and isinstance(left, t.Literal_) and isinstance(right, t.Literal_):
                    raise self._unsaid("a comparison of two constant addresses", expr)
                return f"({self.text(left)} {_SIGNS[op]} {self.text(right)})"
            case t.SetIn(element=element, set=held):
                return f"({self.text(element)} in {self.text(held)})"
            case t.Like(operand=operand, parts=parts):
                if any("*" in part for part in parts):
                    raise self._unsaid("a pattern with a star as text", expr)
                return f"({self.text(operand)} like {native_string('*'.join(parts))})"
            case t.If(condition=condition, first=first, second=second) if expr.type != BOOL:
                test = self._folded(condition)
                if isinstance(test, bool):
                    return self.text(first if test else second)
                return f"(if {test} then {self.text(first)} else {self.text(second)})"
            case t.SetOf(items=items):
                return "[" + ", ".join(self.text(item) for item in items) + "]"
            case t.RecordOf(items=members):
                return (
                    "{ "
                    + ", ".join(
                        f"{member_name(name, expr.span)}: {self.text(item)}"
                        for name, item in sorted(members, key=lambda member: member[0])
                    )
                    + " }"
                )
            case t.CedarCall(name=name, args=args):
                return self._call(name, args, expr)
        raise self._unsaid("this expression", expr)

    def _base(self, expr: TypedExpr) -> str:
        return self.text(expr) if isinstance(expr, _ATOMS) else _grouped(self.text(expr))

    def _call(self, name: str, args: tuple[TypedExpr, ...], expr: TypedExpr) -> str:
        if name == "in_range":
            return f"({self.text(args[0])} in {self.text(args[1])})"
        if name in ("is_ipv4", "is_ipv6"):
            return f"({self._base(args[0])}.version() == {name[-1]})"
        if name in _RANGES:
            held = self.text(args[0])
            return "(" + " or ".join(f'{held} in "{wide}"' for wide in _RANGES[name]) + ")"
        if name in ("contains_all", "contains_any"):
            return f"{self._base(args[0])}.{name}({self.text(args[1])})"
        if name == "is_empty":
            return f"({self._base(args[0])}.size() == 0)"
        if name in ("date_of", "time_of"):
            moment = self._base(args[0])
            midnight = f'{moment}.date("UTC").at(00:00, "UTC")'
            return midnight if name == "date_of" else f"({moment} - {midnight})"
        raise self._unsaid("a tag" if name in ("has_tag", "get_tag") else "a duration in whole units", expr)

    def _literal(self, expr: t.Literal_) -> str:
        value, kind = expr.value, expr.type
        if isinstance(value, EntityRef):
            if value.type not in self.names.types:
                raise self._unsaid("an action as a value", expr)
            return self.entity(value, expr, lambda what: refuse("unsupported", what, expr.span))
        if kind == BOOL:
            return "true" if value is True else "false"
        if kind == STRING:
            return native_string(str(value))
        if isinstance(value, str):
            return native_string(_address(value, expr))
        number = value if isinstance(value, int) else 0
        if kind == DATETIME:
            return f'datetime("{_moment(number, expr)}")'
        if kind == DURATION:
            unit, size = next(((unit, size) for unit, size in _UNITS if number and number % size == 0), ("ms", 1))
            made = f"{abs(number) // size}{unit}"
        elif kind == INT:
            made = str(abs(number))
        else:
            whole, rest = divmod(abs(number), 10_000)
            made = f"{whole}.{f'{rest:04d}'.rstrip('0') or '0'}"
        return f"(-{made})" if number < 0 else made

    def _unsaid(self, what: str, expr: TypedExpr) -> Refused:
        return refuse("unsupported", f"{what} cannot be said in the native language", expr.span)


def bare(text: str) -> str:
    """The text without brackets around the whole of it."""
    return text[1:-1] if _whole(text) else text


def _grouped(text: str) -> str:
    return text if _whole(text) or " " not in text else f"({text})"


def _whole(text: str) -> bool:
    """Whether the first bracket closes at the end of the text."""
    if not text.startswith("("):
        return False
    depth = 0
    for found in _MARKS.finditer(text):
        mark = found.group()
        if mark in "()":
            depth += 1 if mark == "(" else -1
            if depth == 0:
                return found.end() == len(text)
    return False


def _disjoint(left: Type, right: Type) -> bool:
    return isinstance(left, EntityType) and isinstance(right, EntityType) and left.names != right.names


def _address(value: str, expr: TypedExpr) -> str:
    address, _, prefix = value.partition("/")
    if prefix == ("128" if ":" in address else "32"):
        return address
    return value


def _moment(millis: int, expr: TypedExpr) -> str:
    try:
        return format_datetime(millis)
    except (ValueError, OverflowError):
        raise refuse("unsupported", "this moment is outside the native calendar", expr.span) from None
