"""What is known at a place in an expression: names, types of the roots, which optional members are surely there.

Flow typing as in Cedar: `a has b` being true makes `a.b` readable in what follows, `x is T` narrows `x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from intended_core.lang import ast
from intended_core.lang.typed import AttributeOf, MemberOf, Root, TypedExpr, Var
from intended_core.lang.types import EntityType, ListType, Member, RecordType, SetType, Type

__all__ = [
    "NOTHING",
    "Binding",
    "Env",
    "Fact",
    "Facts",
    "Typed",
    "assignable",
    "extend_origin",
    "is_open",
    "is_path",
    "join",
    "meet",
    "origin_of",
    "path_key",
]

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """`types` None: the member at `path` is there. Else: the entity at `path` is of one of these types."""

    path: Path
    types: frozenset[str] | None = None


Facts = frozenset[Fact]
NOTHING: Final[Facts] = frozenset()


def meet(left: Facts | None, right: Facts | None) -> Facts | None:
    """What holds on whichever side was taken; None = that side is never taken."""
    if left is None:
        return right
    if right is None:
        return left
    return left & right


@dataclass(frozen=True, slots=True)
class Typed:
    """A typed expression, and what is known when it is true and when it is false (None = it never is)."""

    expr: TypedExpr
    true: Facts | None = NOTHING
    false: Facts | None = NOTHING

    @property
    def type(self) -> Type:
        return self.expr.type


@dataclass(frozen=True, slots=True)
class Binding:
    """What a variable means: a path that stands for itself, or a `Var`."""

    expr: TypedExpr
    used: list[bool] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """The surroundings of an expression."""

    roots: Mapping[str, Type]
    names: Mapping[str, Binding]
    facts: Facts
    origins: dict[str, tuple[str, tuple[str, ...]]]
    fresh: count[int]
    open_defs: tuple[str, ...] = ()
    quantifiers: int = 0

    def knowing(self, facts: Facts | None) -> Env:
        """The same place, knowing more."""
        return self if not facts else replace(self, facts=self.facts | facts)

    def binding(self, name: str, binding: Binding) -> Env:
        """The same place with one more name."""
        return replace(self, names={**self.names, name: binding})

    def narrow(self, type_: Type, path: Path | None) -> Type:
        """The type of what stands at `path`, given what is known."""
        if path is None or not isinstance(type_, EntityType):
            return type_
        names = set(type_.names)
        for fact in self.facts:
            if fact.types is not None and fact.path == path:
                names &= fact.types
        return EntityType(tuple(sorted(names))) if names else type_

    def has(self, path: Path | None) -> bool:
        """Whether the member at `path` is surely there."""
        return path is not None and Fact(path) in self.facts


def path_key(expr: TypedExpr) -> Path | None:
    """The path of a root, variable or chain of members; None for anything computed."""
    names: list[str] = []
    node = expr
    while isinstance(node, MemberOf | AttributeOf):
        names.append(node.name)
        node = node.base
    if isinstance(node, Root):
        names.append(node.name)
    elif isinstance(node, Var):
        names.append("$" + node.name)
    else:
        return None
    return tuple(reversed(names))


def is_path(expr: TypedExpr) -> bool:
    """Whether reading the expression twice costs next to nothing and says the same."""
    return path_key(expr) is not None


def origin_of(expr: TypedExpr, env: Env) -> tuple[str, tuple[str, ...]] | None:
    """The path below args whose origin this value has, and its optional prefixes; None when it has none."""
    names: list[tuple[str, bool]] = []
    node = expr
    while isinstance(node, MemberOf):
        base = node.base.type
        member = base.member(node.name) if isinstance(base, RecordType) else None
        names.append((node.name, member is not None and member.optional))
        node = node.base
    if isinstance(node, Root) and node.name == "args":
        start: str = ""
        guards: tuple[str, ...] = ()
    elif isinstance(node, Var) and node.name in env.origins:
        start, guards = env.origins[node.name]
    else:
        return None
    return extend_origin(start, guards, list(reversed(names)))


def extend_origin(path: str, guards: tuple[str, ...], names: list[tuple[str, bool]]) -> tuple[str, tuple[str, ...]]:
    """The path with these members appended; (name, optional) each."""
    for name, optional in names:
        path = f"{path}.{name}" if path else name
        if optional:
            guards = (*guards, path)
    return path, guards


def assignable(actual: Type, expected: Type) -> bool:
    """Whether a value of `actual` may stand where `expected` is asked for."""
    if isinstance(actual, EntityType) and isinstance(expected, EntityType):
        return set(actual.names) <= set(expected.names)
    if isinstance(actual, SetType) and isinstance(expected, SetType):
        return assignable(actual.element, expected.element)
    if isinstance(actual, ListType) and isinstance(expected, ListType):
        return assignable(actual.element, expected.element)
    if isinstance(actual, RecordType) and isinstance(expected, RecordType):
        wanted = {item.name: item for item in expected.members}
        given = {item.name: item for item in actual.members}
        if not set(given) <= set(wanted):
            return False
        for name, item in wanted.items():
            found = given.get(name)
            if found is None:
                if not item.optional:
                    return False
            elif (found.optional and not item.optional) or not assignable(found.type, item.type):
                return False
        return True
    return actual == expected


def join(left: Type, right: Type) -> Type | None:
    """The type of a value that is one or the other; None when there is none."""
    if isinstance(left, EntityType) and isinstance(right, EntityType):
        return EntityType(tuple(sorted({*left.names, *right.names})))
    if isinstance(left, SetType) and isinstance(right, SetType):
        element = join(left.element, right.element)
        if element is None:
            return None
        sizes = (left.max_size, right.max_size)
        return SetType(element, None if sizes[0] is None or sizes[1] is None else max(sizes[0], sizes[1]))
    if isinstance(left, ListType) and isinstance(right, ListType):
        element = join(left.element, right.element)
        sizes = (left.max_size, right.max_size)
        size = None if sizes[0] is None or sizes[1] is None else max(sizes[0], sizes[1])
        return None if element is None else ListType(element, size)
    if isinstance(left, RecordType) and isinstance(right, RecordType):
        return _join_records(left, right)
    return left if left == right else None


def _join_records(left: RecordType, right: RecordType) -> RecordType | None:
    others = {item.name: item for item in right.members}
    if others.keys() != {item.name for item in left.members}:
        return None
    members: list[Member] = []
    for one in left.members:
        other = others[one.name]
        type_ = join(one.type, other.type)
        if type_ is None:
            return None
        longest = None if one.max_bytes is None or other.max_bytes is None else max(one.max_bytes, other.max_bytes)
        # What holds for either holds for the whole: a member that is only shown stays so through an `if`.
        optional, shown = one.optional or other.optional, one.presentational or other.presentational
        members.append(Member(one.name, type_, optional, one.from_caller or other.from_caller, shown, longest))
    return RecordType(tuple(members))


def is_open(expr: ast.Expr) -> bool:
    """Whether the expression takes its type from its place: a literal, or a set or record of them."""
    if isinstance(expr, ast.LiteralExpr):
        return expr.kind in ("str", "int", "dec")
    if isinstance(expr, ast.UnaryExpr):
        return expr.op == "neg" and is_open(expr.operand)
    if isinstance(expr, ast.SetExpr):
        return all(is_open(item) for item in expr.items)
    if isinstance(expr, ast.IfExpr):
        return is_open(expr.first) and is_open(expr.second)
    return isinstance(expr, ast.RecordExpr)
