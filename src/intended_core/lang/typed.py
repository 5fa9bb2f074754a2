"""The checked form of a policy set: what the checker makes and the compiler and the interpreter read.

Every expression carries its type; names are resolved, `const` and `def` are inlined, `unless` is `when not`, literals have the
type their place asked for. Flow typing has proved that every `MemberOf` finds its member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from intended_core.entities import Entity
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.lang.types import Schema, Type
from intended_core.values import Value

__all__ = [
    "Approval",
    "AttributeOf",
    "Binary",
    "CheckedPolicySet",
    "Clause",
    "Default",
    "EntityIn",
    "Expectation",
    "HasMember",
    "If",
    "IsType",
    "Let",
    "Like",
    "Literal_",
    "MemberOf",
    "Method",
    "OriginOf",
    "PolicyTest",
    "Quantified",
    "RecordOf",
    "Root",
    "Rule",
    "RuleBody",
    "ScopeTest",
    "SetIn",
    "SetOf",
    "Span",
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
    """`principal`, `resource`, `args`, `context`, `now` (Datetime), `approver` (in an approval's `when`)."""

    name: Literal["principal", "resource", "args", "context", "now", "approver"]
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
    """`element in set` for values that are not entities (and for entity membership in a plain set use EntityIn)."""

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
class If:
    """`if condition then first else second`."""

    condition: TypedExpr
    first: TypedExpr
    second: TypedExpr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class SetOf:
    """`[a, b]`."""

    items: tuple[TypedExpr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class RecordOf:
    """`{ a: 1 }`."""

    items: tuple[tuple[str, TypedExpr], ...]
    type: Type
    span: Span


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
    | If
    | SetOf
    | RecordOf
    | Quantified
    | OriginOf
    | Method
)


@dataclass(frozen=True, slots=True)
class ScopeTest:
    """`is T in E` / `== e` / `in [e…]`; None = not asked. All that is asked must hold. Constant, so it cannot err."""

    types: tuple[str, ...] | None = None
    equal: EntityRef | None = None
    within: tuple[EntityRef, ...] | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition as it was written (`unless` has already become `not`); `kind` says which word stood there."""

    kind: Literal["when", "unless"]
    expr: TypedExpr
    span: Span


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval block. `key` is `rule-id#index`. `conditions` speak of `approver` as well."""

    key: str
    group: TypedExpr
    quorum: TypedExpr
    exclude: TypedExpr | None
    expires: TypedExpr
    conditions: tuple[TypedExpr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RuleBody:
    """A rule as typed for one action: conditions join by and, in order; a rule's `let`s are Lets around where they are used."""

    clauses: tuple[Clause, ...]
    approvals: tuple[Approval, ...]
    cost: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `id` is its `@id`, unique in the set. `bodies`: one per action it can speak of (never empty)."""

    id: str
    name: str
    effect: Literal["permit", "forbid", "escalate"]
    principal: ScopeTest
    resource: ScopeTest
    bodies: Mapping[str, RuleBody]
    because: str
    annotations: Mapping[str, str]
    span: Span


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a test expects: the outcome, optionally the deny class, optionally the @names (not ids) of the determining rules."""

    outcome: Literal["allow", "escalate", "deny"]
    deny_class: str | None
    by: tuple[str, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One concrete test: a whole intent against a whole world. `now_ms`: UTC milliseconds. `name` is `test / case`."""

    name: str
    intent: Intent
    now_ms: int
    entities: tuple[Entity, ...]
    expect: Expectation


@dataclass(frozen=True, slots=True)
class CheckedPolicySet:
    """A policy set that passed every check; made only by `lang.checker.check`.

    `sources`: (file name, text) in name order. `text_digest`, `semantic_digest`: 32 bytes each (language.md § 4).
    `pack`: declared pack name or "". `cost`: worst-case steps per action.
    """

    pack: str
    schema: Schema
    rules: tuple[Rule, ...]
    tests: tuple[PolicyTest, ...]
    sources: tuple[tuple[str, str], ...]
    text_digest: bytes
    semantic_digest: bytes
    cost: Mapping[str, int]
    warnings: tuple[object, ...] = ()
