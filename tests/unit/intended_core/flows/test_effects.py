"""Effects are values: frozen, complete, and silent about what they carry in secret."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from intended_core.flows import effects
from intended_core.flows.effects import Commit, Context, Effect, LoadState, Now, Random, Seal, Settings
from intended_core.flows.tenant import mac_place
from intended_core.ids import Scope
from intended_core.unit import Unit
from tests.reference.flow_world import World

SCOPE = Scope(tenant="acme", uuid="a" * 32, environment="live")


def test_every_effect_is_in_the_union_and_exported() -> None:
    defined = {
        value for value in vars(effects).values() if is_dataclass(value) and getattr(value, "__module__", "") == effects.__name__
    }
    assert set(get_args(Effect)) == defined - {Settings, Context}
    assert {kind.__name__ for kind in get_args(Effect)} <= set(effects.__all__)


def test_every_effect_is_frozen_and_says_what_answers_it() -> None:
    for kind in get_args(Effect):
        assert kind.__dataclass_params__.frozen, kind
        assert kind.__slots__ is not None
        assert kind.__doc__.startswith("-> "), kind
    with pytest.raises(FrozenInstanceError):
        Random(16).size = 1  # type: ignore[misc]


def test_a_seal_shows_its_place_and_not_what_it_seals() -> None:
    shown = repr(Seal(mac_place(SCOPE), b"the secret"))
    assert shown == "Seal(secret:row-tags)"


def test_nothing_is_fresh_or_shielded_by_itself() -> None:
    assert not LoadState(SCOPE).fresh
    assert not Commit(Unit(SCOPE, lambda view: None)).shielded  # type: ignore[arg-type,return-value]
    assert Now() == Now()


def test_the_defaults_are_strict() -> None:
    settings = Settings()
    assert settings.token_life_seconds == 60
    assert settings.leeway_seconds == 2
    assert settings.state_retries == 2
    assert settings.flow_deadline_seconds == 5.0


def test_a_context_shows_no_key(world: World) -> None:
    assert "hidden" in repr(world.context)
