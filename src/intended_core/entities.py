"""Entities: what policies know about principals, resources and whatever else an intent names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from intended_core.ids import EntityRef

__all__ = ["Entity", "EntitySnapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity as the host or an EntityProvider gives it.

    `parents`: the groups it is directly in. `attributes`: plain data, as in `Call.args`.
    """

    ref: EntityRef
    parents: frozenset[EntityRef] = frozenset()
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySnapshot:
    """Entities as they stood at one version, closed under parents; `version` names the state of the provider."""

    version: str
    entities: Mapping[EntityRef, Entity]
