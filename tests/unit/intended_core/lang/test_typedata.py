"""Converters and decoders: one value, one wire form, and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core import EntityRef, IntentError
from intended_core.canonical import canonical_json
from intended_core.lang.typedata import MAX_SET, MAX_STRING_BYTES, Refs, converter, decoder
from intended_core.lang.types import (
    BOOL,
    DATETIME,
    DECIMAL,
    DURATION,
    EMAIL,
    INT,
    STRING,
    EntityType,
    EnumType,
    Member,
    RecordType,
    SetType,
    Type,
)
from intended_core.values import DECIMAL_MAX, DECIMAL_SCALE, SAFE_INT, Record, format_decimal

COLOUR = EnumType("Colour", ("red", "green"))
WHO = EntityType(("Agent", "User"))
ANN = EntityRef("User", "ann")


@pytest.mark.parametrize(
    ("wanted", "given_", "value", "wire"),
    [
        (BOOL, True, True, True), (INT, 5, 5, "i:5"), (INT, -SAFE_INT, -SAFE_INT, f"i:{-SAFE_INT}"), (STRING, "i:5", "i:5", "s:i:5"),
        (STRING, "", "", "s:"), (STRING, "x" * MAX_STRING_BYTES, "x" * MAX_STRING_BYTES, "s:" + "x" * MAX_STRING_BYTES),
        (DECIMAL, "1.50", 1_500_000_000, "d:1.5"), (DECIMAL, "-0", 0, "d:0"), (DECIMAL, Decimal("12.5"), 12_500_000_000, "d:12.5"),
        (DECIMAL, "9" * 18 + "." + "9" * 9, DECIMAL_MAX, "d:" + "9" * 18 + "." + "9" * 9),
        (EMAIL, "a.b+c@example.org", "a.b+c@example.org", "s:a.b+c@example.org"),
        (DATETIME, "1970-01-01T00:00:01Z", 1000, "t:1970-01-01T00:00:01Z"), (DATETIME, "1970-01-01T00:00:01.000Z", 1000, "t:1970-01-01T00:00:01Z"),
        (DURATION, 90, 90, "u:90"), (COLOUR, "red", "red", "s:red"), (WHO, ANN, ANN, {"@": ["User", "ann"]}),
        (SetType(INT, 3), [10, 9], frozenset({9, 10}), ["i:10", "i:9"]), (SetType(INT, 3), [], frozenset(), []),
        (RecordType(()), {}, Record(), {}),
    ],
)  # fmt: skip
def test_a_value_and_its_wire_form(wanted: Type, given_: object, value: object, wire: object) -> None:
    assert converter(wanted)(given_, "x", set()) == (value, wire)
    again = decoder(wanted)(wire)  # type: ignore[arg-type]
    assert converter(wanted)(again, "x", set()) == (value, wire)


def test_references_are_collected() -> None:
    refs: Refs = set()
    converter(RecordType((Member("a", SetType(WHO, 4)), Member("b", WHO))))(
        {"a": [EntityRef("Agent", "x"), {"__entity": {"type": "User", "id": "y"}}], "b": ANN}, "x", refs
    )
    assert refs == {ANN, EntityRef("Agent", "x"), EntityRef("User", "y")}


@pytest.mark.parametrize(
    "email",
    ["a@b", "@example.org", "a@", "a@-x.org", "a@x-.org", "a@x..org", ".a@x.org", "a.@x.org", "a..b@x.org", "a b@x.org", "é@x.org",
     "a@é.org", "a" * 65 + "@x.org", "a@" + ".".join(["x" * 60] * 5) + ".org", "a@x.org ", "a@[1.2.3.4]", '"a b"@x.org', "a@X.org"],
)  # fmt: skip
def test_an_email_that_is_not_canonical_is_refused(email: str) -> None:
    with pytest.raises(IntentError):
        converter(EMAIL)(email, "x", set())


def test_a_set_without_max_is_bounded() -> None:
    assert len(converter(SetType(INT))(list(range(MAX_SET)), "x", set())[1]) == MAX_SET  # type: ignore[arg-type]
    with pytest.raises(IntentError):
        converter(SetType(INT))(list(range(MAX_SET + 1)), "x", set())


def test_two_spellings_of_one_decimal_are_one_element() -> None:
    with pytest.raises(IntentError) as caught:
        converter(SetType(DECIMAL, 3))(["1.5", "1.50"], "x", set())
    assert caught.value.place == "x"


def test_twins_of_one_letter_stay_two() -> None:
    made, wire = converter(SetType(STRING, 3))(["é", "e\u0301"], "x", set())
    assert len(made) == len(wire) == 2  # type: ignore[arg-type]


def test_a_record_is_read_once_and_frozen() -> None:
    given_ = {"a": [1]}
    made, _ = converter(RecordType((Member("a", SetType(INT, 3)),)))(given_, "x", set())
    given_["a"].append(2)
    assert made == Record(a=frozenset({1}))
    with pytest.raises(TypeError):
        made["a"] = frozenset()  # type: ignore[index]


@pytest.mark.parametrize(
    ("wanted", "wire"),
    [(INT, "s:1"), (INT, 1), (INT, "i:x"), (INT, "i:"), (STRING, "x"), (STRING, None), (DECIMAL, "i:1"), (DATETIME, "s:x"), (DURATION, "i:1"),
     (COLOUR, "red"), (WHO, "User"), (WHO, {"@": ["User"]}), (WHO, {"@": [1, 2]}), (SetType(INT, 3), {}), (RecordType(()), []),
     (RecordType(()), {"a": 1})],
)  # fmt: skip
def test_another_wire_form_is_not_decoded(wanted: Type, wire: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        decoder(wanted)(wire)  # type: ignore[arg-type]


SCALARS: list[tuple[Type, st.SearchStrategy[object]]] = [
    (BOOL, st.booleans()), (INT, st.integers(-SAFE_INT, SAFE_INT)), (STRING, st.text(max_size=20)), (COLOUR, st.sampled_from(["red", "green"])),
    (DECIMAL, st.integers(-DECIMAL_MAX, DECIMAL_MAX).map(format_decimal)), (DURATION, st.integers(-SAFE_INT, SAFE_INT)),
    (WHO, st.builds(EntityRef, st.sampled_from(["User", "Agent"]), st.text(min_size=1, max_size=5))),
]  # fmt: skip


@st.composite
def typed(draw: st.DrawFn, depth: int = 0) -> tuple[Type, object]:
    """A type and a value of it."""
    kind, values = draw(st.sampled_from(SCALARS))
    form = draw(st.integers(0, 3)) if depth < 2 else 3
    if form == 0:
        return SetType(kind, 4), draw(st.lists(values, max_size=4, unique=True))
    if form == 1:
        members = draw(st.dictionaries(st.sampled_from(["a", "b", "c"]), typed(depth=depth + 1), max_size=3))
        return RecordType(tuple(Member(n, t) for n, (t, _) in members.items())), {n: v for n, (_, v) in members.items()}
    return kind, draw(values)


@given(typed())
def test_every_value_survives_its_wire_form(case: tuple[Type, object]) -> None:
    wanted, value = case
    made, wire = converter(wanted)(value, "x", set())
    assert converter(wanted)(decoder(wanted)(wire), "x", set()) == (made, wire)
    canonical_json(wire)


@given(typed(), typed())
def test_values_of_two_types_never_share_a_wire_form(first: tuple[Type, object], second: tuple[Type, object]) -> None:
    (one, a), (two, b) = first, second
    if {type(one), type(two)} <= {type(INT)} and one != two:
        assert converter(one)(a, "x", set())[1] != converter(two)(b, "x", set())[1]


def test_the_scale_is_nine_digits() -> None:
    assert converter(DECIMAL)("1", "x", set())[0] == DECIMAL_SCALE
