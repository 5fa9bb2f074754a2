"""The canary passes on the engine as it is, and notices each way in which an engine may not evaluate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from intended_core import Allow, AssemblyError, Deny, Escalate
from intended_core.engine import canary, evaluator
from intended_core.engine.canary import check_engine, check_set
from intended_core.outcome import Reason
from tests.reference.policy_world import World

YES = Allow(rules=("a",), reasons=(Reason(rule="a", text="a"),))
NO = Deny(kind="default", reasons=(Reason(text="no"),))


def test_the_engine_as_it_is_passes_each_time() -> None:
    for _ in range(3):
        check_engine()


@pytest.mark.parametrize("answer", [YES, NO])
def test_an_engine_that_always_says_the_same_does_not_start(monkeypatch: pytest.MonkeyPatch, answer: Allow | Deny) -> None:
    monkeypatch.setattr(canary, "decide", lambda *_, **__: answer)
    with pytest.raises(AssemblyError, match="does not decide as it must"):
        check_engine()


def _without(name: str) -> Callable[..., Any]:
    combine = evaluator.combine

    def deaf(**given: Any) -> Allow | Deny | Escalate:
        return combine(**{**given, name: ()})

    return deaf


@pytest.mark.parametrize("ignored", ["failed", "forbids", "gates"])
def test_an_engine_that_ignores_what_narrows_does_not_start(monkeypatch: pytest.MonkeyPatch, ignored: str) -> None:
    canary._known_set.cache_clear()  # what plans have prepared was prepared by the engine as it is
    monkeypatch.setattr(evaluator, "combine", _without(ignored))
    with pytest.raises(AssemblyError, match="a known intent"):
        check_engine()
    canary._known_set.cache_clear()


def test_every_action_of_a_set_is_asked_about_a_stranger() -> None:
    world = World.of('@id("p") permit p { action == read; when true; } @id("q") permit q { action == write; }')
    check_set(world.compiled)
    for action in ("read", "write"):
        plans = {**world.compiled.plans, action: lambda *_: YES}
        with pytest.raises(AssemblyError, match=f"a stranger's {action} ends in Allow"):
            check_set(dataclasses.replace(world.compiled, plans=plans))


def test_every_kind_of_stranger_is_asked() -> None:
    world = World.of('@id("p") permit p { action == read; when true; }')

    def plan(intent: Any, *_: object) -> Allow | Deny:
        return YES if intent.principal.type == "Agent" else Deny(kind="error", reasons=NO.reasons)

    with pytest.raises(AssemblyError):
        check_set(dataclasses.replace(world.compiled, plans={"read": plan}))


def test_a_set_with_meters_is_asked_too() -> None:
    meter = "meter m { on: [read]; key: [principal]; window: sliding(1m); amount: 1; }"
    check_set(World.of(meter + '@id("p") permit p { action == read; }').compiled)
