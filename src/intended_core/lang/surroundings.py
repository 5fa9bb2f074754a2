"""What a condition may read beside the intent and the entities: the delegation chain, the tenant, values of params and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from intended_core.values import Record, Value

__all__ = ["NO_SURROUNDINGS", "Surroundings"]

_NOTHING: Final[Mapping[str, Value]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`chain`: the grants of the intent as typed records, the root's first. `data`: param and table values by name.

    `tenant`: the tenant's name. All of it is stamped by the engine, never given by a caller.
    """

    tenant: str = ""
    chain: tuple[Record, ...] = ()
    data: Mapping[str, Value] = field(default_factory=lambda: _NOTHING)


NO_SURROUNDINGS: Final = Surroundings()
