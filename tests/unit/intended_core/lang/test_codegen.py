"""Code objects: built from a checked tree, shared by shape, and blind to everything but their arguments."""

from __future__ import annotations

import pytest

from intended_core.lang.codegen import PARAMETERS, compile_condition
from tests.unit.intended_core.lang.support import condition


def run(expr: object, **given: object) -> object:
    return compile_condition([expr])(*(given.get(name) for name in PARAMETERS))  # type: ignore[list-item]


def test_equal_shapes_share_one_code_object() -> None:
    one, two = (compile_condition([condition(f"context.risk > {number}")]) for number in (1, 70))
    assert one.__code__ is two.__code__
    assert (run(condition("context.risk > 1"), c={"risk": 5}), run(condition("context.risk > 70"), c={"risk": 5})) == (
        True,
        False,
    )


def test_text_of_a_policy_is_never_code() -> None:
    text = "__import__('os').system('x')"
    literal = condition(f'context has ticket and context.ticket == "{text}"')
    assert run(literal, c={"ticket": text}) is True
    assert run(literal, c={}) is False


def test_it_sees_no_builtins() -> None:
    made = compile_condition([condition("context.risk > 1")])
    assert made.__globals__["__builtins__"] == {}
    assert not {"open", "eval", "__import__"} & made.__globals__.keys()


def test_parts_join_by_and_in_order() -> None:
    made = compile_condition([condition("args.urgent"), condition("context.risk > 1")])
    given = {"a": {"urgent": False}, "c": {}}
    assert made(*(given.get(name) for name in PARAMETERS)) is False
    with pytest.raises(KeyError):
        made(*({"a": {"urgent": True}, "c": {}}.get(name) for name in PARAMETERS))


def test_an_entity_that_is_not_in_the_snapshot_raises() -> None:
    with pytest.raises(KeyError):
        run(condition("args.payee.verified"), a={"payee": "nobody"}, A={})
