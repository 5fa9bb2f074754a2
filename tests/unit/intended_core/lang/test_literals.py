"""Literals take the type their place asks for."""

from __future__ import annotations

import pytest

from intended_core.lang.typed import Binary, Literal_, SetIn, SetOf
from intended_core.lang.types import DATETIME, DECIMAL, DURATION, EMAIL, INT
from tests.unit.intended_core.lang.support import codes, condition


def _right(text: str) -> Literal_:
    expr = condition(text)
    assert isinstance(expr, Binary)
    assert isinstance(expr.right, Literal_)
    return expr.right


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("args.amount < 1_000", 1_000 * 10**9),
        ("args.amount < 0.000000001", 1),
        ("args.amount < -5.25", -5_250_000_000),
        ("args.amount == 999_999_999_999_999_999.999999999", 10**27 - 1),
    ],
)
def test_decimals(text: str, value: int) -> None:
    literal = _right(text)
    assert (literal.value, literal.type) == (value, DECIMAL)


def test_a_literal_on_the_left_takes_the_type_of_the_right() -> None:
    expr = condition("1000 < args.amount")
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, Literal_)
    assert (expr.left.value, expr.left.type) == (1000 * 10**9, DECIMAL)


def test_ints_reach_both_ends() -> None:
    assert _right("context.risk > -9_223_372_036_854_775_808").value == -(2**63)
    assert _right("context.risk < 9_223_372_036_854_775_807").value == 2**63 - 1
    assert _right("context.risk < 7").type == INT


def test_times() -> None:
    assert _right('context.at > datetime("1970-01-01T00:00:01.5Z")'.replace(".5Z", ".500Z")).value == 1500
    expr = condition("now - context.at < 90m")
    assert isinstance(expr, Binary)
    assert isinstance(expr.right, Literal_)
    assert (expr.right.value, expr.right.type, expr.left.type) == (90 * 60_000, DURATION, DURATION)
    assert expr.left.left.type == DATETIME  # type: ignore[union-attr]


def test_enum_and_email_in_sets() -> None:
    expr = condition('args.currency in ["EUR", "USD"]')
    assert isinstance(expr, SetIn)
    assert isinstance(expr.set, SetOf)
    assert expr.set.type.element == expr.element.type  # type: ignore[union-attr]
    expr = condition('"ann@b.example" in args.to')
    assert isinstance(expr, SetIn)
    assert expr.element.type == EMAIL


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("when args.amount < 0.0000000001;", "parse.character"),
        ("when args.amount < 1_000_000_000_000_000_000.0;", "limit.number"),
        ("when context.risk < 9_223_372_036_854_775_808;", "limit.number"),
        ("when now - context.at < 99999999999999999999w;", "limit.number"),
        ("when now - context.at < 9223372036854775808ms;", "limit.number"),
        ('when args.currency == "GBP";', "type.literal"),
        ('when args.currency == Currency::"GBP";', "type.literal"),
        ('when "Ann@B.example" in args.to;', "type.literal"),
        ('when context.at == datetime("2026-01-01");', "type.literal"),
        ('when context.at == datetime("2026-01-01T00:00:00+01:00");', "type.literal"),
        ("when context.at == datetime(now);", "type.literal"),
        ("when args.urgent == 1;", "type.mismatch"),
        ("when 1 == true;", "type.mismatch"),
        ('when context.risk == "1";', "type.literal"),
        ("when context.at > 09:30;", "type.mismatch"),
        ('when resource.owner == User::"";', "type.literal"),
        ('when args has reason and args.reason == "' + "x" * 4097 + '";', "limit.string"),
    ],
)
def test_literals_that_do_not_fit(text: str, code: str) -> None:
    assert codes(text) == [code]
