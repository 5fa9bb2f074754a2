"""Parse trees to syntax trees of items."""

from __future__ import annotations

from intended_core.lang import ast
from intended_core.lang.parser import parse
from intended_core.lang.source import Source


def item(text: str) -> ast.Item:
    items, problems = parse(Source.from_text("a", text))
    assert problems == ()
    assert len(items) == 1
    return items[0]


def test_rule_with_every_clause() -> None:
    made = item(
        '@id("x") @owner("me") escalate r { principal is User, Agent in [G::"a", G::"b"]; action in [a, "b/c"]; resource == R::"x";'
        ' let y = 1; when y == 1; unless y == 2; approval { from: G::"a"; when true; } because "b"; }'
    )
    assert isinstance(made, ast.RuleDecl)
    assert [clause.kind for clause in made.clauses] == [
        "principal", "action", "resource", "let", "when", "unless", "approval", "because",
    ]  # fmt: skip
    scope = made.clauses[0].value
    assert isinstance(scope, ast.ScopeDecl)
    assert [name.text for name in scope.types or ()] == ["User", "Agent"]
    assert [entity.id for entity in scope.within or ()] == ["a", "b"]
    assert [name.text for name in made.clauses[1].value] == ["a", "b/c"]  # type: ignore[attr-defined]
    assert [(note.name, len(note.args)) for note in made.annotations] == [("id", 1), ("owner", 1)]


def test_clauses_of_meters_and_obligations() -> None:
    made = item('@id("x") permit r { meter m > 3; oblige a(b: 1); oblige c; action in group; }')
    assert isinstance(made, ast.RuleDecl)
    meter, first, second, group = made.clauses
    assert isinstance(meter.value, tuple)
    assert meter.value[0].text == "m"
    assert isinstance(first.value, ast.ObligeExpr)
    assert [name.text for name, _ in first.value.values.items] == ["b"]
    assert isinstance(second.value, ast.ObligeExpr)
    assert second.value.values.items == ()
    assert isinstance(group.value, ast.Name)


def test_meters_and_obligations() -> None:
    made = item('meter m { on: [a, "b/c"]; key: [principal]; window: sliding(1m); amount: 1; }')
    assert isinstance(made, ast.MeterDecl)
    assert [word for word, _, _ in made.fields] == ["on", "key", "window", "amount"]
    due = item("obligation o(a: Int, b: String) after;")
    assert isinstance(due, ast.ObligationDecl)
    assert ([name.text for name, _ in due.formals], due.phase) == (["a", "b"], "after")


def test_entity_in_fixture_with_one_parent_keeps_its_own_name() -> None:
    made = item(
        'fixture f { entity A::"1", A::"2" in G::"g" { x: 1 }; entity A::"3"; entity A::"4" in [G::"g", G::"h"]; given a = 1; }'
    )
    assert isinstance(made, ast.FixtureDecl)
    assert [[entity.id for entity in world.entities] for world in made.entities] == [["1", "2"], ["3"], ["4"]]
    assert [[parent.id for parent in world.parents] for world in made.entities] == [["g"], [], ["g", "h"]]
    assert made.entities[0].attributes is not None
    assert made.entities[1].attributes is None
    assert [name.text for name, _ in made.givens] == ["a"]


def test_action_parts() -> None:
    made = item("action a, b { principal: A::B, C; resource: D; args: { x?: Set<Int>, ...E }; context: F; }")
    assert isinstance(made, ast.ActionDecl)
    assert [name.text for name in made.names] == ["a", "b"]
    assert [word for word, _, _ in made.parts] == ["principal", "resource", "args", "context"]
    assert [name.text for name in made.parts[0][1]] == ["A::B", "C"]  # type: ignore[attr-defined]


def test_top_level_items_without_meaning_here_are_kept() -> None:
    for text, what in [
        ("prove p { always deny when true; }", "`prove`"),
    ]:
        made = item(text)
        assert isinstance(made, ast.UnsupportedItem)
        assert made.what == what


def test_imports_and_groups() -> None:
    made, plain, rule = item("import a::b as c;"), item("import a::b;"), item('@id("x") permit r { action in group; }')
    assert isinstance(made, ast.ImportDecl)
    assert isinstance(plain, ast.ImportDecl)
    assert (made.pack.text, made.alias.text if made.alias else "", plain.alias) == ("a::b", "c", None)
    assert isinstance(rule, ast.RuleDecl)
    assert isinstance(rule.clauses[0].value, ast.Name)


def test_data_declarations() -> None:
    lattice, param, bare, table = (
        item(text) for text in ('lattice L { "a" < "b" }', "param p: Int = 1;", "@max(2) param p: Set<Int>;", "@max_age(1h) table t: Set<Int>;")
    )
    assert isinstance(lattice, ast.EnumDecl)
    assert lattice.ordered
    assert isinstance(param, ast.ParamDecl)
    assert isinstance(param.value, ast.LiteralExpr)
    assert isinstance(bare, ast.ParamDecl)
    assert (bare.value, len(bare.annotations)) == (None, 1)
    assert isinstance(table, ast.TableDecl)
    assert [note.name for note in table.annotations] == ["max_age"]
