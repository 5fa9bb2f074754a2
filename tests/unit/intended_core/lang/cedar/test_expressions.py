"""What strict validation accepts and refuses, and what it makes readable."""

from __future__ import annotations

import pytest

from tests.unit.intended_core.lang.cedar.cedar_support import wrong

ACCEPTED = [
    "1 == true", "principal == resource", "principal has foo && principal.foo == 1", "false && principal.foo", "true || principal.foo",
    "if principal is Group then principal.foo else true", "principal has opt && principal.opt == 1", "principal has rec.b && principal.rec.b == \"x\"",
    "principal in principal.es", "{a: true} == {a: false}", "(principal has opt || false) && principal.opt == 1", "principal.dt < principal.dt",
    'principal.hasTag("a") && principal.getTag("a") == "x"', "principal.hasTag(principal.name) && principal.getTag(principal.name) == \"x\"", 'resource.hasTag("a")',
    'principal.dt.offset(duration("1h")).durationSince(principal.dt).toHours() == 1', 'Action::"view" in Action::"all"', 'action == Photo::"x"',
    'context has c && context.c == Color::"red"', 'principal.ss.containsAll(["a"]) && principal.ss.containsAny(["b"]) && !principal.ss.isEmpty()',
    'User::"a" has opt && User::"a".opt == 1', "principal.dec.lessThan(decimal(\"1.0\"))", '(if principal.age > 1 then {a: true} else {a: false}).a',
]  # fmt: skip
REFUSED = [
    ("principal.age == true", "type.mismatch"), ("principal.opt == 1", "type.optional"), ("principal.foo == 1", "type.member"), ("principal.ss == []", "type.literal"),
    ("[1, true] == [1]", "type.mismatch"), ('[User::"a", Photo::"b"].contains(principal)', "type.mismatch"), ('principal in "a"', "type.mismatch"),
    ("principal.ss.contains(1)", "type.mismatch"), ('principal.rec == {a: 1, b: "x"}', "type.mismatch"), ('principal.getTag("a") == "x"', "type.optional"),
    ('resource.getTag("a") == "a"', "type.optional"), ("principal.hasTag(1)", "type.mismatch"), ('ip("foo") == context.ip', "type.literal"), ("ip(principal.name).isIpv4()", "type.literal"),
    ('ip("::1", "::1") == context.ip', "type.literal"), ("context.ip.isIpv4(1)", "type.mismatch"), ("principal.dec < principal.dec", "type.operator"), ("principal.dt < principal.du", "type.mismatch"),
    ("principal.dt + 1 == 1", "type.mismatch"), ('Action::"nope" == action', "name.unknown"), ('Color::"green" == Color::"red"', "name.unknown"), ("principal is Nope", "name.unknown"),
    ('false && Nope::"a" == principal', "name.unknown"), ("!1", "type.condition"), ("-true == 1", "type.mismatch"), ("principal.age", "type.condition"), ('principal.age like "a"', "type.mismatch"),
    ("if 1 then true else false", "type.condition"), ("false || 1", "type.condition"), ("principal.age.isEmpty()", "type.operator"), ("principal.age has a", "type.operator"), ("1.a", "type.operator"),
    ("!(principal has opt) || principal.opt == 1", "type.optional"), ("(principal has opt || principal has boss) && principal.opt == 1", "type.optional"),
    ("(if principal has opt then true else false) && principal.opt == 1", "type.optional"), ("principal in [principal.boss]", "type.optional"), ("1 is User", "type.operator"), ("1 in 2", "type.mismatch"),
    ('"a".contains("a")', "type.operator"), ("principal.ss.containsAll(1)", "type.operator"), ("principal.ss.containsAll([1])", "type.mismatch"), ("(if principal.age > 1 then 1 else true) == 1", "type.mismatch"),
    ("1.hasTag(\"a\")", "type.operator"), ("principal.age.hasTag(\"a\")", "type.operator"), ('"a".foo == 1', "type.operator"), ("principal.boss == resource", "type.optional"),
]  # fmt: skip


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(text: str) -> None:
    assert wrong(text) == []


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_refused(text: str, code: str) -> None:
    assert wrong(text)[:1] == [code]
