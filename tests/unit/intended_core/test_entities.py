from __future__ import annotations

import dataclasses

import pytest

from intended_core.entities import Entity, EntitySnapshot
from intended_core.ids import EntityRef

ANN, STAFF = EntityRef("User", "ann"), EntityRef("Group", "staff")


def test_an_entity_has_parents_and_attributes_only_when_told() -> None:
    entity = Entity(ref=ANN)
    assert (entity.parents, dict(entity.attributes)) == (frozenset(), {})


def test_entities_do_not_share_what_was_not_told() -> None:
    assert Entity(ref=ANN).attributes is not Entity(ref=STAFF).attributes


def test_an_entity_is_not_rewritten() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Entity(ref=ANN).parents = frozenset({STAFF})  # type: ignore[misc]


def test_a_snapshot_names_its_version() -> None:
    snapshot = EntitySnapshot(version="7", entities={ANN: Entity(ref=ANN, parents=frozenset({STAFF}))})
    assert snapshot.version == "7"
    assert snapshot.entities[ANN].parents == {STAFF}
