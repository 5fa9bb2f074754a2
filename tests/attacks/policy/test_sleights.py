"""Policies that would mean less than they say: each is refused, none is read charitably."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.source import Source

SCHEMA = """
entity Group;
@root entity User in Group { ok: Bool, n: Int }
entity Thing { owner: User }
action use { principal: User; resource: Thing; args: { why?: String, n: Int }; context: { @from(caller) urgent?: Bool }; }
"""


def _codes(text: str) -> list[str]:
    return [
        item.code for item in check_all([Source.from_text("a.policy", SCHEMA + text)])[1] if item.severity == "error"
    ]


def _rule(body: str, effect: str = "forbid") -> str:
    return f'@id("x") {effect} x {{ action == use; {body} }}'


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("cyclic def", "def f(): Bool = g();\ndef g(): Bool = f();\n" + _rule("when f();"), "name.cycle"),
        ("unknown function", _rule("when evl(principal.ok);"), "name.unknown"),
        ("unknown attribute", _rule("when principal.okk;"), "type.member"),
        ("number as condition", _rule("when principal.n;"), "type.condition"),
        ("string as condition", _rule('when "true";'), "type.literal"),
        ("entity as condition", _rule("when principal;"), "type.condition"),
        ("true is not one", _rule("when principal.ok == 1;"), "type.mismatch"),
        ("scope twice", _rule('principal in Group::"a"; principal in Group::"b";'), "field.repeated"),
        ("action twice", _rule("action == use;"), "field.repeated"),
        ("because twice", _rule('because "a"; because "b";'), "field.repeated"),
        (
            "approval field twice",
            _rule('approval { from: Group::"g"; quorum: 2; quorum: 1; expires: 1h; }', "escalate"),
            "field.repeated",
        ),
        (
            "quorum of nobody",
            _rule('approval { from: Group::"g"; quorum: 0; expires: 1h; }', "escalate"),
            "approval.quorum",
        ),
        ("approval in a forbid", _rule('approval { from: Group::"g"; quorum: 1; expires: 1h; }'), "clause.misplaced"),
        ("gate without people", _rule("when principal.ok;", "escalate"), "field.missing"),
        ("forbid dodged by silence", _rule('when args has why and args.why == "bribe";'), "polarity"),
        ("forbid dodged by the caller", _rule("when (context?.urgent ?? false);"), "polarity"),
        ("permit earned by silence", _rule("unless context has urgent;", "permit"), "polarity"),
        ("forbid dodged by not telling", _rule('when "user" in origin(args.n);'), "origin.polarity"),
        ("unrelated entities never equal", _rule("when principal == resource;"), "type.unrelated"),
        ("unrelated group", _rule('when resource in Group::"g";'), "type.unrelated"),
        (
            "two rules of one id",
            _rule("when principal.ok;") + _rule("when principal.ok;", "permit").replace(" x {", " y {"),
            "rule.id",
        ),
        ("misspelt enum of origins", _rule('when "contnet" in origin(args.n);'), "type.literal"),
        ("meter ignored", _rule("meter m > 3;"), "name.unknown"),
        ("obligation ignored", _rule("oblige log;", "permit"), "name.unknown"),
        (
            "validity that never begins",
            _rule('valid from datetime("2026-02-01T00:00:00Z") until datetime("2026-01-01T00:00:00Z");', "permit"),
            "type.literal",
        ),
        ("validity twice", _rule("valid from now; valid from now;", "permit"), "field.repeated"),
        ("control characters in a reason", _rule('because "\\u{1b}[2J";'), "limit.string"),
        ("bidi in a reason", _rule('because "\\u{202e}";'), "limit.string"),
        ("delegation ignored", "action b { principal: User; resource: Thing; delegation: union; }", "type.literal"),
        ("proof ignored", "prove p { never allow when principal.ok; }", "unsupported"),
        ("import ignored", "import other::pack;", "import.unknown"),
        ("unknown annotation ignored", '@sevrity("low") ' + _rule("when principal.ok;"), "annotation.unknown"),
        ("keyword as a variable", _rule("let principal = 3;"), "name.invalid"),
        ("clock as a variable", _rule("let now = 3; when principal.n > now;"), "name.invalid"),
        ("const hides a let", "const k: Int = 1;\n" + _rule("let k = 2; when principal.n > k;"), "name.duplicate"),
        ("redeclared type", "entity User { ok: Bool }", "name.duplicate"),
        ("redeclared action", "action use { principal: User; resource: Thing; }", "name.duplicate"),
        ("redeclared builtin", "type Bool = Int;", "name.invalid"),
    ],
)
def test_sleight(name: str, text: str, code: str) -> None:
    assert code in _codes(text), name
