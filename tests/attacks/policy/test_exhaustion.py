"""Attacks on the memory, depth and time of loading."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.source import MAX_SOURCES, Source, read_source

SCHEMA = "@root entity User { n: Int, @max(10_000) s: Set<String> } entity Thing; action use { principal: User; resource: Thing; }\n"


def _codes(text: str) -> list[str]:
    return [
        item.code for item in check_all([Source.from_text("a.policy", SCHEMA + text)])[1] if item.severity == "error"
    ]


def _when(condition: str) -> str:
    return f'@id("x") permit x {{ action == use; when {condition}; }}'


def test_ten_megabytes() -> None:
    source, problems = read_source("a.policy", b"#" * 10_000_000)
    assert source is None
    assert [item.code for item in problems] == ["source.too-large"]


def test_too_many_files() -> None:
    files = [Source.from_text(f"f{number}", "") for number in range(MAX_SOURCES + 1)]
    assert [item.code for item in check_all(files)[1]] == ["source.too-large"]


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 100_000 + "true" + ")" * 100_000,
        "[" * 100_000,
        "not " * 50_000 + "true",
        "principal.n == " + "-" * 50_000 + "1",
        "principal" + ".n" * 50_000,
        "if true then " * 30_000 + "true",
        "principal.n" + " + 1" * 40_000 + " > 0",
        "f(" * 20_000 + "1" + ")" * 20_000,
        "principal.s" + ".size()" * 20_000 + " > 1",
    ],
    ids=["parentheses", "brackets", "not", "minus", "members", "if", "sum", "calls", "methods"],
)
def test_deep_nesting(condition: str) -> None:
    found = _codes(_when(condition))
    assert found
    assert set(found) <= {"limit.nesting", "parse.unexpected", "limit.memory", "limit.tokens"}


def test_deep_types() -> None:
    assert _codes("type T = " + "Set<" * 20_000 + "Int" + ">" * 20_000 + ";") in (["limit.memory"], ["limit.nesting"])
    assert _codes("entity E " + "{ a: " * 5_000 + "Int" + " }" * 5_000) == ["limit.nesting"]


def test_a_long_chain_of_types() -> None:
    text = "type T0 = { a: Int };\n" + "".join(f"type T{at} = {{ a: T{at - 1} }};\n" for at in range(1, 3_000))
    assert "limit.nesting" in _codes(text)


def test_a_long_chain_of_defs() -> None:
    text = "def f0(): Bool = true;\n" + "".join(f"def f{at}(): Bool = f{at - 1}();\n" for at in range(1, 3_000))
    assert _codes(text + _when("f2999()")) == ["limit.nesting"]


def test_defs_that_double() -> None:
    """Eight defs that use each other twice or more would be inlined into an expression of exponential size."""
    body = " and ".join(["f{}()"] * 40)
    text = "def f0(): Bool = principal.n > 0;\n" + "".join(
        f"def f{at}(): Bool = {body.replace('{}', str(at - 1))};\n" for at in range(1, 8)
    )
    assert _codes(text + _when("f7()")) == ["limit.cost"]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("principal.n == " + "9" * 100_000, "limit.number"),
        ("principal.n == 0." + "9" * 100_000, "parse.unexpected"),
        ("now - now == " + "9" * 100_000 + "d", "limit.number"),
        ('"' + "x" * 500_000 + '" in principal.s', "limit.string"),
        ("principal." + "x" * 100_000 + " == 1", "type.member"),
    ],
)
def test_huge_literals(condition: str, code: str) -> None:
    found = check_all([Source.from_text("a.policy", SCHEMA + _when(condition))])[1]
    assert [item.code for item in found] == [code]
    assert all(len(item.message) < 200_000 for item in found)


def test_a_walk_of_walks_is_too_many_steps() -> None:
    assert _codes(_when("any a in principal.s { any b in principal.s { a == b } }")) == ["limit.cost"]


def test_many_cheap_rules_stay_within_the_limit() -> None:
    text = "\n".join(f'@id("r{at}") permit r{at} {{ action == use; when principal.n == {at}; }}' for at in range(500))
    assert _codes(text) == []


def test_a_million_semicolons() -> None:
    found = check_all([Source.from_text("a.policy", ";" * 1_000_000)])[1]
    assert len(found) <= 50


def test_types_that_multiply() -> None:
    """Each record holds the one before many times; written out in full there would be billions of members."""
    text = "type T0 = { a: Int };\n"
    for at in range(1, 8):
        text += f"type T{at} = {{ {', '.join(f'm{number}: T{at - 1}' for number in range(30))} }};\n"
    assert "limit.nesting" in _codes(text)
