"""Cedar conditions as native text: folded where always true or false, refused where the native language has no word."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.native_expr import NativeWriter, bare
from intended_core.lang.cedar.native_names import native_names
from intended_core.lang.report import Refused
from intended_core.lang.typed import Span
from tests.unit.intended_core.lang.cedar.cedar_support import load


def said(text: str) -> str | bool:
    loaded = load(f'permit(principal, action == Action::"view", resource) when {{ {text} }};').loaded
    assert loaded is not None
    (rule,) = loaded.checked.rules
    (body,) = rule.bodies.values()
    names = native_names(loaded.schema, Span("s", 1, 1, 1, 1))
    return NativeWriter(loaded.schema, names).condition(body.clauses[0].expr)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("principal == resource", False), ("principal != resource", True), ("resource is Photo", True), ("resource is Doc", False), ('principal in Photo::"p"', False),
        ('action in Action::"all"', True), ('action == Action::"edit"', False), ("principal has nope", False), ("principal has age", True), ("principal.rec has a", True),
        ("principal has opt", "(principal has opt)"), ("principal.age > 1 && principal has age", "(principal.age > 1)"), ("principal.age > 1 || principal has age", True), ("1 == 1", True),
        ("!(principal.age > 1)", "(not (principal.age > 1))"), ("if principal.age > 1 then true else false", "(if (principal.age > 1) then true else false)"),
        ("if principal has age then principal.age > 1 else false", "(principal.age > 1)"), ("principal.age + -2 == -(principal.age)", "((principal.age + (-2)) == (-(principal.age)))"),
        ("principal.ss.contains(\"a\\n\")", '("a\\n" in principal.ss)'), ("principal.ss.containsAny([\"a\"])", 'principal.ss.contains_any(["a"])'),
        ("principal.es.isEmpty()", "(principal.es.size() == 0)"), ("principal in [Group::\"g\"]", '(principal in [Group::"g"])'), ("principal.name like \"a*b\"", '(principal.name like "a*b")'),
        ('principal.dec.lessThan(decimal("-1.5"))', "(principal.dec < (-1.5))"), ('context.ip.isInRange(ip("10.0.0.0/8"))', '(context.ip in "10.0.0.0/8")'), ("context.ip.isIpv4()", "(context.ip.version() == 4)"),
        ("context.ip.isLoopback()", '(context.ip in "127.0.0.0/8" or context.ip in "::1")'), ('principal.dt < datetime("2024-01-01")', '(principal.dt < datetime("2024-01-01T00:00:00Z"))'),
        ('principal.du > duration("-90m")', "(principal.du > (-90m))"), ('principal.dt.toTime() > duration("6h")', '((principal.dt - principal.dt.date("UTC").at(00:00, "UTC")) > 6h)'),
        ("principal.rec == principal.rec", "(principal.rec == principal.rec)"), ('[{b: 1, a: "x"}].contains({a: "x", b: 1})', '({ a: "x", b: 1 } in [{ a: "x", b: 1 }])'),
    ],
)  # fmt: skip
def test_said(text: str, wanted: str | bool) -> None:
    assert said(text) == wanted


@pytest.mark.parametrize(
    "text",
    ['principal.hasTag("a")', 'principal.name like "a\\*"', "principal.du.toHours() > 1", 'User::"" == principal', 'ip("::1") == ip("::2")', '[action].contains(Action::"view")'],
)
def test_unsaid(text: str) -> None:
    with pytest.raises(Refused) as caught:
        said(text)
    assert caught.value.diagnostic.code == "unsupported"


def test_brackets_round_the_whole() -> None:
    assert bare("(a and (b))") == "a and (b)"
    assert bare("(a) and (b)") == "(a) and (b)"
    assert bare('(a == ")")') == 'a == ")"'
    assert bare("a") == "a"
