"""The second meaning of Cedar's calls says what the compiled one says, value by value."""

from __future__ import annotations

import pytest

from intended_core.engine.cedar_meaning import cedar_meaning
from intended_core.engine.meanings import Nothing
from intended_core.lang.cedar.operations import CEDAR_OPERATIONS
from intended_core.lang.cedar.refs import CedarRef, tags_of
from intended_core.values import Record

ADDRESSES = ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "10.1.2.3/24", "127.0.0.1/32", "127.0.0.0/7", "224.0.0.1/32", "::/0", "::1/128", "::1/127", "ff02::1/128", "ff00::/7"]
ANN, BOB = CedarRef("User", "ann"), CedarRef("User", "bob")
HELD = {ANN: Record({"a": 1}), tags_of(ANN): Record({"t": "x"})}


@pytest.mark.parametrize("name", ["is_ipv4", "is_ipv6", "is_loopback", "is_multicast"])
@pytest.mark.parametrize("value", ADDRESSES)
def test_addresses(name: str, value: str) -> None:
    assert cedar_meaning(name, [("cedar.ipaddr", value)], {}) == CEDAR_OPERATIONS[name](value)


@pytest.mark.parametrize("wide", ADDRESSES)
@pytest.mark.parametrize("value", ADDRESSES)
def test_ranges(value: str, wide: str) -> None:
    tagged = [("cedar.ipaddr", value), ("cedar.ipaddr", wide)]
    assert cedar_meaning("in_range", tagged, {}) == CEDAR_OPERATIONS["in_range"](value, wide)


@pytest.mark.parametrize("value", [-(2**63) + 86_400_000, -86_400_001, -86_400_000, -1, 0, 1, 86_400_000, 2**63 - 1])
def test_moments(value: int) -> None:
    for name in ("date_of", "time_of"):
        assert cedar_meaning(name, [("datetime", value)], {}) == CEDAR_OPERATIONS[name](value)
    assert cedar_meaning("whole", [("duration", value), ("int", 3_600_000)], {}) == CEDAR_OPERATIONS["whole"](value, 3_600_000)


def test_entities() -> None:
    for ref in (ANN, BOB):
        tagged = ("entity", ref.type, ref.id)
        for key in ("a", "t"):
            for name in ("has", "has_tag"):
                assert cedar_meaning(name, [tagged, ("text", key)], HELD) == CEDAR_OPERATIONS[name](HELD, ref, key)
    assert cedar_meaning("get_tag", [("entity", "User", "ann"), ("text", "t")], HELD) == "x"
    with pytest.raises(Nothing):
        cedar_meaning("get_tag", [("entity", "User", "bob"), ("text", "t")], HELD)


def test_sets() -> None:
    one, two = ("set", frozenset({("int", 1)})), ("set", frozenset({("int", 1), ("int", 2)}))
    assert cedar_meaning("contains_all", [two, one], {})
    assert not cedar_meaning("contains_all", [one, two], {})
    assert cedar_meaning("contains_any", [one, two], {})
    assert not cedar_meaning("contains_any", [one, ("set", frozenset())], {})
    assert cedar_meaning("is_empty", [("set", frozenset())], {})


def test_nothing_else() -> None:
    with pytest.raises(Nothing):
        cedar_meaning("more", [("int", 1)], {})
    with pytest.raises(Nothing):
        cedar_meaning("date_of", [("datetime", -(2**63))], {})
