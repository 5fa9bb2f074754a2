"""What compiled conditions call: errors instead of overflow, half-even products, whole-string patterns, untold origins."""

from __future__ import annotations

import decimal
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core import EntityRef
from intended_core.lang import operations as op
from intended_core.lang.types import BOOL, DATETIME, DECIMAL, DURATION, INT, STRING, Type
from intended_core.values import DECIMAL_MAX, DECIMAL_SCALE, INT_MAX, INT_MIN, IpValue, Record

A, B, C = EntityRef("G", "a"), EntityRef("G", "b"), EntityRef("G", "c")


@pytest.mark.parametrize(
    ("made", "left", "right", "found"),
    [(op.add_int, INT_MAX - 1, 1, INT_MAX), (op.sub_int, INT_MIN + 1, 1, INT_MIN), (op.mul_int, 2**31, 2**31, 2**62),
     (op.add_decimal, DECIMAL_MAX - 1, 1, DECIMAL_MAX), (op.sub_decimal, -DECIMAL_MAX + 1, 1, -DECIMAL_MAX),
     (op.mul_decimal, DECIMAL_MAX, DECIMAL_SCALE, DECIMAL_MAX)],
)  # fmt: skip
def test_the_last_value_that_fits_is_right(made: Callable[[int, int], int], left: int, right: int, found: int) -> None:
    assert made(left, right) == found


@pytest.mark.parametrize(
    ("made", "left", "right"),
    [(op.add_int, INT_MAX, 1), (op.sub_int, INT_MIN, 1), (op.mul_int, 2**32, 2**31), (op.mul_int, INT_MIN, -1), (op.add_decimal, DECIMAL_MAX, 1),
     (op.sub_decimal, -DECIMAL_MAX, 1), (op.mul_decimal, DECIMAL_MAX, 2 * DECIMAL_SCALE)],
)  # fmt: skip
def test_one_more_is_an_error(made: Callable[[int, int], int], left: int, right: int) -> None:
    with pytest.raises(op.EvaluationError):
        made(left, right)


def test_negation_errs_only_at_the_smallest_int() -> None:
    assert (op.neg_int(INT_MAX), op.neg_decimal(-DECIMAL_MAX)) == (-INT_MAX, DECIMAL_MAX)
    with pytest.raises(op.EvaluationError):
        op.neg_int(INT_MIN)


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_a_product_of_decimals_rounds_half_to_even(left: int, right: int) -> None:
    with decimal.localcontext() as context:
        context.prec = 80
        exact = decimal.Decimal(left) * decimal.Decimal(right) / DECIMAL_SCALE
        assert op.mul_decimal(left, right) == int(exact.quantize(decimal.Decimal(1), rounding=decimal.ROUND_HALF_EVEN))


@pytest.mark.parametrize(("left", "found"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2), (-5, -2)])
def test_halves_go_to_the_even_neighbour(left: int, found: int) -> None:
    assert op.mul_decimal(left, DECIMAL_SCALE // 2) == found


def test_membership_is_the_entity_itself_or_above() -> None:
    above = {A: frozenset({B}), B: frozenset()}
    assert op.entity_in(above, A, A)
    assert op.entity_in(above, A, B)
    assert not op.entity_in(above, B, A)
    assert op.entity_in_any(above, A, frozenset({C, B}))
    assert op.entity_in_any(above, B, frozenset({B}))
    assert not op.entity_in_any(above, A, frozenset())


@pytest.mark.parametrize("found", [lambda h: op.entity_in(h, C, C), lambda h: op.entity_in_any(h, C, frozenset({C}))])
def test_membership_of_an_unknown_entity_errs(found: Callable[[dict[EntityRef, frozenset[EntityRef]]], bool]) -> None:
    with pytest.raises(KeyError):
        found({A: frozenset()})


def test_what_is_not_told_is_unknown_and_content() -> None:
    assert op.origin({}, "s", Record(s="x"), ()) == {"unknown", "content"}
    assert op.origin({"s": frozenset({"user"})}, "s", Record(s="x"), ()) == {"user"}


def test_an_absent_optional_member_came_from_nowhere() -> None:
    guards = (("box", "note"),)
    told = {"box.note": frozenset({"content"})}
    assert op.origin(told, "box.note", Record(box=Record()), guards) == frozenset()
    assert op.origin(told, "box.note", Record(), guards) == frozenset()
    assert op.origin(told, "box.note", Record(box=Record(note="x")), guards) == {"content"}


def test_walking_has_one_order() -> None:
    assert op.walk(frozenset({3, 1, 2})) == [1, 2, 3]
    assert op.walk((3, 1, 3)) == (3, 1, 3)
    assert op.walk(frozenset({C, A, B})) == [A, B, C]
    records = frozenset({Record(a="y", b=1), Record(a="x", b=2), Record(a="x")})
    assert op.walk(records) == [Record(a="x"), Record(a="x", b=2), Record(a="y", b=1)]
    assert op.walk(frozenset({frozenset({2, 3}), frozenset({1, 9})})) == [frozenset({1, 9}), frozenset({2, 3})]


def test_addresses_in_ranges() -> None:
    one, wide, six = IpValue(4, 5, 5), IpValue(4, 0, 7), IpValue(6, 0, 99)
    assert op.ip_in(one, wide)
    assert op.ip_in(wide, wide)
    assert not op.ip_in(wide, one)
    assert not op.ip_in(one, six)
    assert op.ip_in_any(one, frozenset({six, wide}))
    assert not op.ip_in_any(one, ())


def test_a_sum_errs_only_as_a_whole() -> None:
    assert op.sum_int([INT_MAX, 1, -1]) == INT_MAX
    assert op.sum_decimal([DECIMAL_MAX, -1, 1]) == DECIMAL_MAX
    with pytest.raises(op.EvaluationError):
        op.sum_int([INT_MAX, 1])
    with pytest.raises(op.EvaluationError):
        op.sum_decimal([DECIMAL_MAX, 1])


def test_data_without_a_value_errs() -> None:
    data = {"t": frozenset({1}), "t@": 1_000, "m": {"a": 0}}
    assert op.rows(data, "t", 2_000, 1_000) == {1}
    assert op.lookup({"a": 0}, "a") == 0
    for found in (
        lambda: op.rows(data, "t", 2_001, 1_000), lambda: op.rows(data, "m", 0, 1), lambda: op.rows(data, "nope", 0, None),
        lambda: op.param(data, "nope"), lambda: op.lookup({"a": 0}, "b"),
    ):  # fmt: skip
        with pytest.raises(op.EvaluationError):
            found()


@pytest.mark.parametrize(
    ("name", "left", "right", "found"),
    [("add", INT, INT, "add_int"), ("add", DATETIME, DURATION, "add_int"), ("mul", DECIMAL, DECIMAL, "mul_decimal"), ("neg", DECIMAL, None, "neg_decimal"),
     ("neg", DURATION, None, "neg_int")],
)  # fmt: skip
def test_the_operation_of_types(name: str, left: Type, right: Type | None, found: str) -> None:
    assert op.operation_of(name, left, right) == found
    assert found in op.OPERATIONS


@pytest.mark.parametrize(("left", "right"), [(BOOL, BOOL), (STRING, STRING), (INT, DECIMAL), (INT, BOOL)])
def test_no_operation_for_other_types(left: Type, right: Type) -> None:
    with pytest.raises(op.EvaluationError):
        op.operation_of("add", left, right)
