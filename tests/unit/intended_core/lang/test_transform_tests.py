"""Tests from their parse trees: each statement becomes a step, in order."""

from __future__ import annotations

from intended_core.lang import ast
from intended_core.lang.parser import parse
from intended_core.lang.source import Source


def test_the_steps_of_a_test_block() -> None:
    text = (
        'test "t" partial with f, g { given a = 1; intent { principal: U::"u"; action: "x/y"; resource: R::"r"; now: n; } expect allow by r;'
        ' case "c" { a: 2 } expect deny(forbid) by r, s; again { a: 3 } expect deny; advance 1d; approve by [U::"u", U::"v"];'
        ' again expect allow obliges o(x: 1), p; }'
    )
    (made,), problems = parse(Source.from_text("a.policy", text))
    assert problems == ()
    assert isinstance(made, ast.TestDecl)
    assert made.partial
    assert [name.text for name in made.fixtures] == ["f", "g"]
    assert [step.kind for step in made.steps] == ["expect", "case", "again", "advance", "approve", "again"]
    assert [step.name.text for step in made.steps if step.name is not None] == ["c"]
    assert [person.id for person in made.steps[4].persons] == ["u", "v"]
    last = made.steps[-1].expect
    assert last is not None
    assert [item.name.text for item in last.obliges or ()] == ["o", "p"]
    first = made.steps[0].expect
    assert first is not None
    assert first.obliges is None
    assert made.steps[1].expect is not None
    assert made.steps[1].expect.deny_class is not None
