"""The function in a straight line: exactly what the takers accept, the same values, and nothing of a schema in its text."""

from __future__ import annotations

from types import FunctionType

import pytest

from intended_core import EntityRef, Intent
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check
from intended_core.lang.doorway import NotPlainError, door
from intended_core.lang.intents import validate_thoroughly
from intended_core.lang.source import Source

SCHEMA = """
enum Colour { "red", "green" }
@root entity User; entity Bot; entity Doc;
type Part = { size: Int, colour?: Colour };
action act { principal: User; resource: Doc;
  args: { len: Int, flag: Bool, name?: String, part: Part, who?: User | Bot, marks: List<Int> };
  context: { dict?: Int }; }
@id("p") permit p { action == act; }
"""
CHECKED = check([Source.from_bytes("straight.policy", SCHEMA.encode())])
DECLARED = CHECKED.schema.actions["act"]
ENTER = door(DECLARED, frozenset({"len"}))
WHOLE = {
    "len": 1, "flag": False, "name": "n", "part": {"size": 2, "colour": "red"}, "who": EntityRef("Bot", "b"), "marks": [1],
}  # fmt: skip


def asked(args: object, context: object = None, **more: object) -> Intent:
    given: dict[str, object] = {
        "principal": EntityRef("User", "ann"), "action": "act", "resource": EntityRef("Doc", "d"), "args": args,
        "context": {} if context is None else context, **more,
    }  # fmt: skip
    return Intent(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("left_out", [(), ("name",), ("who",), ("name", "who")])
@pytest.mark.parametrize("context", [{}, {"dict": 3}])
def test_it_makes_the_values_of_the_thorough_way(left_out: tuple[str, ...], context: dict[str, object]) -> None:
    given = asked({name: value for name, value in WHOLE.items() if name not in left_out}, context)
    assert ENTER is not None
    quick, thorough = ENTER(given, None), validate_thoroughly(CHECKED.schema, TEST_SCOPE, given)
    for name in ("principal", "action", "resource", "args", "context", "origins", "chain"):
        assert getattr(quick, name) == getattr(thorough, name)
        assert type(getattr(quick, name)) is type(getattr(thorough, name))


@pytest.mark.parametrize(
    "args",
    [
        {**WHOLE, "len": True}, {**WHOLE, "len": 2**53}, {**WHOLE, "flag": 0}, {**WHOLE, "name": None}, {**WHOLE, "name": "x" * 257},
        {**WHOLE, "name": "é"}, {**WHOLE, "part": {"size": 1, "colour": "blue"}}, {**WHOLE, "part": {"size": 1, "more": 1}},
        {**WHOLE, "part": {"colour": "red"}}, {**WHOLE, "who": EntityRef("Doc", "d")}, {**WHOLE, "who": EntityRef("User", "x" * 257)},
        {**WHOLE, "marks": [1] * 65}, {**WHOLE, "marks": {1}}, {**WHOLE, "extra": 1}, {"len": 1}, [], None,
    ],
)  # fmt: skip
def test_all_else_is_left_to_the_thorough_way(args: object) -> None:
    assert ENTER is not None
    with pytest.raises((NotPlainError, KeyError)):
        ENTER(asked(args), None)


@pytest.mark.parametrize(
    "more",
    [
        {"principal": EntityRef("Bot", "b")}, {"resource": EntityRef("User", "u")}, {"caller_context": {"dict"}},
        {"origins": {"flag": {"user"}}}, {"origins": {"len": ["user"]}}, {"origins": {"len": {"nowhere"}}}, {"context": {"dict": "x"}},
    ],
)  # fmt: skip
def test_so_is_what_stands_beside_the_args(more: dict[str, object]) -> None:
    given = {"context": {}, **more}
    assert ENTER is not None
    with pytest.raises((NotPlainError, KeyError)):
        ENTER(asked(WHOLE, given.pop("context"), **given), None)


def test_names_of_a_schema_never_reach_the_text() -> None:
    assert isinstance(ENTER, FunctionType)
    known = {"enter", "i", "late"}
    written = {text for text in (*ENTER.__code__.co_consts, *ENTER.__code__.co_varnames) if isinstance(text, str)} - known
    assert not written & {"len", "flag", "part", "size", "colour", "marks", "dict", "act", "User", "Doc", "Bot", "red"}
