"""Cedar's own operations, at their edges."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.operations import CEDAR_OPERATIONS
from intended_core.lang.cedar.refs import CedarRef, tags_of
from intended_core.lang.faults import EvaluationError
from intended_core.values import Record

ANN, BOB = CedarRef("User", "ann"), CedarRef("User", "bob")
HELD = {ANN: Record({"a": 1}), tags_of(ANN): Record({"t": "x"})}


def run(name: str, *args: object) -> object:
    return CEDAR_OPERATIONS[name](*args)


def test_what_is_not_there_has_nothing() -> None:
    assert run("has", HELD, ANN, "a") is True
    assert run("has", HELD, ANN, "b") is False
    assert run("has", HELD, BOB, "a") is False
    assert run("has_tag", HELD, ANN, "t") is True
    assert run("has_tag", HELD, ANN, "a") is False
    assert run("has_tag", HELD, BOB, "t") is False


def test_a_tag_that_is_not_there_is_an_error() -> None:
    assert run("get_tag", HELD, ANN, "t") == "x"
    for ref, key in ((ANN, "u"), (BOB, "t")):
        with pytest.raises(EvaluationError):
            run("get_tag", HELD, ref, key)


@pytest.mark.parametrize(
    ("name", "args", "wanted"),
    [
        ("in_range", ("10.1.0.0/16", "10.0.0.0/8"), True), ("in_range", ("10.0.0.0/8", "10.1.0.0/16"), False), ("in_range", ("::1/128", "0.0.0.0/0"), False), ("in_range", ("10.0.0.1/32", "10.0.0.9/24"), True),
        ("is_ipv4", ("1.2.3.4/32",), True), ("is_ipv4", ("::1/128",), False), ("is_ipv6", ("::1/128",), True), ("is_ipv6", ("1.2.3.4/32",), False), ("is_loopback", ("127.1.2.3/32",), True),
        ("is_loopback", ("127.0.0.0/7",), False), ("is_loopback", ("::1/128",), True), ("is_loopback", ("::2/128",), False), ("is_multicast", ("224.0.0.1/32",), True), ("is_multicast", ("ff00::/8",), True), ("is_multicast", ("ff00::/7",), False),
        ("time_of", (-1,), 86_399_999), ("date_of", (-1,), -86_400_000), ("whole", (-1999, 1000), -1), ("whole", (1999, 1000), 1), ("is_empty", (frozenset(),), True), ("is_empty", (frozenset({1}),), False),
        ("contains_all", (frozenset({1, 2}), frozenset({1})), True), ("contains_all", (frozenset({1}), frozenset({1, 2})), False), ("contains_any", (frozenset({1}), frozenset({1, 2})), True), ("contains_any", (frozenset({1}), frozenset({2})), False),
    ],
)  # fmt: skip
def test_values(name: str, args: tuple[object, ...], wanted: object) -> None:
    assert run(name, *args) == wanted


def test_the_smallest_moment_has_no_midnight() -> None:
    with pytest.raises(EvaluationError):
        run("date_of", -(2**63))
