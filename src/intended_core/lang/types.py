"""The types of the policy language and the schema that a checked set carries (language.md § 1 and § 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from intended_core.values import Value

__all__ = [
    "BOOL",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DIGEST",
    "DURATION",
    "EMAIL",
    "HOST",
    "INT",
    "IP",
    "ORIGIN_SET",
    "PATH",
    "SCALARS",
    "STRING",
    "TIME",
    "URL",
    "WEEKDAY",
    "ActionDecl",
    "EntityDecl",
    "EntityType",
    "EnumType",
    "ListType",
    "MapType",
    "Member",
    "ParamDecl",
    "RecordType",
    "Scalar",
    "Schema",
    "SetType",
    "TableDecl",
    "Type",
]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts; see `SCALARS`."""

    name: str


BOOL, INT, DECIMAL, STRING = Scalar("Bool"), Scalar("Int"), Scalar("Decimal"), Scalar("String")
DATETIME, DURATION, DATE, TIME = Scalar("Datetime"), Scalar("Duration"), Scalar("Date"), Scalar("Time")
IP, HOST, URL, PATH = Scalar("Ip"), Scalar("Host"), Scalar("Url"), Scalar("Path")
EMAIL, DIGEST = Scalar("Email"), Scalar("Digest")
SCALARS: Final[Mapping[str, Scalar]] = MappingProxyType(
    {
        item.name: item
        for item in (BOOL, INT, DECIMAL, STRING, DATETIME, DURATION, DATE, TIME, IP, HOST, URL, PATH, EMAIL, DIGEST)
    }
)


@dataclass(frozen=True, slots=True)
class EnumType:
    """A closed set of strings; `ordered`: a lattice, whose labels stand from low to high and are compared with `<`."""

    name: str
    members: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """A reference to an entity of one of these types (sorted, at least one)."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetType:
    """A set; `max_size` is the schema's `@max(n)`, needed before `any` and `all` may walk it."""

    element: Type
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class ListType:
    """An ordered list, elements may repeat; `max_size` as for a set."""

    element: Type
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class MapType:
    """Keys to values; only tables have this type."""

    key: Type
    value: Type
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a record.

    `from_caller`: the submitting agent may give it itself (`@from(caller)`). `presentational`: shown to people, never read by a rule.
    `max_bytes`: the longest text of a String member, when the schema says it.
    """

    name: str
    type: Type
    optional: bool = False
    from_caller: bool = False
    presentational: bool = False
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RecordType:
    """A closed record; members in the order they were declared."""

    members: tuple[Member, ...] = ()

    def member(self, name: str) -> Member | None:
        """The member of that name, or None."""
        for member in self.members:
            if member.name == name:
                return member
        return None


Type = Scalar | EnumType | EntityType | SetType | ListType | MapType | RecordType
WEEKDAY = EnumType("Weekday", ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
ORIGIN_SET = SetType(EnumType("Origin", ("user", "record", "content", "model", "unknown")), 8)


@dataclass(frozen=True, slots=True)
class EntityDecl:
    """A declared entity type: the types it may be in, its attributes, whether it may act with an empty chain (`@root`)."""

    name: str
    parents: tuple[str, ...]
    attributes: RecordType
    root: bool


@dataclass(frozen=True, slots=True)
class ActionDecl:
    """A declared action: who may do it, to what, with which args, under which context; whether each hop of a chain is evaluated.

    `discloses`: it lets something out, so that its tokens are bound to the key of their holder.
    """

    name: str
    principals: tuple[str, ...]
    resources: tuple[str, ...]
    args: RecordType
    context: RecordType
    delegation: bool = False
    discloses: bool = False


@dataclass(frozen=True, slots=True)
class ParamDecl:
    """A value of the tenant's own. `default`: its run-time value (None: without a value, reading it denies)."""

    name: str
    type: Type
    default: Value | None


@dataclass(frozen=True, slots=True)
class TableDecl:
    """Rows that change without the policy. `max_age_ms`: older rows are an error (None: any age)."""

    name: str
    type: SetType | ListType | MapType
    max_age_ms: int | None


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything declared. `digest`: 32 bytes over its canonical form."""

    entities: Mapping[str, EntityDecl]
    actions: Mapping[str, ActionDecl]
    digest: bytes
    params: Mapping[str, ParamDecl] = field(default_factory=dict)
    tables: Mapping[str, TableDecl] = field(default_factory=dict)
