"""Typed expressions: every node carries its type and its place; names are resolved, `const` and `def` are inlined.

Literals have the type their place asked for. Flow typing has proved that every `MemberOf` finds its member.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intended_core.lang.types import Type
from intended_core.values import Value

__all__ = [
    "Aggregate",
    "AttributeOf",
    "Binary",
    "CedarCall",
    "Default",
    "EntityIn",
    "HasMember",
    "If",
    "IpIn",
    "IsType",
    "Let",
    "Like",
    "Literal_",
    "Lookup",
    "MemberOf",
    "Method",
    "OriginOf",
    "ParamOf",
    "PatternLike",
    "Quantified",
    "RecordOf",
    "Root",
    "SetIn",
    "SetOf",
    "Span",
    "TableOf",
    "TypedExpr",
    "Unary",
    "Var",
]


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands: file name, 1-based line and column (code points) of its first character, and its last."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Literal_:
    """A constant, already in run-time form (`values`)."""

    value: Value
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Root:
    """`principal`, `resource`, `args`, `context`, `now` (Datetime), `chain`, `tenant` (its name), `approver` (in an approval's `when`)."""

    name: Literal["principal", "resource", "args", "context", "now", "chain", "tenant", "approver"]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Var:
    """A variable bound by `Let` or `Quantified`; names are unique within one rule body."""

    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Let:
    """`value` bound to `name` in `body`; `value` is evaluated once, when the Let is reached."""

    name: str
    value: TypedExpr
    body: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class MemberOf:
    """A record's member that is surely there."""

    base: TypedExpr
    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class AttributeOf:
    """An entity's attribute: an entity that is not in the snapshot is an error. The attribute is surely there."""

    base: TypedExpr
    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class HasMember:
    """`base has name`, for a record (`of_entity` False) or an entity (True; an unknown entity is an error)."""

    base: TypedExpr
    name: str
    of_entity: bool
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Default:
    """`base?.a.b ?? fallback`: the member at `path` below record `base` or, when any step is absent, `fallback`."""

    base: TypedExpr
    path: tuple[str, ...]
    of_entity: bool
    fallback: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` on Bool; `neg` on Int, Decimal or Duration (overflow is an error)."""

    op: Literal["not", "neg"]
    operand: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`and`/`or` short-circuit left to right. Comparisons have operands of one type. `add`/`sub`/`mul` err on overflow.

    Int by Int; Decimal by Decimal (`mul` rounds half-even at 9 digits); Datetime ± Duration; Datetime - Datetime; Duration ± Duration;
    Duration by Int.
    """

    op: Literal["and", "or", "eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul"]
    left: TypedExpr
    right: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class SetIn:
    """`element in set` (or list, or the keys of a map) for values that are neither entities (EntityIn) nor addresses (IpIn)."""

    element: TypedExpr
    set: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class EntityIn:
    """`left in right`: left is, or is below, right (an entity) or one of right (a set of entities). Unknown left is an error."""

    left: TypedExpr
    right: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class IsType:
    """`operand is T`: the reference's type is one of `names`."""

    operand: TypedExpr
    names: tuple[str, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Like:
    """Whole-string match; each tuple entry is literal text, and `*` stood between neighbours (so `a*b` is `("a", "b")`)."""

    operand: TypedExpr
    parts: tuple[str, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class PatternLike:
    """Whole-value match of a Path or Url against a canonical pattern: `*` is one segment or a part of one, `**` any number of segments."""

    operand: TypedExpr
    pattern: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class IpIn:
    """`left in right`: every address of left is in right (an Ip) or in one of right (a set of Ip)."""

    left: TypedExpr
    right: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    """`if condition then first else second`."""

    condition: TypedExpr
    first: TypedExpr
    second: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class SetOf:
    """`[a, b]`; a list where its type is one."""

    items: tuple[TypedExpr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class RecordOf:
    """`{ ...base, a: 1 }`: what the records of `spreads` hold (no two the same member), and `items` over it."""

    items: tuple[tuple[str, TypedExpr], ...]
    type: Type
    span: Span
    spreads: tuple[TypedExpr, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any x in over { body }` / `all …`. Every element is visited until the answer is known; order must not matter:
    an error in any element's body is an error unless an earlier element in canonical order decided (elements sorted by canonical bytes)."""

    kind: Literal["any", "all"]
    var: str
    over: TypedExpr
    body: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`count x in over { body }`: how many elements hold; `sum …`: the exact sum of body over all; an overflow is an error."""

    kind: Literal["count", "sum"]
    var: str
    over: TypedExpr
    body: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class ParamOf:
    """The tenant's value of a param, else `default`; with neither an error."""

    name: str
    default: Value | None
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class TableOf:
    """The rows of a table; without rows, or with rows older than `max_age_ms` (None: any age), an error."""

    name: str
    max_age_ms: int | None
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Lookup:
    """`table[key]`; a key that is not there is an error."""

    base: TypedExpr
    key: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class OriginOf:
    """`origin(args.path)`: the set of places the value at dotted `path` below args came from.

    An untold path is {"unknown", "content"}; the path of an absent optional member is the empty set: `guards` lists the
    dotted prefixes of `path` that are optional, any of which may be absent. Elements of a set share the set's path.
    """

    path: str
    guards: tuple[str, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Method:
    """A built-in method, from the closed table in `lang.builtins` (such as `size` on a set)."""

    name: str
    base: TypedExpr
    args: tuple[TypedExpr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class CedarCall:
    """What only Cedar says, from the closed table in `lang.cedar.operations`. `reads`: it looks into the entity snapshot, where an
    entity that is not there has no attribute and no tag (the native `has` errs on one)."""

    name: str
    args: tuple[TypedExpr, ...]
    reads: bool
    type: Type
    span: Span


TypedExpr = (
    Literal_
    | Root
    | Var
    | Let
    | MemberOf
    | AttributeOf
    | HasMember
    | Default
    | Unary
    | Binary
    | SetIn
    | EntityIn
    | IsType
    | Like
    | PatternLike
    | IpIn
    | If
    | SetOf
    | RecordOf
    | Quantified
    | Aggregate
    | ParamOf
    | TableOf
    | Lookup
    | OriginOf
    | Method
    | CedarCall
)
