"""A checked set as data: frozen, every rule with its bodies, and expression nodes under one name."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core.lang import typed, typed_expr
from tests.unit.intended_core.lang.support import rule, rule_text, run


def test_a_rule_has_a_body_for_each_action_it_speaks_of() -> None:
    made = rule("when args.urgent;")
    assert (made.id, made.effect, set(made.bodies)) == ("r", "permit", {"transfer"})
    assert made.bodies["transfer"].cost > 0


def test_unless_keeps_its_word_and_is_a_not() -> None:
    (clause,) = rule("unless args.urgent;").bodies["transfer"].clauses
    assert clause.kind == "unless"
    assert isinstance(clause.expr, typed.Unary)


def test_it_cannot_be_changed() -> None:
    checked, _ = run(rule_text("when args.urgent;"))
    assert checked is not None
    body = checked.rules[0].bodies["transfer"]
    for held, name in ((checked, "rules"), (checked.rules[0], "effect"), (body, "clauses")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(held, name, None)


def test_nodes_have_one_name() -> None:
    assert set(typed_expr.__all__) <= set(typed.__all__)
    assert all(getattr(typed, name) is getattr(typed_expr, name) for name in typed_expr.__all__)
