"""Checked rules as bytes: what is written is what is read, and nothing else is read."""

from __future__ import annotations

from array import array
from types import MappingProxyType

import orjson
import pytest

from intended_core.ids import EntityRef
from intended_core.lang import frozen_codec
from intended_core.lang.checker import check
from intended_core.lang.frozen_codec import FrozenError, decode, encode, table_digest
from intended_core.lang.source import Source
from intended_core.lang.typed import ScopeTest
from intended_core.lang.typed_expr import Binary, Literal_, Span, Unary
from intended_core.lang.types import BOOL, INT, SetType
from intended_core.values import IpValue, Record, UrlValue
from tests.reference.flow_world import POLICY

SPAN = Span("a.policy", 1, 2, 3, 4)
TRUE = Literal_(True, BOOL, SPAN)


def raw(atoms: object, *numbers: int) -> bytes:
    text = orjson.dumps(atoms)
    return len(text).to_bytes(4, "little") + len(numbers).to_bytes(4, "little") + text + array("I", numbers).tobytes()


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, 1, -1, 2**63 - 1, -(2**63), 2**63, -(2**127), "", "é\u202e", b"", b"\x00\xff", (), (1, True, "1"), frozenset({"a", "b"}),
        {"b": 1, "a": (2,)}, Record({"a": 1, "b": Record({})}), EntityRef("User", "ann"), IpValue(6, 0, 2**128 - 1),
        UrlValue("https://a/", "https", "a", 443, "/", ""), ScopeTest(types=("User",)), SetType(INT, 3), TRUE,
        Binary("and", TRUE, Unary("not", TRUE, BOOL, SPAN), BOOL, SPAN),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_written_is_what_is_read(value: object) -> None:
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)


def test_a_number_and_a_truth_value_stay_apart() -> None:
    assert [type(item) for item in decode(encode((1, True, 0, False)))] == [int, bool, int, bool]


def test_a_read_only_mapping_is_read_as_a_mapping() -> None:
    assert decode(encode(MappingProxyType({"a": 1}))) == {"a": 1}


def test_one_object_stays_one_and_two_stay_two() -> None:
    twin = Literal_(True, BOOL, SPAN)
    first, second, third = decode(encode((TRUE, TRUE, twin)))
    assert first is second
    assert first is not third


def test_a_whole_set_is_read_as_it_was_written() -> None:
    checked = check([Source.from_bytes("bank.policy", POLICY.encode())])
    assert decode(encode((checked.schema, checked.rules))) == (checked.schema, checked.rules)


@pytest.mark.parametrize("value", [1.5, object(), [1], {1}, len, "\ud800"], ids=lambda value: type(value).__name__)
def test_what_is_not_of_the_table_is_not_written(value: object) -> None:
    with pytest.raises((FrozenError, TypeError)):
        encode(value)


def test_nesting_is_bounded() -> None:
    value: object = 1
    for _ in range(frozen_codec.MAX_DEPTH + 1):
        value = (value,)
    with pytest.raises(FrozenError, match="deep"):
        encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00\x00\x00", raw([]), raw({}, 0, 0), raw([1.5], 0, 0), raw([[1]], 0, 0), raw([1], 0, 1), raw([1], 0), raw([1], 99, 0),
        raw([1], 3, 1, 0), raw([1], 0, 0, 3, 2, 0), raw([1], 0, 0, 3, 4_000_000_000), raw(["a"], 0, 0, 5, 1, 0), raw(["zz"], 2, 0),
        raw(["x"], 1, 0), raw([1], 2, 0), raw(["a"], 0, 0, 8, 0, 0, 0), raw(["a b"], 0, 0, 7, 0, 0), raw([1], 0, 0, 7, 0, 0), raw([1], 0, 0) + b"\x00",
        b"\xff\xff\xff\xff[]",
    ],
)  # fmt: skip
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FrozenError):
        decode(data)


def test_more_than_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode((1, 2))
    monkeypatch.setattr(frozen_codec, "MAX_NUMBERS", 3)
    with pytest.raises(FrozenError):
        decode(data)
    monkeypatch.setattr(frozen_codec, "MAX_BYTES", 3)
    with pytest.raises(FrozenError, match="more than"):
        decode(data)


def test_a_field_of_another_class_is_refused() -> None:
    data = encode(Unary("not", Literal_(True, BOOL, SPAN), BOOL, SPAN))
    assert decode(data).operand == TRUE
    with pytest.raises(FrozenError):
        decode(encode(Unary("not", BOOL, BOOL, SPAN)))  # type: ignore[arg-type]


def test_every_truncation_is_refused_and_a_flipped_byte_is_refused_or_other_data() -> None:
    data = encode(Unary("not", TRUE, BOOL, SPAN))
    for at in range(len(data)):
        with pytest.raises(FrozenError):
            decode(data[:at])
        for bit in (1, 128):
            changed = bytearray(data)
            changed[at] ^= bit
            try:
                decode(bytes(changed))
            except FrozenError:
                continue


def test_the_table_has_one_digest() -> None:
    assert len(table_digest()) == 32
    assert table_digest() is table_digest()
