"""The checked form of a policy set: what the checker makes and the compiler and the interpreter read.

Every expression carries its type; names are resolved, `const` and `def` are inlined, `unless` is `when not`, literals have the
type their place asked for. Flow typing has proved that every `MemberOf` finds its member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from intended_core.canonical import Json
from intended_core.entities import Entity
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.lang.typed_expr import (
    Aggregate,
    AttributeOf,
    Binary,
    CedarCall,
    Default,
    EntityIn,
    HasMember,
    If,
    IpIn,
    IsType,
    Let,
    Like,
    Literal_,
    Lookup,
    MemberOf,
    Method,
    OriginOf,
    ParamOf,
    PatternLike,
    Quantified,
    RecordOf,
    Root,
    SetIn,
    SetOf,
    Span,
    TableOf,
    TypedExpr,
    Unary,
    Var,
)
from intended_core.lang.types import Schema, Type

__all__ = [
    "Aggregate",
    "Approval",
    "AttributeOf",
    "Binary",
    "CedarCall",
    "CheckedPolicySet",
    "Clause",
    "Default",
    "EntityIn",
    "Expectation",
    "HasMember",
    "If",
    "IpIn",
    "IsType",
    "Let",
    "Like",
    "Literal_",
    "Lookup",
    "MemberOf",
    "Meter",
    "MeterBody",
    "MeterTest",
    "Method",
    "ObligationType",
    "Oblige",
    "OriginOf",
    "ParamOf",
    "PatternLike",
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
    "TableOf",
    "TestStep",
    "TypedExpr",
    "Unary",
    "Var",
]


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
    """One approval block. `key` is `rule-id#index`. `conditions` speak of `approver` as well. `binds`: paths of context members."""

    key: str
    group: TypedExpr
    quorum: TypedExpr
    exclude: TypedExpr | None
    expires: TypedExpr
    conditions: tuple[TypedExpr, ...]
    span: Span
    binds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterTest:
    """`meter name > ceiling`: used + reserved + this one, compared after the rule's conditions hold."""

    meter: str
    ceiling: TypedExpr
    span: Span


@dataclass(frozen=True, slots=True)
class Oblige:
    """`oblige name(a: value)`; values in the order of the declaration, each with its declared type."""

    name: str
    phase: Literal["before", "after"]
    values: tuple[tuple[str, TypedExpr], ...]
    types: tuple[Type, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RuleBody:
    """A rule as typed for one action: conditions join by and, in order; a rule's `let`s are Lets around where they are used."""

    clauses: tuple[Clause, ...]
    approvals: tuple[Approval, ...]
    cost: int
    meter: MeterTest | None = None
    obliges: tuple[Oblige, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterBody:
    """A meter as typed for one action. `session`: the context member that names the session, of such a window."""

    key: tuple[TypedExpr, ...]
    amount: TypedExpr
    session: TypedExpr | None
    cost: int


@dataclass(frozen=True, slots=True)
class Meter:
    """A declared meter: what it counts (`bodies`, one per action of `on`) and over which window.

    `zone`: the time zone of a calendar window. `length_ms`: of a sliding one, else 0. `unit`: Int or Decimal.
    """

    name: str
    window: Literal["calendar_day", "calendar_month", "sliding", "session", "lifetime"]
    zone: TypedExpr | None
    length_ms: int
    unit: Type
    bodies: Mapping[str, MeterBody]
    span: Span


@dataclass(frozen=True, slots=True)
class ObligationType:
    """A declared obligation: its parameters in order, and whether it is due before or after the act."""

    name: str
    params: tuple[tuple[str, Type], ...]
    phase: Literal["before", "after"]


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
    """What a test expects: the outcome, optionally the deny class, the @names (not ids) of determining rules, and obligations.

    `obliges`: (name, parameter -> wire form) each, all of which must be among those of the answer.
    """

    outcome: Literal["allow", "escalate", "deny"]
    deny_class: str | None
    by: tuple[str, ...] | None
    span: Span
    obliges: tuple[tuple[str, Mapping[str, Json]], ...] = ()


@dataclass(frozen=True, slots=True)
class TestStep:
    """One step after the first: `run` an intent again, or `approve` what the run before asked for, in the name of `persons`."""

    __test__ = False

    kind: Literal["run", "approve"]
    now_ms: int
    intent: Intent | None
    expect: Expectation | None
    persons: tuple[EntityRef, ...]
    span: Span
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One concrete test: an intent against a whole world, and what follows on it with the state kept (`then`).

    `now_ms`: UTC milliseconds. `name` is `test / case`. `partial`: members that are not said are absent. `data`: values given for
    params and tables, as plain data.
    """

    name: str
    intent: Intent
    now_ms: int
    entities: tuple[Entity, ...]
    expect: Expectation
    then: tuple[TestStep, ...] = ()
    partial: bool = False
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedPolicySet:
    """A policy set that passed every check; made only by `lang.checker.check` and, for Cedar, `lang.cedar.loading`.

    `sources`: (file name, text) in name order. `text_digest`, `semantic_digest`: 32 bytes each (language.md § 4).
    `pack`, `version`: as declared, or "". `packs`: name and version of each pack that it imports. `tzdata`: version of the zone data.
    `cost`: worst-case steps per action.
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
    meters: Mapping[str, Meter] = field(default_factory=dict)
    obligations: Mapping[str, ObligationType] = field(default_factory=dict)
    version: str = ""
    packs: tuple[tuple[str, str], ...] = ()
    tzdata: str = ""
