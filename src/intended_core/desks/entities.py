"""The desk of entities: what is stored of users, groups, accounts and whatever else policies speak of."""

from __future__ import annotations

from intended_core.desks.desk import Desk
from intended_core.entities import Entity
from intended_core.errors import IntentError
from intended_core.flows.census import list_entities
from intended_core.ids import EntityRef

__all__ = ["EntitiesDesk"]


class EntitiesDesk(Desk):
    """Looks at the entities of one tenant; `put_entities` and `remove_entities` of the tenant change them."""

    __slots__ = ()

    def list(self, kind: str = "") -> tuple[Entity, ...]:
        """Every entity, by name; those of one type with `kind`."""
        found = self._driver.operate(list_entities(self._context))
        return tuple(entity for entity in found if kind in ("", entity.ref.type))

    def show(self, ref: EntityRef) -> Entity:
        """One entity; raises IntentError when there is none."""
        for entity in self.list(ref.type):
            if entity.ref == ref:
                return entity
        raise IntentError(f"{ref} is not there", place="entities")
