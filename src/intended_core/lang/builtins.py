"""The closed table of built-in methods, and the canonical forms of values that have one.

A method is known by the kind of its receiver and its name; nothing else can be called. Each is total on values of its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from intended_core.lang.types import BOOL, INT, STRING, EntityType, EnumType, Scalar, SetType, Type

__all__ = ["METHODS", "MethodSpec", "apply_method", "canonical_email", "kind_of", "show_type"]

_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
)


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method: the kind of its receiver, its name, whether it takes a set like its receiver, its result, its meaning."""

    receiver: str
    name: str
    takes_set: bool
    result: Type
    meaning: Callable[..., Any]


def _domain(text: str) -> str:
    return text.rpartition("@")[2]


def _table() -> Mapping[tuple[str, str], MethodSpec]:
    specs = (
        MethodSpec("Set", "size", False, INT, len),
        MethodSpec("Set", "contains_all", True, BOOL, lambda base, other: base >= other),
        MethodSpec("Set", "contains_any", True, BOOL, lambda base, other: not base.isdisjoint(other)),
        MethodSpec("String", "size", False, INT, len),
        MethodSpec("Email", "domain", False, STRING, _domain),
    )
    return MappingProxyType({(spec.receiver, spec.name): spec for spec in specs})


METHODS: Final = _table()


def kind_of(type_: Type) -> str:
    """`Set`, `Record`, `Entity`, `Enum` or the scalar's name."""
    if isinstance(type_, Scalar):
        return type_.name
    if isinstance(type_, SetType):
        return "Set"
    if isinstance(type_, EntityType):
        return "Entity"
    return "Enum" if isinstance(type_, EnumType) else "Record"


def apply_method(receiver: Type, name: str, base: object, *args: object) -> object:
    """The value of `base.name(args)` for a checked call."""
    return METHODS[kind_of(receiver), name].meaning(base, *args)


def canonical_email(text: str) -> bool:
    """Whether an address is in its one accepted form: at most 254 bytes, ASCII, lower-case domain with a dot, no quoting."""
    return len(text) <= 254 and len(text.partition("@")[0]) <= 64 and _EMAIL.fullmatch(text) is not None


def show_type(type_: Type) -> str:
    """The type in the author's words."""
    if isinstance(type_, Scalar):
        return type_.name
    if isinstance(type_, EnumType):
        return type_.name
    if isinstance(type_, EntityType):
        return " | ".join(type_.names)
    if isinstance(type_, SetType):
        return f"Set<{show_type(type_.element)}>"
    return (
        "{ "
        + ", ".join(f"{item.name}{'?' if item.optional else ''}: {show_type(item.type)}" for item in type_.members)
        + " }"
    )
