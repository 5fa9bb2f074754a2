"""Packs: whole names for what is imported, every rule of every file in force, nothing found by path."""

from __future__ import annotations

import pytest

from intended_core import Allow, Deny, Entity, EntityRef, Intent
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet

SHARED = """
policy pack bank::base version "3";
enum Region { "eu", "us" }
entity Group;
@root entity User in Group { region: Region, level: Int }
entity Doc { region: Region, kind: Kind }
enum Kind { "open", "closed" }
type Why = { why: String };
const top: Int = 3;
param floor: Int = 1;
def high(u: User): Bool = u.level >= top and u.level >= floor;
action read { principal: User; resource: Doc; args: { ...Why, more?: Why }; }
@id("base.wall") forbid wall { when principal.region != resource.region; }
fixture f { entity Group::"g"; }
"""
OWN = """
policy pack acme version "1";
import bank::base as base;
entity Note { of: base::Doc }
action write { principal: base::User; resource: Note; }
@id("acme.read") permit read { action == base::read; principal in base::Group::"staff"; when base::high(principal) and args.why != ""; }
@id("acme.write") permit write { action == write; when resource.of.kind == base::Kind::"open" and principal is base::User and base::top == 3; }
"""


def checked(**files: str) -> tuple[CheckedPolicySet | None, list[str]]:
    found, problems = check_all([Source.from_text(f"{name}.policy", text) for name, text in files.items()])
    return found, [item.code for item in problems if item.severity == "error"]


def test_what_an_imported_pack_declares_has_its_whole_name() -> None:
    found, problems = checked(a=OWN, b=SHARED)
    assert problems == []
    assert found is not None
    assert (found.pack, found.version, found.packs) == ("acme", "1", (("bank::base", "3"),))
    assert set(found.schema.entities) == {"bank::base::User", "bank::base::Group", "bank::base::Doc", "Note"}
    assert set(found.schema.actions) == {"bank::base::read", "write"}
    assert set(found.schema.params) == {"bank::base::floor"}
    assert [(rule.id, rule.name) for rule in found.rules] == [
        ("acme.read", "read"), ("acme.write", "write"), ("base.wall", "bank::base::wall"),
    ]  # fmt: skip


def test_the_order_of_files_does_not_matter() -> None:
    one, two = checked(a=OWN, b=SHARED)[0], checked(z=OWN, b=SHARED)[0]
    assert one is not None
    assert two is not None
    assert one.semantic_digest == two.semantic_digest


@pytest.mark.parametrize(("region", "allowed"), [("eu", True), ("us", False)])
def test_rules_of_both_packs_are_in_force(region: str, allowed: bool) -> None:
    found, _ = checked(a=OWN, b=SHARED)
    assert found is not None
    group, user, doc = (EntityRef(f"bank::base::{kind}", name) for kind, name in (("Group", "staff"), ("User", "ann"), ("Doc", "d")))
    world = [
        Entity(ref=group), Entity(ref=user, parents=frozenset({group}), attributes={"region": "eu", "level": 3}),
        Entity(ref=doc, attributes={"region": region, "kind": "open"}),
    ]  # fmt: skip
    snapshot = type_snapshot(found.schema, EntitySnapshot(version="1", entities={item.ref: item for item in world}))
    intent = Intent(principal=user, action="bank::base::read", resource=doc, args={"why": "x"})
    outcome = decide(compile_set(found), validate(found.schema, TEST_SCOPE, intent), snapshot, now_ms=0)
    assert isinstance(outcome, Allow if allowed else Deny)


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ("import bank::nope;", "import.unknown"),
        ("import bank::base as base; entity X { a: base::Nope }", "name.unknown"),
        ("import bank::base as base; entity X { a: bank::base::User }", "import.unknown"),
        ("import bank::base as base; entity X { a: User }", "name.unknown"),
        ('import bank::base as base; entity X { a: othr::User }', "import.unknown"),
        ("import bank::base as base; import bank::base as base;", "name.duplicate"),
        ("import acme;", "import.cycle"),
        ('import bank::base as base; @id("x") permit x { action == read; }', "name.unknown"),
        ('import bank::base as base; @id("x") permit x { action == base::read; when top == 3; }', "name.unknown"),
        ('import bank::base as base; @id("base.wall") permit x { action == base::read; }', "rule.id"),
        ('import bank::base as "../base";', "parse.unexpected"),
    ],
)
def test_refused(own: str, code: str) -> None:
    assert code in checked(a='policy pack acme version "1"; ' + own, b=SHARED)[1]


def test_packs_in_a_circle() -> None:
    assert checked(a="policy pack a; import b;", b="policy pack b; import c;", c="policy pack c; import b;")[1] == ["import.cycle"]


def test_a_pack_that_nobody_imports() -> None:
    assert "field.repeated" in checked(a=OWN, b=SHARED, c="policy pack stray; entity S;")[1]


def test_two_versions_of_one_pack() -> None:
    assert checked(a=OWN, b=SHARED, c='policy pack bank::base version "4";')[1] == ["field.repeated"]


def test_a_variable_may_not_be_called_like_a_value_of_its_imported_pack() -> None:
    more = '@id("base.more") forbid more { action == read; let top = 1; when principal.level < top; }'
    assert "name.duplicate" in checked(a=OWN, b=SHARED + more)[1]


def test_a_file_without_a_pack_belongs_to_the_set() -> None:
    found, problems = checked(a=OWN, b=SHARED, c="import bank::base as bb; entity More { a: bb::Region }")
    assert problems == []
    assert found is not None
    assert "More" in found.schema.entities
