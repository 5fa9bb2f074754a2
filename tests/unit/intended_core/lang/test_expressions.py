"""Types of names, members, sets, records, choices and quantifiers."""

from __future__ import annotations

import pytest

from intended_core.lang import expressions
from intended_core.lang.typed import (
    AttributeOf,
    Binary,
    Default,
    If,
    Literal_,
    MemberOf,
    Quantified,
    Root,
    SetIn,
    SetOf,
    TypedExpr,
)
from intended_core.lang.types import DECIMAL, EMAIL, STRING, EntityType, SetType
from intended_core.lang.walk import walk
from tests.unit.intended_core.lang.support import body, codes, condition, run


def test_members_and_attributes() -> None:
    expr = condition("args.payee.created_by == context.maker")
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, AttributeOf)
    assert isinstance(expr.left.base, MemberOf)
    assert isinstance(expr.left.base.base, Root)
    assert expr.left.type == EntityType(("User",))


def test_narrowing_changes_the_type() -> None:
    expr = condition("principal is User and principal.limit > 3")
    roots = [node for node in walk(expr) if isinstance(node, Root) and node.name == "principal"]
    assert [root.type for root in roots] == [EntityType(("Agent", "User")), EntityType(("User",))]


def test_scope_narrows_too() -> None:
    made = body("principal is User; when principal.limit > 3;")
    root = next(node for node in walk(made.clauses[0].expr) if isinstance(node, Root))
    assert root.type == EntityType(("User",))


def test_an_is_that_can_never_hold_drops_what_follows() -> None:
    expr = condition("resource is Payee and resource.no_such_thing", "forbid")
    assert not any(isinstance(node, AttributeOf) for node in walk(expr))


def test_default() -> None:
    expr = condition('"a@b.example" in (args?.cc ?? [])')
    assert isinstance(expr, SetIn)
    assert isinstance(expr.set, Default)
    assert (expr.set.path, expr.set.of_entity, expr.set.type) == (("cc",), False, SetType(EMAIL, 8))
    expr = condition('principal is User and (principal?.manager ?? principal).department == "x"')
    default = next(node for node in walk(expr) if isinstance(node, Default))
    assert (default.of_entity, default.type) == (True, EntityType(("User",)))
    expr = condition('(args?.box.note ?? "") == "x"')
    default = next(node for node in walk(expr) if isinstance(node, Default))
    assert default.path == ("box", "note")


def test_set_of_entities_joins_types() -> None:
    expr = condition('resource.owner in [Group::"a", User::"b"]')
    right = expr.right  # type: ignore[union-attr]
    assert isinstance(right, SetOf)
    assert right.type == SetType(EntityType(("Group", "User")), 2)


def test_if_takes_one_type() -> None:
    expr = condition("(if args.urgent then 1 else args.amount) < 3.0")
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, If)
    assert expr.left.type == DECIMAL


def test_quantifier_variables_have_their_own_names() -> None:
    expr = condition('any a in resource.labels { a == "x" } or any a in resource.labels { a == "y" }')
    names = [node.var for node in walk(expr) if isinstance(node, Quantified)]
    assert len(set(names)) == 2
    assert all(node.type == STRING for node in walk(expr) if type(node).__name__ == "Var")


def test_consts_are_inlined_with_their_type() -> None:
    expr: TypedExpr = condition("args.amount < top", before="const half: Decimal = 500;\nconst top: Decimal = half;\n")
    assert isinstance(expr, Binary)
    assert isinstance(expr.right, Literal_)
    assert (expr.right.value, expr.right.type) == (500 * 10**9, DECIMAL)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("when args.nope == 3;", "type.member"),
        ("when context.risk.x == 3;", "type.member"),
        ("when principal.nope;", "type.member"),
        ("when nope;", "name.unknown"),
        ("when tenant == 3;", "type.mismatch"),
        ("when action == 3;", "unsupported"),
        ('when resource.owner == Usr::"x";', "name.unknown"),
        ("when [] == [];", "type.mismatch"),
        ('when context.risk in [1, "a"];', "type.literal"),
        ('when resource.owner in [User::"a", "b"];', "type.mismatch"),
        ("when any a in context.risk { true };", "type.operator"),
        ("when any a in resource.labels { a };", "type.condition"),
        ("when any args2 in resource.labels { args2 == args };", "type.mismatch"),
        ("let a = 1; when any a in resource.labels { true };", "name.duplicate"),
        ("when (args?.to ?? []) == [];", "type.operator"),
        ("when (args?.box ?? { size: 1, size: 2 }).size > 1;", "field.repeated"),
        ("when (args?.box ?? { siz: 1 }).size > 1;", "type.member"),
        ("when (args?.box ?? { size: 1, ...args.to }).size > 1;", "type.mismatch"),
        ("when if args.urgent then 1 else 2;", "type.mismatch"),
        ("when args;", "type.condition"),
    ],
)
def test_refused_expressions(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_what_is_too_large_is_said_of_the_rule_or_of_the_whole_set(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f'@id("r{n}") permit r{n} {{ action == transfer; when context.risk < {n}; }}\n' for n in range(40))
    monkeypatch.setattr(expressions, "MAX_BODY_STEPS", 2)
    _, found = run(text)
    assert {item.message for item in found if item.code == "limit.cost"} == {"this rule is too large"}
    monkeypatch.setattr(expressions, "MAX_BODY_STEPS", 30)
    monkeypatch.setattr(expressions, "MAX_STEPS", 30)
    _, found = run(text)
    assert {item.message for item in found if item.code == "limit.cost"} == {"the rules of this set together are too large"}
