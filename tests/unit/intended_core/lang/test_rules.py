"""Rules: identity, scopes, clauses, a body per action."""

from __future__ import annotations

import pytest

from intended_core.ids import EntityRef
from intended_core.lang.typed import Let, ScopeTest, Unary
from intended_core.lang.walk import semantic_form
from tests.unit.intended_core.lang.support import body, codes, refused, rule, run


def test_scopes() -> None:
    made = rule('principal is User in [Group::"b", Group::"a"]; resource == Account::"x"; when context.risk < 3;')
    assert made.principal == ScopeTest(types=("User",), within=(EntityRef("Group", "a"), EntityRef("Group", "b")))
    assert made.resource == ScopeTest(equal=EntityRef("Account", "x"))


def test_identity_and_annotations() -> None:
    checked, _ = run(
        '@severity("high") @id("my.rule") @owner("me") permit named { action == close; when resource.owner == principal; because "so"; }'
    )
    assert checked is not None
    made = checked.rules[0]
    assert (made.id, made.name, made.because, dict(made.annotations)) == (
        "my.rule",
        "named",
        "so",
        {"owner": "me", "severity": "high"},
    )


def test_a_rule_without_action_clause_has_a_body_per_action() -> None:
    assert set(rule("when resource.owner == principal;", "forbid", "").bodies) == {"close", "transfer"}
    assert set(rule("when args.urgent;", "forbid", "").bodies) == {"transfer"}
    assert set(rule("principal is Agent;", "forbid", "").bodies) == {"transfer"}


def test_a_rule_that_names_an_action_must_type_for_it() -> None:
    assert codes("when args.urgent;", action="action in [transfer, close];") == ["type.member"]


def test_unless_becomes_not_and_keeps_its_word() -> None:
    made = body("unless context.risk > 3; when args.urgent;")
    assert [clause.kind for clause in made.clauses] == ["unless", "when"]
    assert isinstance(made.clauses[0].expr, Unary)


def test_lets_stand_around_what_uses_them() -> None:
    made = body("let a = context.risk + 1; let b = a + 1; when context.risk > 2; when b > 3; when a > 3;")
    first, second, third = (clause.expr for clause in made.clauses)
    assert not isinstance(first, Let)
    assert isinstance(second, Let)
    assert isinstance(second.value, Let)
    assert not isinstance(second.body, Let)
    assert isinstance(third, Let)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("permit r { action == close; when resource.owner == principal; }", "rule.id"),
        ('@id("a b") permit r { action == close; when resource.owner == principal; }', "annotation.value"),
        ('@id("a#1") permit r { action == close; when resource.owner == principal; }', "annotation.value"),
        ("@id permit r { action == close; when resource.owner == principal; }", "annotation.value"),
        ('@id("a") @id("b") permit r { action == close; when resource.owner == principal; }', "field.repeated"),
        ('@id("a") @mood("b") permit r { action == close; when resource.owner == principal; }', "annotation.unknown"),
        ('@id("a") permit r { action == nope; }', "name.unknown"),
        ('@id("a") permit r { action in [close, close]; when resource.owner == principal; }', "field.repeated"),
        ('@id("a") permit r { action == close; action == close; when resource.owner == principal; }', "field.repeated"),
        (
            '@id("a") permit r { action == close; when resource.owner == principal; because "a"; because "b"; }',
            "field.repeated",
        ),
        ('@id("a") permit r { action in group; when resource.owner == principal; }', "name.unknown"),
        ('@id("a") permit r { action == close; principal is Nope; }', "name.unknown"),
        ('@id("a") permit r { action == close; principal in Nope::"a"; }', "name.unknown"),
        ('@id("a") permit r { action == close; principal is Agent; }', "rule.never-applies"),
        ('@id("a") permit r { principal is Payee; }', "rule.never-applies"),
        ('@id("a") permit r { action == close; resource in Group::"a"; }', "rule.never-applies"),
        ('@id("a") forbid r { when nope; }', "name.unknown"),
        ('@id("a") forbid r { when resource.nope; }', "type.member"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert code in refused(text)


def test_ids_and_names_are_unique() -> None:
    one = '@id("a") permit r { action == close; when resource.owner == principal; }\n'
    assert refused(one + one.replace(" r ", " s ")) == ["rule.id"]
    assert refused(one + one.replace('"a"', '"b"')) == ["name.duplicate"]


def test_valid_is_a_condition_on_now() -> None:
    made = body('valid from datetime("2026-01-01T00:00:00Z") until datetime("2026-02-01T00:00:00Z"); when args.urgent;')
    same = body(
        'when now >= datetime("2026-01-01T00:00:00Z") and now < datetime("2026-02-01T00:00:00Z"); when args.urgent;'
    )
    assert [semantic_form(clause.expr) for clause in made.clauses] == [
        semantic_form(clause.expr) for clause in same.clauses
    ]
    assert len(body("valid from context.at;").clauses) == 1
    assert codes("valid from 3;") == ["type.mismatch"]
    assert codes('valid from datetime("2026-01-01T00:00:00Z") until datetime("2026-01-01T00:00:00Z");') == [
        "type.literal"
    ]


def test_cost_is_counted() -> None:
    assert body("when context.risk > 3;").cost == 1 + 4
