"""Origins, defs, methods."""

from __future__ import annotations

import pytest

from intended_core.lang.typed import Binary, Let, Literal_, MemberOf, Method, OriginOf, Root, SetIn, Unary, Var
from intended_core.lang.types import ORIGIN_SET
from intended_core.lang.walk import walk
from tests.unit.intended_core.lang.support import codes, condition, refused


def _origin(text: str, before: str = "") -> OriginOf:
    return next(node for node in walk(condition(text, before=before)) if isinstance(node, OriginOf))


def test_origin_of_a_path() -> None:
    found = _origin('"content" not in origin(args.payee)')
    assert (found.path, found.guards, found.type) == ("payee", (), ORIGIN_SET)


def test_origin_needs_no_guard_but_knows_what_may_be_absent() -> None:
    assert _origin('"content" not in origin(args.box.note)').guards == ("box", "box.note")
    assert _origin('"content" not in origin(args.box.size)').guards == ("box",)


def test_origin_of_variables() -> None:
    assert _origin('all a in args.to { "content" not in origin(a) }').path == "to"
    assert _origin('all a in (args?.cc ?? []) { "content" not in origin(a) }').guards == ("cc",)
    assert _origin("clean(args.payee)", 'def clean(p: Payee): Bool = "content" not in origin(p);\n').path == "payee"


@pytest.mark.parametrize(
    "text",
    [
        "origin(args)", "origin(context.risk)", "origin(principal)", "origin(args.payee.created_by)", 'origin("a")', "origin()",
        "origin(args.payee, args.to)", "origin(resource.owner)",
    ],
)  # fmt: skip
def test_origin_only_of_args(text: str) -> None:
    assert codes(f'when "content" not in {text};') == ["origin.path"]


def test_a_fallback_with_values_has_no_origin() -> None:
    assert codes('when all a in (args?.cc ?? args.to) { "content" not in origin(a) };') == ["origin.path"]


def test_defs_are_inlined_and_computed_arguments_are_evaluated_once() -> None:
    before = "def double(n: Decimal): Decimal = n + n;\n"
    expr = condition("double(args.amount) > 3", before=before)
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, Binary)
    assert isinstance(expr.left.left, MemberOf)
    expr = condition("double(args.amount * 2) > 3", before=before)
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, Let)
    assert isinstance(expr.left.body, Binary)
    assert isinstance(expr.left.body.left, Var)
    assert expr.left.body.left.name == expr.left.name


def test_a_def_sees_the_guards_of_its_use() -> None:
    before = 'def noted(): Bool = args.reason == "x";\n'
    assert codes("when args has reason and noted();", before=before) == []
    assert codes("when noted();", before=before) == ["type.optional"]


def test_a_def_does_not_see_the_lets_of_its_use() -> None:
    assert codes("let a = 3; when f();", before="def f(): Bool = a == 3;\n") == ["name.unknown"]


def test_defs_are_eight_deep_at_most() -> None:
    chain = "def f0(): Bool = true;\n" + "".join(f"def f{at}(): Bool = f{at - 1}();\n" for at in range(1, 12))
    assert codes("when f7();", before=chain) == []
    assert codes("when f8();", before=chain) == ["limit.nesting"]


@pytest.mark.parametrize(
    ("text", "before", "code"),
    [
        ("when f(1);", "def f(): Bool = true;\n", "type.mismatch"),
        ("when f();", "def f(n: Int): Bool = true;\n", "type.mismatch"),
        ('when f("a");', "def f(n: Int): Bool = true;\n", "type.literal"),
        ("when f();", "def f(): Int = true;\n", "type.mismatch"),
        ("when f();", "def f(): Nope = true;\n", "name.unknown"),
        ("when f();", "def f(): Bool = g();\ndef g(): Bool = f();\n", "name.cycle"),
        ("when f(1, 2);", "def f(n: Int, n: Int): Bool = true;\n", "name.invalid"),
        ("when eval(1);", "", "name.unknown"),
        ("when resource.labels.upper();", "", "type.member"),
        ("when resource.labels.size(1) > 2;", "", "type.mismatch"),
        ("when resource.labels.contains_all([1]);", "", "type.mismatch"),
        ("when principal.size() > 2;", "", "type.member"),
    ],
)
def test_refused(text: str, before: str, code: str) -> None:
    assert codes(text, before=before)[:1] == [code]


def test_circles_of_unused_defs_are_found_too() -> None:
    assert refused("def f(): Bool = g();\ndef g(): Bool = not f();") == ["name.cycle"]


def test_methods() -> None:
    found = [
        node
        for node in walk(condition('resource.labels.contains_any(["a"]) and resource.labels.size() < 3'))
        if isinstance(node, Method)
    ]
    assert [(node.name, len(node.args)) for node in found] == [("contains_any", 1), ("size", 0)]
    domain = condition('any a in args.to { a.domain() == "b.example" }')
    assert any(isinstance(node, Method) and node.name == "domain" for node in walk(domain))


def test_now_is_a_root() -> None:
    expr = condition("now > context.at")
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, Root)


def test_a_missing_place_is_no_origin() -> None:
    expr = condition('not ("content" in origin(args.payee))')
    assert isinstance(expr, Unary)
    assert isinstance(expr.operand, SetIn)
    assert isinstance(expr.operand.element, Literal_)
    assert codes('when "contents" not in origin(args.payee);') == ["type.literal"]
