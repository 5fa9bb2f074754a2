"""The closed table of built-in methods.

A method is known by the kind of its receiver and its name; nothing else can be called. Each is total on values of its type but for those
that are not `total`: they err on a time zone, on a moment outside the calendar, or on overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from intended_core.lang.faults import EvaluationError
from intended_core.lang.netforms import host_is_address
from intended_core.lang.types import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    HOST,
    INT,
    PATH,
    STRING,
    TIME,
    WEEKDAY,
    EntityType,
    EnumType,
    ListType,
    MapType,
    Scalar,
    SetType,
    Type,
)
from intended_core.lang.zones import date_of, moment_of, time_of, weekday_of
from intended_core.values import DECIMAL_MAX, DECIMAL_SCALE

__all__ = ["ELEMENT", "METHODS", "SAME", "ZONE", "MethodSpec", "apply_method", "kind_of", "show_type"]

SAME: Final = "same"  # a parameter of the receiver's own type
ELEMENT: Final = "element"  # a parameter of the type that the receiver holds
ZONE: Final = "zone"  # a String that names a time zone; a literal one is checked when the set is loaded


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method: the kind of its receiver, its name, its parameters, its result, its meaning, whether it never errs."""

    receiver: str
    name: str
    params: tuple[Type | str, ...]
    result: Type
    meaning: Callable[..., Any]
    total: bool = True

    @property
    def shown(self) -> str:
        """The call as an author writes it."""
        names = [
            {SAME: self.receiver.lower(), ELEMENT: "element", ZONE: "zone"}[item] if isinstance(item, str) else show_type(item).lower()
            for item in self.params
        ]  # fmt: skip
        return f".{self.name}({', '.join(names)})"


def _under(host: str, above: str) -> bool:
    """Whether a host is that host or a name below it, label by label; an address is only ever below itself."""
    if host == above:
        return True
    return host.endswith("." + above) and not host_is_address(host)


def _path_under(path: str, above: str) -> bool:
    """Whether a path is that path or below it, segment by segment; a / at the end of `above` changes nothing."""
    root = above.rstrip("/")
    return path in (root, above) or path.startswith(root + "/")


def _depth(path: str) -> int:
    return sum(1 for part in path.split("/") if part)


def _decimal(value: int) -> int:
    made = value * DECIMAL_SCALE
    if abs(made) > DECIMAL_MAX:
        raise EvaluationError("a Decimal overflows 18 integer digits")
    return made


def _weekday(days: int) -> str:
    return WEEKDAY.members[(days + 3) % 7]  # 1970-01-01 was a Thursday


def _table() -> Mapping[tuple[str, str], MethodSpec]:
    specs = (
        MethodSpec("Set", "size", (), INT, len),
        MethodSpec("Set", "contains", (ELEMENT,), BOOL, lambda base, item: item in base),
        MethodSpec("Set", "contains_all", (SAME,), BOOL, lambda base, other: base >= other),
        MethodSpec("Set", "contains_any", (SAME,), BOOL, lambda base, other: not base.isdisjoint(other)),
        MethodSpec("List", "size", (), INT, len),
        MethodSpec("List", "contains", (ELEMENT,), BOOL, lambda base, item: item in base),
        MethodSpec("Map", "size", (), INT, len),
        MethodSpec("String", "size", (), INT, len),
        MethodSpec("String", "starts_with", (STRING,), BOOL, str.startswith),
        MethodSpec("String", "ends_with", (STRING,), BOOL, str.endswith),
        MethodSpec("String", "contains", (STRING,), BOOL, lambda base, part: part in base),
        MethodSpec("Int", "decimal", (), DECIMAL, _decimal, total=False),
        MethodSpec("Email", "domain", (), HOST, lambda base: base.rpartition("@")[2]),
        MethodSpec("Host", "under", (HOST,), BOOL, _under),
        MethodSpec("Host", "is_address", (), BOOL, host_is_address),
        MethodSpec("Url", "scheme", (), STRING, lambda base: base.scheme),
        MethodSpec("Url", "host", (), HOST, lambda base: base.host),
        MethodSpec("Url", "port", (), INT, lambda base: base.port),
        MethodSpec("Url", "path", (), PATH, lambda base: base.path),
        MethodSpec("Url", "query", (), STRING, lambda base: base.query),
        MethodSpec("Path", "under", (PATH,), BOOL, _path_under),
        MethodSpec("Path", "name", (), STRING, lambda base: base.rpartition("/")[2]),
        MethodSpec("Path", "depth", (), INT, _depth),
        MethodSpec("Ip", "version", (), INT, lambda base: base.version),
        MethodSpec("Ip", "is_range", (), BOOL, lambda base: base.low != base.high),
        MethodSpec("Digest", "algorithm", (), STRING, lambda base: base.partition(":")[0]),
        MethodSpec("Datetime", "weekday", (ZONE,), WEEKDAY, weekday_of, total=False),
        MethodSpec("Datetime", "time", (ZONE,), TIME, time_of, total=False),
        MethodSpec("Datetime", "date", (ZONE,), DATE, date_of, total=False),
        MethodSpec("Date", "weekday", (), WEEKDAY, _weekday),
        MethodSpec("Date", "at", (TIME, ZONE), DATETIME, moment_of, total=False),
    )
    return MappingProxyType({(spec.receiver, spec.name): spec for spec in specs})


METHODS: Final = _table()


def kind_of(type_: Type) -> str:
    """`Set`, `List`, `Map`, `Record`, `Entity`, `Enum` or the scalar's name."""
    if isinstance(type_, Scalar):
        return type_.name
    if isinstance(type_, SetType):
        return "Set"
    if isinstance(type_, ListType):
        return "List"
    if isinstance(type_, MapType):
        return "Map"
    if isinstance(type_, EntityType):
        return "Entity"
    return "Enum" if isinstance(type_, EnumType) else "Record"


def apply_method(receiver: Type, name: str, base: object, *args: object) -> object:
    """The value of `base.name(args)` for a checked call."""
    return METHODS[kind_of(receiver), name].meaning(base, *args)


def show_type(type_: Type) -> str:
    """The type in the author's words."""
    if isinstance(type_, Scalar | EnumType):
        return type_.name
    if isinstance(type_, EntityType):
        return " | ".join(type_.names)
    if isinstance(type_, SetType):
        return f"Set<{show_type(type_.element)}>"
    if isinstance(type_, ListType):
        return f"List<{show_type(type_.element)}>"
    if isinstance(type_, MapType):
        return f"Map<{show_type(type_.key)}, {show_type(type_.value)}>"
    return (
        "{ "
        + ", ".join(f"{item.name}{'?' if item.optional else ''}: {show_type(item.type)}" for item in type_.members)
        + " }"
    )
