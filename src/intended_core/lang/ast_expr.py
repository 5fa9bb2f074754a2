"""The syntax tree of expressions: what was written, with its place; nothing is resolved or typed yet.

What the checker does not run is kept as `Unsupported` with the words for the diagnostic, so that it is refused and never ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from intended_core.lang.typed import Span

__all__ = [
    "Access",
    "BinaryExpr",
    "DefaultExpr",
    "EntityExpr",
    "Expr",
    "FunctionCall",
    "HasExpr",
    "IfExpr",
    "IndexExpr",
    "IsExpr",
    "LikeExpr",
    "LiteralExpr",
    "MethodCall",
    "Name",
    "NameExpr",
    "QuantExpr",
    "RecordExpr",
    "SetExpr",
    "UnaryExpr",
    "Unsupported",
    "inside",
]


@dataclass(frozen=True, slots=True)
class Name:
    """A name and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class LiteralExpr:
    """`kind`: str, int, dec, bool, dur, time or date. `text`: the unescaped string or the digits without `_`."""

    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class NameExpr:
    """A bare name, or one of the roots args, principal, action, resource, context."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class EntityExpr:
    """`Type::"id"`."""

    type: Name
    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Access:
    """`base.name`."""

    base: Expr
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class MethodCall:
    """`base.name(args)`."""

    base: Expr
    name: Name
    args: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """`name(args)`."""

    name: Name
    args: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class UnaryExpr:
    """`not e` or `-e` (`op`: not, neg)."""

    op: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class BinaryExpr:
    """`op`: and or eq ne lt le gt ge add sub mul in."""

    op: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class HasExpr:
    """`base has a.b`."""

    base: Expr
    path: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class LikeExpr:
    """`base like "pattern"`."""

    base: Expr
    pattern: str
    span: Span


@dataclass(frozen=True, slots=True)
class IsExpr:
    """`base is Type` or `base is Type in group`."""

    base: Expr
    type: Name
    within: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class IfExpr:
    """`if c then a else b`."""

    condition: Expr
    first: Expr
    second: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class IndexExpr:
    """`base[key]`."""

    base: Expr
    key: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class DefaultExpr:
    """`base?.a.b ?? fallback`."""

    base: Expr
    path: tuple[Name, ...]
    fallback: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class SetExpr:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RecordExpr:
    """`{ ...base, a: 1 }`; `spreads` in the order written."""

    items: tuple[tuple[Name, Expr], ...]
    spreads: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class QuantExpr:
    """`any x in over { body }`; `kind`: any, all, count, sum."""

    kind: str
    var: Name
    over: Expr
    body: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An expression or clause of the grammar that this version does not run; `what` names it in the author's words."""

    what: str
    span: Span


Expr = (
    LiteralExpr
    | NameExpr
    | EntityExpr
    | Access
    | MethodCall
    | FunctionCall
    | UnaryExpr
    | BinaryExpr
    | HasExpr
    | LikeExpr
    | IsExpr
    | IfExpr
    | IndexExpr
    | DefaultExpr
    | SetExpr
    | RecordExpr
    | QuantExpr
    | Unsupported
)


def inside(expr: Expr) -> list[Expr]:
    """The expressions directly inside an expression."""
    found: list[Expr] = []
    for field in fields(expr):
        value = getattr(expr, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            part = item[1] if isinstance(item, tuple) else item
            if isinstance(part, _EXPRESSIONS):
                found.append(part)
    return found


_EXPRESSIONS = Expr.__args__
