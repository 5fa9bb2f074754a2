"""Policies parse as Cedar parses them; what Cedar refuses is refused with a place."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar import ast
from intended_core.lang.cedar.parser import parse_policies
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.source import Source
from tests.unit.intended_core.lang.cedar.cedar_support import expression, policy

X, Y = ast.GetAttr(ast.Variable("context"), "x"), ast.GetAttr(ast.Variable("context"), "y")


def problems(text: str) -> list[str]:
    return [found.code for found in parse_policies([Source.from_text("p.cedar", text)])[1]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("context.x == context.y", ast.Binary("eq", X, Y)),
        ("context.x || context.y && context.x", ast.Binary("or", X, ast.Binary("and", Y, X))),
        ("context.x - context.y - context.x", ast.Binary("sub", ast.Binary("sub", X, Y), X)),
        ("1 + 2 * 3", ast.Binary("add", ast.Lit("long", 1), ast.Binary("mul", ast.Lit("long", 2), ast.Lit("long", 3)))),
        ("!!true", ast.Unary("not", ast.Unary("not", ast.Lit("bool", True)))),
        ("-9223372036854775808", ast.Lit("long", -(2**63))),
        ("--1", ast.Unary("neg", ast.Lit("long", -1))),
        ("-(1)", ast.Unary("neg", ast.Lit("long", 1))),
        ("-context.x", ast.Unary("neg", X)),
        ('context["x"]', X),
        ("context.principal", ast.GetAttr(ast.Variable("context"), "principal")),
        ("context has x.y", ast.Binary("and", ast.HasAttr(ast.Variable("context"), "x"), ast.HasAttr(X, "y"))),
        ('context has "a b"', ast.HasAttr(ast.Variable("context"), "a b")),
        ("principal is A::B", ast.Is(ast.Variable("principal"), "A::B")),
        (
            'principal is A in G::"g" && true',
            ast.Binary(
                "and",
                ast.Binary(
                    "and", ast.Is(ast.Variable("principal"), "A"),
                    ast.Binary("in", ast.Variable("principal"), ast.EntityLit(CedarRef("G", "g"))),
                ),
                ast.Lit("bool", True),
            ),
        ),
        ("[1,].contains(1,)", ast.Binary("contains", ast.SetLit((ast.Lit("long", 1),)), ast.Lit("long", 1))),
        ("{a: 1, \"b c\": 2}", ast.RecordLit((("a", ast.Lit("long", 1)), ("b c", ast.Lit("long", 2))))),
        ('context.x like "a*"', ast.Like(X, ("a", ""))),
        ("if true then 1 else 2", ast.If(ast.Lit("bool", True), ast.Lit("long", 1), ast.Lit("long", 2))),
        ('ip("::1").isLoopback()', ast.Call("isLoopback", (ast.Call("ip", (ast.Lit("string", "::1"),)),))),
        ("context.x.isEmpty()", ast.Unary("is_empty", X)),
    ],
)  # fmt: skip
def test_expressions(text: str, wanted: ast.Expr) -> None:
    assert expression(text) == wanted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("principal.if", "name.invalid"), ("context has in", "name.invalid"), ("{if: 1}", "name.invalid"),
        ("!!!!!true", "parse.unexpected"), ("-----1", "parse.unexpected"), ("9223372036854775808", "limit.number"),
        ("-(9223372036854775808)", "limit.number"), ("99999999999999999999", "limit.number"), ("1 < 2 < 3", "parse.unexpected"),
        ("1 == 1 == true", "parse.unexpected"), ('"a\\*"', "parse.string"), ("true && if true then true else true", "parse.unexpected"),
        ("foo(1)", "name.unknown"), ("[1].contains(1, 2)", "type.mismatch"), ("contains(1)", "name.unknown"),
        ('principal.ip("a")', "name.unknown"), ("User", "parse.unexpected"), ("1 = 2", "parse.character"), ("1 / 2", "parse.character"),
        ("?principal == principal", "clause.misplaced"), ('"a" like principal', "parse.unexpected"), ("{a: 1, a: 2}", "name.duplicate"),
        ('principal has "a".b', "parse.unexpected"), ("'a'", "parse.character"), ('"a', "parse.string"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, code: str) -> None:
    assert problems(f"permit(principal, action, resource) when {{ {text} }};") == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("permit(principal, action, resource)", "parse.unexpected"), ("permit(principal, resource, action);", "parse.unexpected"),
        ("permit(principal == ?resource, action, resource);", "name.invalid"), ("permit(principal, action == ?action, resource);", "parse.unexpected"),
        ("permit(principal, action is A, resource);", "parse.unexpected"), ('permit(principal in [A::"b"], action, resource);', "parse.unexpected"),
        ('@id("a") @id("b") permit(principal, action, resource);', "name.duplicate"), ("permit(principal, action, resource) when {};", "parse.unexpected"),
        ('permit(principal, action == User::"a", resource);', "type.mismatch"), ("permit(principal, action, resource) when { " + "(" * 65, "limit.nesting"),
        ("/* x */ permit(principal, action, resource);", "parse.character"), ("permit(", "parse.unexpected"),
    ],
)  # fmt: skip
def test_policies_that_are_refused(text: str, code: str) -> None:
    assert problems(text) == [code]


def test_a_policy_whole() -> None:
    found = policy(
        '@id("a") @if permit(principal is User in Group::"g", action in [Action::"x", A::Action::"y",], resource == P::"",) '
        "when { true } unless { false };"
    )
    assert found.id == "policy0"
    assert found.annotations == {"id": "a", "if": ""}
    assert found.principal == ast.Scope(types="User", within=CedarRef("Group", "g"))
    assert found.action.within == (CedarRef("Action", "x"), CedarRef("A::Action", "y"))
    assert found.resource == ast.Scope(equal=CedarRef("P", ""))
    assert [condition.kind for condition in found.conditions] == ["when", "unless"]


def test_files_are_numbered_through() -> None:
    text = "forbid(principal, action, resource); // a comment\n"
    found, _ = parse_policies([Source.from_text("a", text * 2), Source.from_text("b", text)])
    assert [item.id for item in found] == ["policy0", "policy1", "policy2"]
    assert found[2].file == "b"


def test_a_long_chain_is_refused_or_read_but_never_breaks() -> None:
    found, wrong = parse_policies([Source.from_text("a", "permit(principal, action, resource) when { " + "true && " * 20_000 + "true };")])
    assert [item.code for item in wrong] in ([], ["limit.memory"])
    assert len(found) == (0 if wrong else 1)
