"""The syntax tree of items: declarations, rules and tests as written. Frozen nodes, made only by `lang.transform`."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.lang.ast_expr import (
    Access,
    BinaryExpr,
    DefaultExpr,
    EntityExpr,
    Expr,
    FunctionCall,
    HasExpr,
    IfExpr,
    IndexExpr,
    IsExpr,
    LikeExpr,
    LiteralExpr,
    MethodCall,
    Name,
    NameExpr,
    QuantExpr,
    RecordExpr,
    SetExpr,
    UnaryExpr,
    Unsupported,
    inside,
)
from intended_core.lang.typed import Span

__all__ = [
    "Access",
    "ActionDecl",
    "Annotation",
    "ApprovalDecl",
    "BinaryExpr",
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
    "ImportDecl",
    "IncludeDecl",
    "IndexExpr",
    "IsExpr",
    "Item",
    "LikeExpr",
    "LiteralExpr",
    "MeterDecl",
    "MethodCall",
    "Name",
    "NameExpr",
    "ObligationDecl",
    "ObligeExpr",
    "PackDecl",
    "ParamDecl",
    "QuantExpr",
    "RecordExpr",
    "RecordTypeExpr",
    "RuleClause",
    "RuleDecl",
    "ScopeDecl",
    "SetExpr",
    "TableDecl",
    "TestDecl",
    "TestStep",
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
class ImportDecl:
    """`import pack as name;`; `alias` None: the pack's whole name is written."""

    pack: Name
    alias: Name | None
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
    """`enum Name { "a", "b" }`, or `lattice Name { "a" < "b" }` (`ordered`)."""

    name: Name
    members: tuple[Name, ...]
    annotations: tuple[Annotation, ...]
    span: Span
    ordered: bool = False


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
class ParamDecl:
    """`param name: Type = expr;`; `value` None: no default."""

    name: Name
    type: TypeExpr
    value: Expr | None
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TableDecl:
    """`table name: Type;`."""

    name: Name
    type: TypeExpr
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
class MeterDecl:
    """`meter name { … }`. Fields in the order written: (word, tuple of Names | tuple of Exprs | Expr, span)."""

    name: Name
    fields: tuple[tuple[str, object, Span], ...]
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ObligationDecl:
    """`obligation name(a: T) before;`."""

    name: Name
    formals: tuple[tuple[Name, TypeExpr], ...]
    phase: str
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ObligeExpr:
    """`name(a: value)`, of an `oblige` clause or an `obliges` expectation."""

    name: Name
    values: RecordExpr
    span: Span


@dataclass(frozen=True, slots=True)
class RuleClause:
    """One clause. `kind` is its word.

    `value`: a ScopeDecl, tuple of Names, Expr, (Name, Expr), ApprovalDecl, ObligeExpr, str or Unsupported.
    """

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
    """`expect deny(class) by rule obliges …`; `obliges` None = not asked."""

    outcome: str
    deny_class: Name | None
    by: tuple[Name, ...] | None
    obliges: tuple[ObligeExpr, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class TestStep:
    """One statement of a test: `expect`, `case`, `again` (givens, expect), `advance` (by) or `approve` (persons)."""

    __test__ = False

    kind: str
    name: Name | None
    givens: RecordExpr | None
    expect: ExpectDecl | None
    by: Expr | None
    persons: tuple[EntityExpr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TestDecl:
    """`test "name" with fixtures { … }`. `intents`: each intent block's parts (word, Name or Expr, span)."""

    __test__ = False

    name: Name
    partial: bool
    fixtures: tuple[Name, ...]
    entities: tuple[WorldEntity, ...]
    givens: tuple[tuple[Name, Expr], ...]
    intents: tuple[tuple[tuple[tuple[str, object, Span], ...], Span], ...]
    steps: tuple[TestStep, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class UnsupportedItem:
    """A top-level item of the grammar that this version does not run."""

    what: str
    name: str
    span: Span


Item = (
    PackDecl
    | ImportDecl
    | EntityDecl
    | EnumDecl
    | TypeDecl
    | ActionDecl
    | ConstDecl
    | ParamDecl
    | TableDecl
    | DefDecl
    | MeterDecl
    | ObligationDecl
    | RuleDecl
    | FixtureDecl
    | TestDecl
    | UnsupportedItem
)
