"""People who may act: a person is an entity with evidence of who they are."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.ids import EntityRef

__all__ = ["AuthenticatedPerson", "Person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A registered person: the entity that policies know, the raw Ed25519 public key (32 bytes) of their local key, and their roles."""

    ref: EntityRef
    public_key: bytes
    roles: frozenset[str] = frozenset({"approver"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedPerson:
    """A person whose evidence was verified for exactly one digest; made only by `access`.

    `signed`: the 32-byte digest they signed. `signature`: 64 bytes, kept for the log and the evidence bundle.
    """

    ref: EntityRef
    signed: bytes
    signature: bytes
