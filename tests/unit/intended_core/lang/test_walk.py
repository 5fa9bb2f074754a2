"""Parts, cost and the semantic form of expressions."""

from __future__ import annotations

from intended_core.lang.typed import Quantified
from intended_core.lang.walk import cost, parts, semantic_form, walk
from tests.unit.intended_core.lang.support import condition


def test_parts_are_in_order_of_evaluation() -> None:
    expr = condition("if args.urgent then context.risk > 1 else context.risk > 2")
    assert [type(part).__name__ for part in parts(expr)] == ["MemberOf", "Binary", "Binary"]
    assert next(iter(walk(expr))) is expr


def test_cost_counts_a_body_once_per_element() -> None:
    one = condition('any a in resource.labels { a == "x" }')
    assert isinstance(one, Quantified)
    assert cost(one) == 1 + cost(one.over) + 16 * cost(one.body)
    two = condition("any a in resource.labels { any b in resource.labels { a == b } }")
    assert cost(two) > 16 * 16 * 3


def test_the_form_forgets_names_and_places() -> None:
    first = condition('any a in resource.labels { a == "x" }')
    second = condition('  any   other in resource.labels { other == "x" }')
    third = condition('any other in resource.labels { other == "y" }')
    assert semantic_form(first) == semantic_form(second)
    assert semantic_form(first) != semantic_form(third)


def test_the_form_of_sets_has_no_order() -> None:
    assert semantic_form(condition('"a" in ["b", "c"]')) == semantic_form(condition('"a" in ["c", "b"]'))


def test_the_form_tells_variables_apart() -> None:
    left = condition("any a in resource.labels { any b in resource.labels { a == b and a == a } }")
    right = condition("any a in resource.labels { any b in resource.labels { a == b and b == b } }")
    assert semantic_form(left) != semantic_form(right)


def test_the_form_tells_types_of_literals_apart() -> None:
    assert semantic_form(condition("args.amount == 1")) != semantic_form(condition("context.risk == 1"))
