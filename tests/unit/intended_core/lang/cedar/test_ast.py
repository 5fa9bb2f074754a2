"""Trees are equal when they say the same; `true` is not 1."""

from __future__ import annotations

from intended_core.lang.cedar import ast
from tests.unit.intended_core.lang.cedar.cedar_support import expression, policy


def test_places_do_not_count() -> None:
    assert expression("principal.a") == expression("   (principal) . a")
    assert hash(expression("principal.a")) == hash(expression("  principal.a"))


def test_true_is_not_one() -> None:
    assert expression("true") != expression("1")
    assert ast.Lit("bool", True) != ast.Lit("long", 1)


def test_slots() -> None:
    found = policy("permit(principal == ?principal, action, resource in ?resource);")
    assert found.slots == ("?principal", "?resource")
    assert policy("permit(principal, action, resource);").slots == ()
