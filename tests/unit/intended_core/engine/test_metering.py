"""Levels come in, reservations and comparisons go out; what cannot be counted denies."""

from __future__ import annotations

import pytest

from intended_core.engine.metering import levels_of, meter_uses
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import validate
from intended_core.outcome import Allow, Deny, Escalate, MeterUse
from intended_core.values import DECIMAL_MAX, DECIMAL_SCALE, INT_MAX
from tests.reference.policy_world import BOB, NOW_MS, World

METER = "meter m { on: [read]; key: [principal, args.s]; window: calendar_day(\"UTC\"); amount: args.n; }\n"
PERMIT = '@id("p") permit p { action == read; when resource.owner == resource.owner; }\n'
RULES = METER + PERMIT + '@id("f") forbid f { meter m > 10; }\n'


def uses(world: World, now_ms: int = NOW_MS, **more: object) -> tuple[MeterUse, ...]:
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent(**more))  # type: ignore[arg-type]
    found = meter_uses(world.compiled, valid, world.snapshot, now_ms=now_ms)
    assert isinstance(found, tuple)
    return found


def test_what_an_intent_adds() -> None:
    (use,) = uses(World.of(RULES), args={"n": 3})
    assert (use.meter, use.amount, use.window, use.end_ms and use.end_ms - use.start_ms) == ("m", 3, "calendar_day", 86_400_000)
    assert use.start_ms <= NOW_MS < (use.end_ms or 0)


def test_a_counter_is_named_by_meter_key_window_and_unit() -> None:
    world = World.of(RULES)
    same = uses(world)[0].key
    assert uses(world, args={"n": 5})[0].key == same
    assert len({same, uses(world, principal=BOB)[0].key, uses(world, args={"s": "x"})[0].key, uses(world, NOW_MS + 86_400_000)[0].key}) == 4
    other = World.of(RULES.replace("args.n", "args.d").replace("> 10", "> 10.0"))
    assert uses(other, args={"n": 3})[0].key != same
    assert uses(World.of(RULES.replace("UTC", "Europe/Paris")))[0].key != same


@pytest.mark.parametrize(("level", "kind"), [(0, ""), (9, ""), (10, "forbid"), (11, "forbid")])
def test_the_ceiling_is_compared_with_used_reserved_and_this(level: int, kind: str) -> None:
    answer = World.of(RULES).decide(readings={"m": level})
    if not kind:
        assert isinstance(answer, Allow)
        assert [(c.rule, c.meter, c.ceiling, c.over) for c in answer.comparisons] == [("f", "m", 10, False)]
        assert [use.amount for use in answer.reservations] == [1]
    else:
        assert isinstance(answer, Deny)
        assert (answer.kind, answer.rules) == (kind, ("f",))


def test_a_gate_over_its_ceiling_asks_people_and_what_they_approve_is_counted() -> None:
    world = World.of(METER + PERMIT + '@id("g") escalate g { meter m > 10; approval { from: Group::"board"; quorum: 1; expires: 1h; } }')
    waiting = world.decide(readings={"m": 10})
    assert isinstance(waiting, Escalate)
    assert waiting.rules == ("g",)
    allowed = world.decide(readings={"m": 10}, approved=frozenset({"g#1"}))
    assert isinstance(allowed, Allow)
    assert [(c.over, c.rule) for c in allowed.comparisons] == [(True, "g")]
    assert len(allowed.reservations) == 1


@pytest.mark.parametrize("readings", [None, {}, {"other": 1}, {"m": -1}, {"m": True}, {"m": INT_MAX}])
def test_a_level_that_is_not_known_denies(readings: dict[str, int] | None) -> None:
    answer = World.of(RULES).decide(readings=readings)
    assert isinstance(answer, Deny)
    assert answer.kind == "error"


def test_an_amount_below_nothing_denies() -> None:
    answer = World.of(RULES).decide(World.of(RULES).intent(args={"n": -1}), readings={"m": 0})
    assert isinstance(answer, Deny)
    assert answer.kind == "error"


def test_it_counts_also_where_no_rule_asks_it() -> None:
    answer = World.of(METER + PERMIT).decide(readings={"m": 0})
    assert isinstance(answer, Allow)
    assert (len(answer.reservations), answer.comparisons) == (1, ())


def test_conditions_come_before_the_meter() -> None:
    rules = METER + PERMIT + '@id("f") forbid f { meter m > 0; when args.s == "other"; }\n'
    assert isinstance(World.of(rules).decide(readings={"m": 5}), Allow)


def test_a_zone_that_nobody_knows_denies() -> None:
    answer = World.of(RULES.replace('"UTC"', '"Mars/Olympus"')).decide(readings={"m": 0})
    assert isinstance(answer, Deny)
    assert answer.kind == "error"


def test_decimal_levels_overflow_at_eighteen_digits() -> None:
    world = World.of(RULES.replace("args.n", "args.d").replace("> 10", "> 999_999_999_999_999_999.0"))
    (use,) = uses(world)
    assert use.amount == DECIMAL_SCALE * 3 // 2
    assert isinstance(levels_of(world.compiled, "read", (use,), {"m": DECIMAL_MAX - use.amount}), dict)
    assert isinstance(levels_of(world.compiled, "read", (use,), {"m": DECIMAL_MAX - use.amount + 1}), Deny)


def test_a_session_is_part_of_the_name() -> None:
    world = World.of(RULES.replace('calendar_day("UTC")', "session(context.risk)"))
    one, two = uses(world, context={"risk": 1})[0], uses(world, context={"risk": 2})[0]
    assert one.key != two.key
    assert (one.window, one.end_ms) == ("session", None)
