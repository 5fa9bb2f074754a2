"""Cedar policies as they were written. Two trees are equal when they say the same, wherever they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.typed import Span

__all__ = [
    "ActionScope",
    "Binary",
    "Call",
    "Condition",
    "EntityLit",
    "Expr",
    "GetAttr",
    "HasAttr",
    "If",
    "Is",
    "Like",
    "Lit",
    "Policy",
    "RecordLit",
    "Scope",
    "SetLit",
    "Slot",
    "Unary",
    "Variable",
]


def _place() -> int:
    return field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Lit:
    """A constant. `kind` keeps `true` and `1` apart, which Python would take for equal."""

    kind: Literal["bool", "long", "string"]
    value: bool | int | str
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class EntityLit:
    """`User::"ann"`."""

    ref: CedarRef
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Variable:
    """`principal`, `action`, `resource` or `context`."""

    name: str
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Slot:
    """`?principal` or `?resource` in the scope of a template."""

    name: str
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Unary:
    """`!e`, `-e`, `e.isEmpty()`."""

    op: Literal["not", "neg", "is_empty"]
    operand: Expr
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Binary:
    """Any operator with two sides; `and`, `or` short-circuit."""

    op: Literal[
        "and", "or", "eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "in", "contains", "contains_all",
        "contains_any", "has_tag", "get_tag",
    ]  # fmt: skip
    left: Expr
    right: Expr
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class If:
    """`if condition then first else second`."""

    condition: Expr
    first: Expr
    second: Expr
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class GetAttr:
    """`base.name`, `base["name"]`."""

    base: Expr
    name: str
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class HasAttr:
    """`base has name`; `base has a.b` is two of them."""

    base: Expr
    name: str
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Like:
    """`base like "a*"`: literal text between the stars."""

    base: Expr
    parts: tuple[str, ...]
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Is:
    """`base is T`; `base is T in e` is this and an `in`."""

    base: Expr
    type: str
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class SetLit:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class RecordLit:
    """`{a: 1}`."""

    items: tuple[tuple[str, Expr], ...]
    at: int = _place()
    end: int = _place()


@dataclass(frozen=True, slots=True)
class Call:
    """An extension's function or method; a method's receiver is its first argument."""

    name: str
    args: tuple[Expr, ...]
    at: int = _place()
    end: int = _place()


Expr = (
    Lit | EntityLit | Variable | Slot | Unary | Binary | If | GetAttr | HasAttr | Like | Is | SetLit | RecordLit | Call
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a policy asks of principal or resource: its type, itself, or what it is below; all that is given holds."""

    types: str | None = None
    equal: CedarRef | Slot | None = None
    within: CedarRef | Slot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionScope:
    """`==` (equal) or `in` (within; an empty tuple is the empty set) or nothing."""

    equal: CedarRef | None = None
    within: tuple[CedarRef, ...] | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One `when` or `unless` clause."""

    kind: Literal["when", "unless"]
    expr: Expr
    at: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy, or a template when a slot stands in its scope. `id` is `policyN` in the order of the files, from 0."""

    id: str
    effect: Literal["permit", "forbid"]
    annotations: Mapping[str, str]
    principal: Scope
    action: ActionScope
    resource: Scope
    conditions: tuple[Condition, ...]
    span: Span
    file: str

    @property
    def slots(self) -> tuple[str, ...]:
        """`?principal`, `?resource`: those that stand in the scope."""
        found = [scope.equal if scope.equal is not None else scope.within for scope in (self.principal, self.resource)]
        return tuple(item.name for item in found if isinstance(item, Slot))
