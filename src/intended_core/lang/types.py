"""The types of the policy language and the schema that a checked set carries (language.md § 1 and § 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "BOOL",
    "DATETIME",
    "DECIMAL",
    "DURATION",
    "EMAIL",
    "INT",
    "ORIGIN_SET",
    "STRING",
    "ActionDecl",
    "EntityDecl",
    "EntityType",
    "EnumType",
    "Member",
    "RecordType",
    "Scalar",
    "Schema",
    "SetType",
    "Type",
]


@dataclass(frozen=True, slots=True)
class Scalar:
    """Bool, Int, Decimal, String, Email, Datetime or Duration."""

    name: str


BOOL, INT, DECIMAL, STRING = Scalar("Bool"), Scalar("Int"), Scalar("Decimal"), Scalar("String")
EMAIL, DATETIME, DURATION = Scalar("Email"), Scalar("Datetime"), Scalar("Duration")


@dataclass(frozen=True, slots=True)
class EnumType:
    """A closed set of strings."""

    name: str
    members: tuple[str, ...]


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
class Member:
    """One member of a record. `from_caller`: the submitting agent may give it itself (`@from(caller)`)."""

    name: str
    type: Type
    optional: bool = False
    from_caller: bool = False


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


Type = Scalar | EnumType | EntityType | SetType | RecordType
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
    """A declared action: who may do it, to what, with which args, under which context."""

    name: str
    principals: tuple[str, ...]
    resources: tuple[str, ...]
    args: RecordType
    context: RecordType


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything declared. `digest`: 32 bytes over its canonical form."""

    entities: Mapping[str, EntityDecl]
    actions: Mapping[str, ActionDecl]
    digest: bytes
