"""Types of operators: none converts."""

from __future__ import annotations

import pytest

from intended_core.lang.typed import Binary, EntityIn, HasMember, IsType, Like, SetIn, Unary
from intended_core.lang.types import BOOL, DATETIME, DECIMAL, DURATION, INT
from tests.unit.intended_core.lang.support import codes, condition


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("context.risk + 1 == 2", INT),
        ("context.risk * 2 - 1 == 2", INT),
        ("args.amount * args.amount == 2", DECIMAL),
        ("2 * args.amount == 2", DECIMAL),
        ("now + 1h == context.at", DATETIME),
        ("now - 1h == context.at", DATETIME),
        ("now - context.at == 1h", DURATION),
        ("1h + 2h == 3h", DURATION),
        ("1h * 3 == 3h", DURATION),
        ("-(1h) == 3h", DURATION),
        ("-context.risk == 3", INT),
    ],
)
def test_arithmetic(text: str, kind: object) -> None:
    expr = condition(text)
    assert isinstance(expr, Binary)
    assert expr.left.type == kind
    assert expr.right.type == kind
    assert expr.type == BOOL


def test_shapes() -> None:
    assert isinstance(condition('principal in Group::"g"'), EntityIn)
    assert isinstance(condition('principal in [Group::"g", Group::"h"]'), EntityIn)
    assert isinstance(condition('"a" in resource.labels'), SetIn)
    negated = condition('"a" not in resource.labels')
    assert isinstance(negated, Unary)
    assert isinstance(negated.operand, SetIn)
    like = condition('principal is User and principal.department like "a*b*"')
    assert isinstance(like.right, Like)  # type: ignore[union-attr]
    assert like.right.parts == ("a", "b", "")  # type: ignore[union-attr]
    is_in = condition('principal is User in Group::"g"')
    assert isinstance(is_in, Binary)
    assert isinstance(is_in.left, IsType)
    assert isinstance(is_in.right, EntityIn)
    has = condition("args has box.note")
    assert isinstance(has, Binary)
    assert isinstance(has.left, HasMember)
    assert isinstance(has.right, HasMember)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("when context.risk + 1.5 == 2;", "type.literal"),
        ("when context.risk + args.amount == 2;", "type.operator"),
        ("when now + now == now;", "type.operator"),
        ("when 3 * 1h == 3h;", "type.mismatch"),
        ("when 1h + now == now;", "type.operator"),
        ('when "a" + "b" == "ab";', "type.operator"),
        ("when -args.urgent;", "type.operator"),
        ('when -"a" == "b";', "type.operator"),
        ("when args.urgent < true;", "type.operator"),
        ("when context.risk == args.amount;", "type.mismatch"),
        ("when context.risk == args.urgent;", "type.mismatch"),
        ("when principal == args.payee;", "type.unrelated"),
        ('when args.payee in Group::"g";', "type.unrelated"),
        ("when principal in resource.labels;", "type.mismatch"),
        ("when context.risk in resource.labels;", "type.mismatch"),
        ("when context.risk in context.risk;", "type.operator"),
        ('when args.currency like "E*";', "type.operator"),
        ("when context.risk is User;", "type.operator"),
        ("when principal is Nope;", "name.unknown"),
        ("when args has nope;", "type.member"),
        ("when principal has nope;", "type.member"),
        ("when context.risk has x;", "type.operator"),
        ("when not context.risk;", "type.condition"),
        ("when context.risk and true;", "type.condition"),
        ("when true or context.risk;", "type.condition"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert codes(text) == [code]
