"""Any text of the grammar, with comments anywhere, formats to the same words and comments, comes to rest, and means the same."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.grammar import NonTerminal

from intended_core.authoring import format_policies
from intended_core.errors import PolicyError
from intended_core.lang.checker import check_all
from intended_core.lang.concrete import concrete_tree, words_of
from intended_core.lang.formatter import format_text
from intended_core.lang.parser import grammar_text
from intended_core.lang.source import Source

ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted([*ROOT.glob("policies/**/*.policy"), *ROOT.glob("tests/golden/**/*.policy")])
EXAMPLES = re.findall(r"```policy accepted\n(.*?)\n```", (ROOT / "grammar" / "README.md").read_text("utf-8"), re.DOTALL)
GAPS = st.sampled_from(
    [" ", "  ", "\n", "\n\n\n", " # c\n", "\n# own line\n", "\n\n# far\n\n", "\r\n", "\t", " #\n # two\n"]
)
TERMINALS = {
    "NAME": ["a", "resource_", "Currency"],
    "STRING": ['""', '"x"', '"a\\"b\\u{1f600}"', '"# no comment"', '"{"'],
    "DURATION": ["4h", "250ms"],
    "TIME": ["09:30", "23:59:59"],
    "DATE": ["2026-11-23"],
    "DECIMAL": ["1_000.00", "0.5"],
    "INT": ["0", "42", "1_000"],
}
DEPTH = 14  # expansions below the start, before the shortest way out is taken


@cache
def _grammar() -> tuple[dict[str, list[list[tuple[bool, str]]]], dict[str, str], dict[str, int]]:
    """Expansions by rule, text of each fixed terminal, and the least depth of each rule."""
    lark = Lark(grammar_text(), parser="lalr", maybe_placeholders=False)
    rules: dict[str, list[list[tuple[bool, str]]]] = {}
    for rule in lark.rules:
        expansion = [(isinstance(symbol, NonTerminal), symbol.name) for symbol in rule.expansion]
        rules.setdefault(rule.origin.name, []).append(expansion)
    fixed = {one.name: str(one.pattern.value) for one in lark.terminals if one.name not in TERMINALS}
    height: dict[str, int] = {}
    for _ in range(200):
        for name, expansions in rules.items():
            known = [
                1 + max([height[part] for rule, part in parts if rule], default=0)
                for parts in expansions
                if all(part in height for rule, part in parts if rule)
            ]
            if known:
                height[name] = min(known)
    return rules, fixed, height


@st.composite
def texts(draw: st.DrawFn) -> str:
    rules, fixed, height = _grammar()
    out: list[str] = []
    todo = [(True, "start", 0)]
    while todo:
        is_rule, name, depth = todo.pop()
        if not is_rule:
            out.append(draw(st.sampled_from(TERMINALS[name])) if name in TERMINALS else fixed[name])
            out.append(draw(GAPS))
            continue
        choices = rules[name]
        if depth >= DEPTH or len(out) > 400:
            cost = [max([height[part] for rule, part in parts if rule], default=0) for parts in choices]
            choices = [parts for parts, one in zip(choices, cost, strict=True) if one == min(cost)]
        picked = draw(st.sampled_from(choices))
        todo.extend((rule, part, depth + 1) for rule, part in reversed(picked))
    return "".join(out)


def comments(text: str) -> list[str]:
    tree, end = concrete_tree(text)
    return [one.text for word in [*words_of(tree), end] for one in (*word.before, *word.after)]


def words(text: str) -> list[str]:
    tree, _ = concrete_tree(text)
    found = [word.text for word in words_of(tree)]
    return [
        one for one, after in zip(found, [*found, ""][1:], strict=True) if not (one == "," and after in tuple(")]}"))
    ]


@settings(max_examples=120)
@given(texts())
def test_a_generated_text_keeps_words_and_comments_and_comes_to_rest(text: str) -> None:
    try:
        concrete_tree(text)
    except PolicyError:
        return  # some words that the grammar allows apart are read together in their context
    made = format_text(text)
    assert format_text(made) == made
    assert comments(made) == comments(text)
    kept, before = words(made), words(text)
    assert kept == before or [one for one in kept if one != ";"] == [one for one in before if one != ";"]
    assert "\t" not in made
    assert not re.search(r"[ \r]\n|\n\n\n", made)


def test_most_generated_texts_are_of_the_grammar() -> None:
    read = 0

    @settings(max_examples=60, database=None)
    @given(texts())
    def count(text: str) -> None:
        nonlocal read
        try:
            concrete_tree(text)
            read += 1
        except PolicyError:
            return

    count()
    assert read >= 30


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: "/".join(path.relative_to(ROOT).parts[-3:]))
def test_every_policy_of_the_repository_comes_to_rest_and_means_the_same(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        made = format_text(text)
    except PolicyError:
        assert "golden" in path.parts  # a refused example that does not parse
        return
    assert format_text(made) == made
    assert comments(made) == comments(text)
    before, _ = check_all([Source("p.policy", text)])
    after, _ = check_all([Source("p.policy", made)])
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert before.semantic_digest == after.semantic_digest
        assert [one.name for one in before.tests] == [one.name for one in after.tests]


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_grammar_comes_to_rest(text: str) -> None:
    made = format_text(text)
    assert format_text(made) == made
    (one,) = format_policies({"p.policy": text.encode()})
    assert one.after == made
