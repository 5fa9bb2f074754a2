"""The quick way accepts only what the thorough way accepts, and makes an equal value; everything else it leaves to it."""

from __future__ import annotations

import dataclasses
from collections import UserDict
from decimal import Decimal

import pytest

from intended_core import EntityRef, Intent
from intended_core.errors import IntentError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.intent import ValidIntent
from intended_core.lang import doorway as room
from intended_core.lang.checker import check
from intended_core.lang.doorway import NotPlainError, door
from intended_core.lang.intents import parse_wire, validate, validate_thoroughly
from intended_core.lang.source import Source

SCHEMA = """
enum Colour { "red", "green" }
lattice Conf { "public" < "secret" }
@root entity User; entity Bot; entity Doc;
type Line = { sku: String, price: Decimal };
action act { principal: User; resource: Doc;
  args: { n: Int, d: Decimal, s: String, b: Bool, wait: Duration, who: User | Bot, colour: Colour, conf: Conf,
          @max(3) names: Set<String>, @max(3) lines: Set<Line>, note?: String };
  context: { risk: Int, @from(caller) hint?: String }; }
action dated { principal: User; resource: Doc; args: { at: Datetime }; }
"""
CHECKED = check([Source.from_bytes("door.policy", (SCHEMA + '@id("p") permit p { action == act; }').encode())])
ANN, BOB, DOC = EntityRef("User", "ann"), EntityRef("Bot", "bob"), EntityRef("Doc", "d")
ARGS: dict[str, object] = {
    "n": -7, "d": "12.50", "s": "abc", "b": True, "wait": 60_000, "who": BOB, "colour": "red", "conf": "secret",
    "names": ["b", "a"], "lines": [{"sku": "x", "price": "-0.000000001"}],
}  # fmt: skip


def intent(args: object = None, **more: object) -> Intent:
    given: dict[str, object] = {
        "principal": ANN, "action": "act", "resource": DOC, "args": ARGS if args is None else args, "context": {"risk": 3},
        "origins": {"who": {"record"}, "lines.price": frozenset({"unknown", "user"})}, **more,
    }  # fmt: skip
    return Intent(**given)  # type: ignore[arg-type]


def through_the_door(given: Intent) -> ValidIntent:
    """Only the quick way."""
    declared = CHECKED.schema.actions["act"]
    enter = door(declared, frozenset({"who", "lines", "lines.price", "s"}))
    assert enter is not None
    return enter(given, None)


@pytest.mark.parametrize(
    "changes",
    [{}, {"note": "n"}, {"names": []}, {"names": ("x",)}, {"d": "-0"}, {"d": "999999999999999999.999999999"}, {"n": 2**53 - 1},
     {"who": ANN}, {"s": ""}, {"s": "\x7f\x01\""}, {"lines": []}, {"conf": "public"}],
)  # fmt: skip
def test_both_ways_make_the_same_value_and_the_same_bytes(changes: dict[str, object]) -> None:
    given = intent({**ARGS, **changes})
    quick, thorough = validate(CHECKED.schema, TEST_SCOPE, given), validate_thoroughly(CHECKED.schema, TEST_SCOPE, given)
    assert through_the_door(given).args == thorough.args
    for field in dataclasses.fields(ValidIntent):
        if field.name != "_late":
            assert getattr(quick, field.name) == getattr(thorough, field.name), field.name
    assert quick == thorough
    assert parse_wire(CHECKED.schema, TEST_SCOPE, quick.wire) == quick
    assert {name: type(value) for name, value in quick.args.items()} == {name: type(value) for name, value in thorough.args.items()}


class Text(str):
    """A text that is not exactly a str."""


@pytest.mark.parametrize(
    "args",
    [
        UserDict(ARGS), {**ARGS, "extra": 1}, {k: v for k, v in ARGS.items() if k != "n"}, {**ARGS, "n": True}, {**ARGS, "n": 2**53},
        {**ARGS, "n": 1.0}, {**ARGS, "d": Decimal("1.5")}, {**ARGS, "d": "1e3"}, {**ARGS, "d": "01"}, {**ARGS, "d": 1}, {**ARGS, "d": "١"},
        {**ARGS, "s": "é"}, {**ARGS, "s": "x" * 257}, {**ARGS, "s": Text("abc")}, {**ARGS, "s": "\ud800"}, {**ARGS, "b": 1},
        {**ARGS, "who": DOC}, {**ARGS, "who": {"__entity": {"type": "User", "id": "ann"}}}, {**ARGS, "who": EntityRef("User", "x" * 257)},
        {**ARGS, "colour": "blue"}, {**ARGS, "colour": Text("red")}, {**ARGS, "colour": ["red"]}, {**ARGS, "names": {"a", "b"}},
        {**ARGS, "names": ["a", "a"]}, {**ARGS, "names": ["a", "b", "c", "d"]}, {**ARGS, "names": "ab"}, {**ARGS, "names": ANN},
        {**ARGS, "lines": [{"sku": "x"}]}, {**ARGS, "note": None}, {**ARGS, "wait": True}, {**ARGS, Text("n"): 1, "x": 2},
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_thorough_way(args: object) -> None:
    given = intent(args)
    with pytest.raises((NotPlainError, KeyError, TypeError)):
        through_the_door(given)
    try:
        expected: object = validate_thoroughly(CHECKED.schema, TEST_SCOPE, given)
    except IntentError as error:
        expected = (error.problem, error.place)
    try:
        found: object = validate(CHECKED.schema, TEST_SCOPE, given)
    except IntentError as error:
        found = (error.problem, error.place)
    assert found == expected


@pytest.mark.parametrize(
    "more",
    [
        {"principal": DOC}, {"resource": ANN}, {"context": {"risk": 3, "hint": "x"}, "caller_context": frozenset({"hint"})},
        {"caller_context": frozenset({"risk"})}, {"origins": {"who": ["record"]}}, {"origins": {"who": set()}}, {"origins": {"who": {"elsewhere"}}},
        {"origins": {"nowhere": {"user"}}}, {"origins": {"who": "user"}}, {"origins": [("who", {"user"})]}, {"principal": EntityRef("User", "x" * 257)},
        {"origins": UserDict({"who": {"user"}})}, {"context": {}},
    ],
)  # fmt: skip
def test_strange_surroundings_are_left_to_the_thorough_way(more: dict[str, object]) -> None:
    with pytest.raises((NotPlainError, KeyError, TypeError, AttributeError)):
        through_the_door(intent(**more))


def test_what_the_host_changes_afterwards_changes_nothing() -> None:
    args = {**ARGS, "names": ["a"], "lines": [{"sku": "x", "price": "1"}]}
    given = intent(args)
    before = validate_thoroughly(CHECKED.schema, TEST_SCOPE, given)
    quick = validate(CHECKED.schema, TEST_SCOPE, given)
    args["n"] = 99
    args["names"].append("z")  # type: ignore[attr-defined]
    args["lines"][0]["price"] = "2"  # type: ignore[index]
    assert quick == before
    assert (quick.wire, quick.arh, quick.ith, quick.references) == (before.wire, before.arh, before.ith, before.references)


def test_an_action_that_could_grow_too_large_has_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = CHECKED.schema.actions["act"]
    monkeypatch.setattr(room, "MAX_BOUND", 4_000)
    assert door(declared, frozenset()) is None
    monkeypatch.undo()
    assert door(declared, frozenset("x" * 100 for _ in range(1))) is not None
    assert door(declared, frozenset(f"{n:0200d}" for n in range(1_000))) is None


def test_types_that_only_the_thorough_way_knows_have_no_door() -> None:
    assert door(CHECKED.schema.actions["dated"], frozenset()) is None
    given = Intent(principal=ANN, action="dated", resource=DOC, args={"at": "2026-11-23T10:00:00Z"})
    assert validate(CHECKED.schema, TEST_SCOPE, given).wire


def test_the_largest_plain_intent_stays_below_the_bound_on_bytes() -> None:
    worst = "\x01" * room.MAX_TEXT
    args = {**ARGS, "s": worst, "note": worst, "names": [worst[:-1] + chr(n) for n in (1, 2, 3)], "who": EntityRef("User", worst),
            "lines": [{"sku": worst, "price": str(n)} for n in range(3)]}  # fmt: skip
    made = through_the_door(intent(args))
    assert len(validate(CHECKED.schema, TEST_SCOPE, intent(args)).wire) <= room.MAX_BOUND
    assert made.args["s"] == worst


def test_an_intent_without_late_parts_has_no_other_attribute_either() -> None:
    made = through_the_door(intent())
    with pytest.raises(AttributeError):
        made.nothing  # type: ignore[attr-defined]  # noqa: B018
