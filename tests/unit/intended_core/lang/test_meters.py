"""Meters are typed for each of their actions; nothing of what they count can be left out."""

from __future__ import annotations

import pytest

from intended_core.lang.types import DECIMAL, INT
from tests.unit.intended_core.lang.support import refused, run


def meter(on: str = "[transfer]", key: str = "[principal]", window: str = 'calendar_day("UTC")', amount: str = "1") -> str:
    return f"meter m {{ on: {on}; key: {key}; window: {window}; amount: {amount}; }}\n"


def test_a_meter_has_a_body_for_each_action() -> None:
    checked, _ = run(meter(on="[transfer, close]", key="[principal, resource]") + '@id("a") forbid r { meter m > 3; }')
    assert checked is not None
    made = checked.meters["m"]
    assert (sorted(made.bodies), made.window, made.unit, made.length_ms) == (["close", "transfer"], "calendar_day", INT, 0)
    assert sorted(checked.rules[0].bodies) == ["close", "transfer"]
    assert all(body.meter is not None for body in checked.rules[0].bodies.values())


def test_the_unit_is_that_of_the_amount() -> None:
    checked, _ = run(meter(amount="args.amount", window="sliding(90s)") + '@id("a") forbid r { meter m > 3; }')
    assert checked is not None
    assert (checked.meters["m"].unit, checked.meters["m"].length_ms) == (DECIMAL, 90_000)
    test = checked.rules[0].bodies["transfer"].meter
    assert test is not None
    assert test.ceiling.type == DECIMAL


@pytest.mark.parametrize("window", ["lifetime", 'calendar_month("Europe/Paris")', "sliding(1m)", "session(context.risk)"])
def test_windows(window: str) -> None:
    assert refused(meter(window=window)) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (meter(on="[nothing]"), "name.unknown"),
        (meter(on="[transfer, transfer]"), "field.repeated"),
        (meter(on="[transfer, close]", amount="args.amount"), "type.member"),
        (meter(key="[args.to]"), "type.mismatch"),
        (meter(key="[args.reason]"), "type.optional"),
        (meter(key='[args?.reason ?? ""]'), "polarity"),
        (meter(key='["content" in origin(args.payee)]'), "polarity"),
        (meter(amount='"x"'), "type.mismatch"),
        (meter(amount="-1"), "type.literal"),
        (meter(amount="if args has reason then 1 else 2"), "polarity"),
        (meter(window="sliding(args.amount)"), "name.unknown"),
        (meter(window="sliding(0s)"), "type.literal"),
        (meter(window="sliding(367d)"), "type.literal"),
        (meter(window="lifetime(1)"), "meter.window"),
        (meter(window="calendar_day(3)"), "type.mismatch"),
        (meter(window="session(args.urgent)"), "meter.window"),
        (meter(window="week"), "meter.window"),
        (meter() + meter(), "name.duplicate"),
        (meter().replace("amount: 1;", "amount: 1; amount: 2;"), "field.repeated"),
        (meter() + '@id("a") forbid r { action == close; meter m > 1; }', "meter.scope"),
        (meter() + '@id("a") forbid r { meter m > 1.5; }', "type.literal"),
        (meter() + '@id("a") forbid r { meter m > args.to.size() + (args?.cc ?? []).size(); }', "polarity"),
        (meter() + '@id("a") permit r { meter m > 1; }', "clause.misplaced"),
        (meter(key="[" + ", ".join(["principal"] * 9) + "]"), "limit.nesting"),
        ("@max(3) " + meter(), "annotation.unknown"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str) -> None:
    assert code in refused(text)


def test_the_meaning_is_in_the_digest() -> None:
    rule = '@id("a") forbid r { meter m > 3; }'
    digests = set()
    for text in (meter(), meter(amount="2"), meter(window="lifetime"), meter(key="[resource]"), meter(window='calendar_day("Europe/Paris")')):
        checked, _ = run(text + rule)
        assert checked is not None
        digests.add(checked.semantic_digest)
    assert len(digests) == 5
