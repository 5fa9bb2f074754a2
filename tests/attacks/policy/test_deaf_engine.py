"""An engine that stores policies and does not evaluate them (opena2a #355) starts nothing, activates nothing and grants nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from intended_core import Allow, AssemblyError, Authority, Deny, Granted
from intended_core.engine import canary, evaluator
from intended_core.lang import compiler
from intended_core.outcome import Reason
from tests.reference.flow_world import World, intent

YES = Allow(rules=("anything",), reasons=(Reason(rule="anything", text="stored"),))


def test_opena2a_355_an_authority_does_not_start_on_an_engine_that_lets_through_what_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data", "keys"):
        (tmp_path / name).mkdir()
    places: dict[str, Any] = {"store": tmp_path / "data" / "a.db", "key_file": tmp_path / "keys" / "kek"}
    Authority.create(**places).close()
    Authority.open(**places).close()
    canary._known_set.cache_clear()
    monkeypatch.setattr(evaluator, "combine", lambda **_: YES)
    with pytest.raises(AssemblyError, match="does not decide as it must"):
        Authority.open(**places)
    monkeypatch.undo()
    canary._known_set.cache_clear()
    Authority.open(**places).close()


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets are compiled to plans that say yes to everybody."""

    def deaf(_schema: Any, _roots: Any, rules: Iterable[tuple[str, Any]]) -> Any:
        return dict.fromkeys([action for action, _ in rules], lambda *_: YES)

    monkeypatch.setattr(compiler, "plan_set", deaf)


def test_opena2a_355_a_set_that_lets_a_stranger_through_is_not_loaded(request: pytest.FixtureRequest) -> None:
    """Its actions are compiled when they are first asked for: that one lets a stranger through ends the whole set."""
    world = World()
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    request.getfixturevalue("stored")
    world.reopen()
    for _ in range(2):
        outcome = world.tenant.authorize(intent(), audience="bank")
        assert isinstance(outcome, Deny)
        assert outcome.kind == "error"


@pytest.mark.usefixtures("stored")
def test_opena2a_355_nor_activated() -> None:
    with pytest.raises(AssemblyError, match="a stranger's"):
        World()
