"""From sources to a checked set."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core.errors import PolicyError
from intended_core.lang.checker import check, check_all
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.source import Source
from tests.unit.intended_core.lang.support import SCHEMA, refused, rule_text, run, source

EXAMPLES = Path(__file__).parents[4] / "policies" / "examples"


def test_a_checked_set() -> None:
    made = check([source("policy pack a::b;" + SCHEMA, "schema.policy"), source(rule_text("when context.risk < 3;"))])
    assert made.pack == "a::b"
    assert [rule.id for rule in made.rules] == ["r"]
    assert [name for name, _ in made.sources] == ["schema.policy", "test.policy"]
    assert dict(made.cost) == {"close": 0, "transfer": 5}
    assert len(made.text_digest) == len(made.semantic_digest) == 32


def test_check_raises_with_text_and_diagnostics() -> None:
    with pytest.raises(PolicyError) as caught:
        check([source(SCHEMA, "schema.policy"), source(rule_text("when context.rsk < 3;"))])
    assert "error[type.member]: there is no member `rsk`" in str(caught.value)
    assert "did you mean `risk`?" in str(caught.value)
    assert all(isinstance(item, Diagnostic) for item in caught.value.diagnostics)


def test_errors_of_several_items_come_together() -> None:
    assert refused('entity X { a: Nope }\n@id("x") permt x { }') == ["name.unknown", "parse.unexpected"]


def test_warnings_come_with_the_set() -> None:
    made, diagnostics = run(rule_text(""))
    assert made is not None
    assert made.warnings == diagnostics
    assert [item.severity for item in diagnostics] == ["warning"]


def test_loading_a_file_twice_changes_nothing() -> None:
    once = check([source(SCHEMA, "s"), source(rule_text("when context.risk < 3;"))])
    twice = check([source(SCHEMA, "s"), source(rule_text("when context.risk < 3;")), source(SCHEMA, "s")])
    assert once == twice


def test_two_texts_of_one_name_are_refused() -> None:
    _, problems = check_all([source("entity A;", "a"), source("entity B;", "a")])
    assert [item.code for item in problems] == ["name.duplicate"]


def test_an_empty_set_permits_nothing_and_is_no_error() -> None:
    made, problems = check_all([])
    assert made is not None
    assert (made.rules, problems) == ((), ())


def test_a_set_that_could_take_too_long_is_refused() -> None:
    text = """@max(300) type Many = Set<String>;
    action bulk { principal: User; resource: Account; args: { rows: Many }; }
    @id("x") forbid x { action == bulk; when any a in args.rows { any b in args.rows { a == b } }; }"""
    assert refused(text) == ["limit.cost"]
    assert refused(text.replace("300", "30")) == []


@pytest.mark.parametrize("folder", ["agentdojo/banking", "agentdojo/slack", "payments"])
def test_the_large_examples_are_accepted_without_a_warning(folder: str) -> None:
    """The stories beside them are held by tests/conformance/test_stories.py."""
    path = EXAMPLES / folder / "policy.policy"
    made, problems = check_all([Source.from_bytes(path.name, path.read_bytes())])
    assert made is not None, problems
    assert problems == ()
    assert len(made.tests) >= 12


def test_a_story_has_tests() -> None:
    """Each of the files of a set that is one story has a test or rests beside one that has."""
    for folder in {path.parent for path in EXAMPLES.rglob("*.policy")}:
        made, problems = check_all([Source.from_bytes(path.name, path.read_bytes()) for path in sorted(folder.glob("*.policy"))])
        assert made is not None, problems
        assert made.tests


def test_there_are_examples() -> None:
    assert (EXAMPLES / "payments" / "policy.policy").is_file()


def test_a_const_is_checked_even_when_unused() -> None:
    assert refused('const c: Int = "a";') == ["type.literal"]
    assert refused("const c: Int = c;") == ["name.cycle"]
    assert refused("const c: Int = d;\nconst d: Int = c;") == ["name.cycle", "name.cycle"]
