"""The syntax tree: what was written, with its place; nothing is resolved or typed yet.

Frozen nodes, made only by `lang.transform`. Expressions the checker does not run are kept as `Unsupported` with the words for
the diagnostic, so that they are refused at their place and never ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from intended_core.lang.typed import Span

__all__ = [
    "Access",
    "ActionDecl",
    "Annotation",
    "ApprovalDecl",
    "BinaryExpr",
    "Case",
    "ConstDecl",
    "DefDecl",
    "DefaultExpr",
    "EntityDecl",
    "EntityExpr",
    "EnumDecl",
    "ExpectDecl",
    "Expr",
    "FieldDecl",
    "FixtureDecl",
    "FunctionCall",
    "HasExpr",
    "IfExpr",
    "IncludeDecl",
    "IsExpr",
    "Item",
    "LikeExpr",
    "LiteralExpr",
    "MethodCall",
    "Name",
    "NameExpr",
    "PackDecl",
    "QuantExpr",
    "RecordExpr",
    "RecordTypeExpr",
    "RuleClause",
    "RuleDecl",
    "ScopeDecl",
    "SetExpr",
    "TestDecl",
    "TypeDecl",
    "TypeExpr",
    "TypeName",
    "UnaryExpr",
    "UnionType",
    "Unsupported",
    "UnsupportedItem",
    "WorldEntity",
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
    """`{ a: 1 }`; a spread stands in `spreads`."""

    items: tuple[tuple[Name, Expr], ...]
    spreads: tuple[Span, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class QuantExpr:
    """`any x in over { body }`; `kind`: any, all."""

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
    | DefaultExpr
    | SetExpr
    | RecordExpr
    | QuantExpr
    | Unsupported
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """`@name(args)`."""

    name: str
    args: tuple[LiteralExpr | Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TypeName:
    """`Name` or `Name<args>`."""

    name: str
    args: tuple[TypeExpr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class UnionType:
    """`A | B`."""

    members: tuple[TypeExpr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FieldDecl:
    """`@max(4) name?: Type`."""

    name: Name
    optional: bool
    type: TypeExpr
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IncludeDecl:
    """`...Type`."""

    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class RecordTypeExpr:
    """`{ fields }`."""

    fields: tuple[FieldDecl | IncludeDecl, ...]
    span: Span


TypeExpr = TypeName | UnionType | RecordTypeExpr


@dataclass(frozen=True, slots=True)
class PackDecl:
    """`policy pack name version "v";`."""

    name: str
    version: str
    span: Span


@dataclass(frozen=True, slots=True)
class EntityDecl:
    """`entity A, B in C { … }`."""

    names: tuple[Name, ...]
    parents: tuple[Name, ...]
    record: RecordTypeExpr | None
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class EnumDecl:
    """`enum Name { "a", "b" }`."""

    name: Name
    members: tuple[Name, ...]
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TypeDecl:
    """`type Name = …;`."""

    name: Name
    type: TypeExpr
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ActionDecl:
    """`action a, b { principal: …; … }`. Parts in the order written: (word, value, span)."""

    names: tuple[Name, ...]
    parents: tuple[Name, ...]
    parts: tuple[tuple[str, object, Span], ...]
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ConstDecl:
    """`const name: Type = expr;`."""

    name: Name
    type: TypeExpr
    value: Expr
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class DefDecl:
    """`def name(a: T): R = expr;`."""

    name: Name
    formals: tuple[tuple[Name, TypeExpr], ...]
    result: TypeExpr
    body: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ScopeDecl:
    """`is T in E`, `== e`, `in [e]`."""

    types: tuple[Name, ...] | None
    equal: EntityExpr | None
    within: tuple[EntityExpr, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class ApprovalDecl:
    """`approval { … }`; fields in the order written."""

    fields: tuple[tuple[str, Expr, Span], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RuleClause:
    """One clause. `kind` is its word; `value` a ScopeDecl, tuple of Names, Expr, (Name, Expr), ApprovalDecl, str or Unsupported."""

    kind: str
    value: object
    span: Span


@dataclass(frozen=True, slots=True)
class RuleDecl:
    """`permit name { clauses }`. `head` is the place of the effect and the name."""

    effect: str
    name: Name
    clauses: tuple[RuleClause, ...]
    annotations: tuple[Annotation, ...]
    head: Span
    span: Span


@dataclass(frozen=True, slots=True)
class WorldEntity:
    """`entity T::"a", T::"b" in [parents] { … };` in a fixture or test."""

    entities: tuple[EntityExpr, ...]
    parents: tuple[EntityExpr, ...]
    attributes: RecordExpr | None
    span: Span


@dataclass(frozen=True, slots=True)
class FixtureDecl:
    """`fixture name { … }`."""

    name: Name
    entities: tuple[WorldEntity, ...]
    givens: tuple[tuple[Name, Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ExpectDecl:
    """`expect deny(class) by rule`."""

    outcome: str
    deny_class: Name | None
    by: tuple[Name, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """`case "name" { givens } expect …;`, or a plain `expect …;` (name None)."""

    name: Name | None
    givens: RecordExpr | None
    expect: ExpectDecl
    span: Span


@dataclass(frozen=True, slots=True)
class TestDecl:
    """`test "name" with fixtures { … }`. `intents`: each intent block's parts (word, Name or Expr, span)."""

    name: Name
    fixtures: tuple[Name, ...]
    entities: tuple[WorldEntity, ...]
    givens: tuple[tuple[Name, Expr], ...]
    intents: tuple[tuple[tuple[tuple[str, object, Span], ...], Span], ...]
    cases: tuple[Case, ...]
    unsupported: tuple[Unsupported, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class UnsupportedItem:
    """A top-level item of the grammar that this version does not run."""

    what: str
    name: str
    span: Span


Item = (
    PackDecl
    | EntityDecl
    | EnumDecl
    | TypeDecl
    | ActionDecl
    | ConstDecl
    | DefDecl
    | RuleDecl
    | FixtureDecl
    | TestDecl
    | UnsupportedItem
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
