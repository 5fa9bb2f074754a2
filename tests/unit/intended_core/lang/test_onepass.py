"""One pass makes the same value, the same bytes and the same references as the thorough way, or leaves the answer to it."""

from __future__ import annotations

import dataclasses
from collections import UserDict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core import EntityRef, Intent
from intended_core.errors import IntentError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.intent import Call, ValidIntent
from intended_core.lang import intents as room
from intended_core.lang.checker import check
from intended_core.lang.doorway import NotPlainError
from intended_core.lang.intents import (
    validate_call,
    validate_call_thoroughly,
    validate_thoroughly,
    validate_whole,
)
from intended_core.lang.onepass import json_text, origins_text, taker
from intended_core.lang.source import Source
from intended_core.lang.typedata import converter

SCHEMA = """
enum Colour { "red", "green" }
lattice Conf { "public" < "secret" }
@root entity User; entity Bot; entity Doc;
type Line = { sku: String, price: Decimal };
action act { principal: User; resource: Doc;
  args: { n: Int, d: Decimal, s: String, b: Bool, wait: Duration, who: User | Bot, colour: Colour, conf: Conf,
          @max(3) names: Set<String>, @max(3) lines: List<Line>, at: Datetime, link: Url, line: Line, note?: String };
  context: { risk: Int, @from(caller) hint?: String }; }
"""
CHECKED = check([Source.from_bytes("pass.policy", (SCHEMA + '@id("p") permit p { action == act; }').encode())])
ACT = CHECKED.schema.actions["act"]
ANN, BOB, DOC = EntityRef("User", "ann"), EntityRef("Bot", "bob"), EntityRef("Doc", "d")
ARGS: dict[str, Any] = {
    "n": -7, "d": "12.50", "s": "abc", "b": True, "wait": 60_000, "who": BOB, "colour": "red", "conf": "secret",
    "names": ["b", "a"], "lines": [{"sku": "x", "price": "-0.000000001"}], "at": "2026-11-23T10:00:00Z",
    "link": "https://a.example/x", "line": {"price": "1", "sku": ""},
}  # fmt: skip


class Text(str):
    """A text that is not exactly a str."""


def intent(args: object = None, **more: object) -> Intent:
    stated: dict[str, object] = {
        "principal": ANN, "action": "act", "resource": DOC, "args": ARGS if args is None else args, "context": {"risk": 3},
        "origins": {"who": {"record"}, "lines.price": frozenset({"unknown", "user"})}, **more,
    }  # fmt: skip
    return Intent(**stated)  # type: ignore[arg-type]


def answer(call: Callable[[], object]) -> object:
    try:
        return call()
    except IntentError as error:
        return (error.problem, error.place)


def agree(stated: Intent) -> None:
    """Both ways give the same in every part, or the same refusal."""
    quick = answer(lambda: validate_whole(CHECKED.schema, TEST_SCOPE, stated))
    thorough = answer(lambda: validate_thoroughly(CHECKED.schema, TEST_SCOPE, stated))
    assert quick == thorough
    if isinstance(quick, ValidIntent) and isinstance(thorough, ValidIntent):
        for field in dataclasses.fields(ValidIntent):
            if field.name != "_late":
                assert getattr(quick, field.name) == getattr(thorough, field.name), field.name
        assert list(quick.args) == list(thorough.args)
        assert [type(value) for value in quick.args.values()] == [type(value) for value in thorough.args.values()]
    call = Call(action=stated.action, resource=stated.resource, args=stated.args)
    assert answer(lambda: validate_call(CHECKED.schema, TEST_SCOPE, call)) == answer(
        lambda: validate_call_thoroughly(CHECKED.schema, TEST_SCOPE, call)
    )


DECIMALS = st.one_of(st.from_regex(r"-?[0-9]{1,19}(\.[0-9]{1,10})?", fullmatch=True), st.sampled_from(["-0", "-0.00", "0.10", "1e3", "١"]))
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["", '"', "\\", "\x7f", "\x00", "é", "\ud800", "x" * 300, "x" * 5000]))
REFS = st.sampled_from([ANN, BOB, DOC, EntityRef("User", 'a"\\é\n'), {"__entity": {"type": "User", "id": "q"}}, "ann", None])
STRANGE = st.sampled_from([None, 1.0, True, [], {}, Text("red"), Decimal("1.50"), "x", 2**53, UserDict({"sku": "x", "price": "1"})])
LINES = st.fixed_dictionaries({"sku": TEXTS, "price": DECIMALS})
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": st.integers(-(2**54), 2**54), "d": DECIMALS, "s": TEXTS, "b": st.booleans(), "wait": st.integers(-5, 5), "who": REFS,
    "colour": st.sampled_from(["red", "green", "blue"]), "conf": st.sampled_from(["public", "secret", 1]),
    "names": st.lists(TEXTS, max_size=4), "lines": st.lists(LINES, max_size=4), "at": st.sampled_from(["2026-11-23T10:00:00.5Z", "x"]),
    "link": st.sampled_from(["https://a.example/y", "HTTP://x", ""]), "line": LINES, "note": TEXTS, "other": TEXTS,
}  # fmt: skip


@given(
    changes=st.fixed_dictionaries({}, optional={name: st.one_of(value, value, value, STRANGE) for name, value in VALUES.items()}),
    left=st.sets(st.sampled_from(sorted(ARGS)), max_size=1),
    many=st.integers(0, 3),
)
def test_both_ways_agree_on_whatever_is_given(changes: dict[str, Any], left: set[str], many: int) -> None:
    kept = dict(list(changes.items())[: many or None])
    agree(intent({name: value for name, value in {**ARGS, **kept}.items() if many or name not in left}))


@pytest.mark.parametrize("name", sorted(VALUES))
def test_each_kind_of_value_goes_both_ways_alike(name: str) -> None:
    for value in ("-0.0", "0.000000000", "7", "", '"\\', "é\ud800", "green", -1, 0, True, None, [], [BOB], ANN, DOC, {}, {"sku": "s", "price": "-1.10"}):
        agree(intent({**ARGS, name: value}))


@pytest.mark.parametrize(
    "more",
    [
        {"principal": DOC}, {"resource": ANN}, {"context": {"risk": 3, "hint": "x"}, "caller_context": frozenset({"hint"})},
        {"caller_context": frozenset({"risk"})}, {"origins": {"who": ["record"]}}, {"origins": {"who": set()}},
        {"origins": {"nowhere": {"user"}}}, {"origins": [("who", {"user"})]}, {"context": {}}, {"context": None}, {"action": "none"},
        {"origins": {}}, {"principal": EntityRef("User", "x" * 500 + '"é')}, {"args": UserDict(ARGS)}, {"args": None}, {"action": ["act"]},
    ],
)  # fmt: skip
def test_what_stands_around_the_args_goes_both_ways_alike(more: dict[str, object]) -> None:
    agree(intent(**more))


def test_plain_data_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def thorough(*_: object) -> None:
        raise AssertionError("the thorough way")

    monkeypatch.setattr(room, "validate_thoroughly", thorough)
    monkeypatch.setattr(room, "validate_call_thoroughly", thorough)
    given = intent()
    assert validate_whole(CHECKED.schema, TEST_SCOPE, given).arh == validate_call(CHECKED.schema, TEST_SCOPE, given.call()).arh


class Chameleon(str):
    """A text that calls itself equal to every other."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("d")


def test_a_text_that_calls_itself_another_is_no_entitys_id() -> None:
    """So it is never remembered for the text that it says it is."""
    for kind, name in (("Doc", Chameleon("elsewhere")), (Chameleon("Doc"), "d")):
        with pytest.raises(IntentError):
            EntityRef(kind, name)


@pytest.mark.parametrize(
    "told",
    [
        {"who": {"user"}}, {"who": frozenset({"unknown"})}, {"line.price": {"record", "user"}, "who": {"content"}}, {"who": {"user"}, "line.price": {"unknown"}},
        {"who": ("user",)}, {"who": {"nobody"}}, {"who": {1}}, {"who": {"user", 1}}, {"who": "user"}, {1: {"user"}}, UserDict({"who": {"user"}}),
    ],
)  # fmt: skip
def test_origins_go_both_ways_alike(told: Any) -> None:
    agree(intent(origins=told))


def test_a_place_or_path_that_calls_itself_another_takes_the_thorough_way() -> None:
    for told in ({"who": {Chameleon("nobody")}}, {"who": frozenset({"user", Chameleon("record")})}, {Chameleon("who"): {"user"}}, {"who": set()}):
        with pytest.raises(NotPlainError):
            origins_text(frozenset({"who"}), told)
    assert origins_text(frozenset({"who", "b"}), {"who": {"unknown"}, "b": {"user"}}) == (
        {"who": {"unknown", "content"}, "b": {"user"}}, '{"b":["user"],"who":["content","unknown"]}',
    )  # fmt: skip


def test_what_is_too_large_is_left_to_the_thorough_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_INTENT_BYTES", 200)
    agree(intent())
    assert isinstance(answer(lambda: validate_whole(CHECKED.schema, TEST_SCOPE, intent())), tuple)


def test_a_taker_writes_what_the_converter_would_have_encoded() -> None:
    refs: set[EntityRef] = set()
    others: set[EntityRef] = set()
    made, text = taker(ACT.args)(ARGS, refs)
    value, wire = converter(ACT.args)(ARGS, "args", others)
    assert (made, text, refs) == (value, json_text(wire), others)
    assert list(made) == [member.name for member in ACT.args.members if member.name in ARGS]
