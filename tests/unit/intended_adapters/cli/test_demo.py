"""demo: everything it promises is in it, each step really happened, and it fits a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from intended_adapters.cli import demo as room
from intended_adapters.cli.demo import Step, Story, example_files, play


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return play(lambda _: None)


def test_every_chapter_and_attack_is_played(steps: list[Step]) -> None:
    got = {(step.chapter, step.what.split(" (")[0]): step.got for step in steps}
    for what in ("at another adapter", "at another tenant", "for another amount", "the same token again"):
        assert got["a stolen token", what] == "refused"
    assert got["a stolen token", "two minutes later, expired"] == "refused"
    assert got["a stolen token", "for exactly what was allowed"] == "done"
    assert got["an attacker at the database", "one byte of one record flipped"] == "TAMPERED"
    assert got["an attacker at the database", "the newest records cut off"] == "TRUNCATED"
    assert {step.got for step in steps if step.chapter == "an honest day"} == {"allow", "escalate"}
    assert {step.got for step in steps if step.chapter == "an attacker's day"} == {"deny"}
    assert "CONSISTENT_UNANCHORED" in {step.got for step in steps if step.chapter == "an auditor, offline"}
    assert [step.what for step in steps if not step.right] == []


def test_a_step_that_went_wrong_is_marked_and_fails(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, steps: list[Step]
) -> None:
    def broken(tell: Callable[[Step], None]) -> list[Step]:
        story = Story(tell)
        story.add("a stolen token", "the same token again", "refused", "done")
        return story.steps

    monkeypatch.setattr(room, "play", broken)
    done = run("demo")
    assert done.code == 1
    assert "✗" in done.out
    assert "1 of them not as they should be" in done.out
    assert run("demo", "--json").json["ok"] is False


def test_it_fits_80_columns_and_json_tells_the_same(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, steps: list[Step]
) -> None:
    def told(tell: Callable[[Step], None]) -> list[Step]:
        for step in steps:
            tell(step)
        return steps

    monkeypatch.setattr(room, "play", told)
    shown = run("demo")
    assert shown.code == 0
    assert [line for line in shown.out.splitlines() if len(line) > 80] == []
    for step in steps:
        assert step.what.split()[0] in shown.out
    data = run("demo", "--json").json
    assert [(one["what"], one["got"], one["ok"]) for one in data["steps"]] == [(s.what, s.got, s.right) for s in steps]
    assert run("demo", "--brief").out.count("\n") <= 2


def test_the_story_is_packaged() -> None:
    assert {"entities.json", "intents.json"} <= example_files("payments").keys()
