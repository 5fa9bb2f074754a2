"""Declarations to types."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check
from intended_core.lang.types import EMAIL, INT, STRING, EntityType, EnumType, Member, RecordType, SetType
from tests.unit.intended_core.lang.support import SCHEMA, refused, source


def test_types_of_the_schema() -> None:
    schema = check([source(SCHEMA)]).schema
    args = schema.actions["transfer"].args
    assert args.member("currency") == Member("currency", EnumType("Currency", ("EUR", "USD")))
    assert args.member("cc") == Member("cc", SetType(EMAIL, 8), optional=True)
    assert args.member("box") == Member(
        "box", RecordType((Member("size", INT), Member("note", STRING, True))), optional=True
    )
    assert schema.actions["transfer"].context.member("said") == Member("said", STRING, True, True)
    assert schema.entities["User"].root
    assert not schema.entities["Payee"].root
    assert schema.entities["User"].parents == ("Group",)
    assert schema.actions["transfer"].principals == ("Agent", "User")


def test_spread_union_and_alias() -> None:
    text = """
      entity A; entity B;
      type Base = { x: Int };
      @max(3) type Names = Set<String>;
      type Either = A | B;
      action do { principal: A; resource: B; args: { ...Base, names: Names, who: Either }; }
    """
    args = check([source(text)]).schema.actions["do"].args
    assert args == RecordType(
        (Member("x", INT), Member("names", SetType(STRING, 3)), Member("who", EntityType(("A", "B"))))
    )


def test_the_digest_follows_the_meaning_and_not_the_writing() -> None:
    plain = check([source("entity A { x: Int, y?: Bool } action d { principal: A; resource: A; }")]).schema.digest
    moved = check(
        [source("# c\naction d { resource: A; principal: A; }\nentity A { y?: Bool, x: Int };")]
    ).schema.digest
    other = check([source("entity A { x: Int, y: Bool } action d { principal: A; resource: A; }")]).schema.digest
    assert plain == moved
    assert plain != other
    assert len(plain) == 32


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("entity X { a: Nope }", "name.unknown"),
        ("entity X { a: Int, a: Int }", "name.duplicate"),
        ("type T = { a: T };", "name.cycle"),
        ("entity X { a: Set<Set<Int>> }", "type.mismatch"),
        ("entity X { a: Set<Int, Int> }", "type.mismatch"),
        ("entity X { a: Int<Int> }", "type.mismatch"),
        ("type T = Int | String;", "type.mismatch"),
        ("type T = { ...Currency };", "type.mismatch"),
        ("entity X { @max(0) a: Set<Int> }", "annotation.value"),
        ("entity X { @max(10_001) a: Set<Int> }", "annotation.value"),
        ("entity X { @max(3) a: Int }", "annotation.value"),
        ("entity X { @max(3) @max(4) a: Set<Int> }", "field.repeated"),
        ("entity X { @from(agent) a: Int }", "annotation.value"),
        ("entity X { @from(caller) a: Int }", "annotation.unknown"),
        ("@max(3) entity X;", "annotation.unknown"),
        ('@root("x") entity X;', "annotation.value"),
        ("entity X in Nope;", "name.unknown"),
        ('entity X { "a.b": Int }', "name.invalid"),
        ('entity X { "а": Int }', "name.invalid"),
        ("entity String;", "name.invalid"),
        ('enum E { "a", "a" }', "name.duplicate"),
        ("action a { resource: Account; }", "field.missing"),
        ("action a { principal: User; principal: User; resource: Account; }", "field.repeated"),
        ("action a { principal: Nope; resource: Account; }", "name.unknown"),
        ("action a { principal: User; resource: Account; args: Int; }", "type.mismatch"),
        ("action transfer { principal: User; resource: Account; }", "name.duplicate"),
        ('action "a b" { principal: User; resource: Account; }', "name.invalid"),
        ("action a in b { principal: User; resource: Account; }", "name.unknown"),
        ("entity X { @max(3) at: Grant }", "annotation.value"),
        ("entity X { @discloses a: Int }", "annotation.unknown"),
        ("policy pack a; \n", ""),
    ],
)
def test_refused_declarations(text: str, code: str) -> None:
    assert refused(text) == ([code] if code else [])


def test_type_nesting_is_bounded() -> None:
    deep = "Int"
    for _ in range(12):
        deep = "{ a: " + deep + " }"
    assert refused(f"type T = {deep};") == ["limit.nesting"]
