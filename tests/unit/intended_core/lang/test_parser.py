"""Text to items: tolerant, bounded, and one grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lark import Lark

from intended_core.lang import ast, parser
from intended_core.lang.parser import MAX_ITEMS, MAX_NESTING, MAX_TOKENS, grammar_text, parse, parse_all
from intended_core.lang.source import Source

REPOSITORY = Path(__file__).parents[4]


def _parse(text: str) -> tuple[tuple[ast.Item, ...], list[str]]:
    items, problems = parse(Source.from_text("a.policy", text))
    return items, [item.code for item in problems]


def test_the_grammar_is_lalr_and_strict() -> None:
    Lark(grammar_text(), parser="lalr", strict=True)


def test_no_string_terminal_shadows_a_regex_terminal() -> None:
    lark = Lark(grammar_text(), parser="lalr")
    name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
    for terminal in lark.terminals:
        if terminal.pattern.type != "str" or terminal.name in ("LBRACE",):
            continue
        text = terminal.pattern.value
        assert name.fullmatch(text) or not re.search(r"[A-Za-z0-9]", text), terminal


def test_the_packaged_grammar_is_the_one_of_the_source_tree() -> None:
    assert grammar_text() == (REPOSITORY / "grammar" / "intended.lark").read_text(encoding="utf-8")


def test_the_grammar_is_the_one_of_the_specification() -> None:
    page = REPOSITORY.parent / "shared" / "design" / "language.md"
    if not page.is_file():
        pytest.skip("the specification is not beside the repository")
    text = page.read_text(encoding="utf-8")
    assert grammar_text() == text.split("```lark\n")[1].split("```")[0]


def test_the_example_pack_of_the_specification_parses() -> None:
    page = REPOSITORY.parent / "shared" / "design" / "language.md"
    if not page.is_file():
        pytest.skip("the specification is not beside the repository")
    pack = page.read_text(encoding="utf-8").split("## 2. ")[1].split("```\n")[1].split("```")[0]
    items, problems = _parse(pack)
    assert problems == []
    assert sum(isinstance(item, ast.RuleDecl) for item in items) == 21
    assert sum(isinstance(item, ast.TestDecl) for item in items) == 2


def test_one_typo_does_not_hide_the_others() -> None:
    items, problems = _parse("entity A;\nenity B;\nentity C;\nentity D { x Int }\nentity E;")
    assert [item.names[0].text for item in items if isinstance(item, ast.EntityDecl)] == ["A", "C", "E"]
    assert problems == ["parse.unexpected", "parse.unexpected"]


def test_an_unclosed_brace_ends_at_the_next_item() -> None:
    items, problems = _parse('@id("a")\npermit a { action == x;\n@id("b")\npermit b { action == x; }\nentity C;')
    assert problems == ["parse.unclosed"]
    assert len(items) == 2


def test_a_brace_that_closes_nothing() -> None:
    assert _parse("}")[1] == ["parse.unclosed"]
    assert _parse("entity A { x: Int ]")[1] == ["parse.unclosed"]


def test_a_record_may_be_followed_by_a_semicolon() -> None:
    items, problems = _parse("entity A { x: Int };\nentity B { x: Int }\n;")
    assert (len(items), problems) == (2, [])


def test_a_stray_semicolon_is_an_error() -> None:
    assert _parse("entity A;;")[1] == ["parse.unexpected"]


@pytest.mark.parametrize("depth", [MAX_NESTING - 3, MAX_NESTING + 1, 5000])
def test_nesting_is_bounded(depth: int) -> None:
    _, problems = _parse(f"const a: Int = {'(' * depth}1{')' * depth};")
    assert problems == ([] if depth < MAX_NESTING else ["limit.nesting"])


@pytest.mark.parametrize("word", ["not ", "- ", "if true then 1 else "])
def test_operators_are_bounded_too(word: str) -> None:
    assert _parse(f"const a: Int = {word * 20}1;")[1] == []
    assert _parse(f"const a: Int = {word * 2000}1;")[1] == ["limit.nesting"]


def test_long_chains_of_and_are_not_deep() -> None:
    items, problems = _parse("const a: Bool = " + " and ".join(["true"] * 3000) + ";")
    assert problems == []
    assert isinstance(items[0], ast.ConstDecl)


def test_words_are_bounded_over_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_TOKENS == 1_000_000
    monkeypatch.setattr(parser, "MAX_TOKENS", 6_000)
    first, second = Source.from_text("a", "entity A;" * 1_000), Source.from_text("b", "entity B;" * 1_000)
    assert parse_all([first, second])[1] == ()
    _, problems = parse_all([first, second, Source.from_text("c", "x")])
    assert [item.code for item in problems] == ["limit.tokens"]


def test_items_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_ITEMS == 40_000
    monkeypatch.setattr(parser, "MAX_ITEMS", 1_000)
    _, problems = parse_all([Source.from_text("a", "entity A;" * 1_001)])
    assert [item.code for item in problems] == ["limit.tokens"]


def test_diagnostics_are_bounded() -> None:
    assert len(_parse("x;\n" * 1000)[1]) == 50


def test_the_pack_stands_first() -> None:
    assert _parse('policy pack a::b version "1"; entity A;')[1] == []
    assert _parse("entity A; policy pack a;")[1] == ["clause.misplaced"]


def test_comments_and_strings_do_not_end_items() -> None:
    items, problems = _parse('# } ; {\n@id("};{") permit a { because "}}} # ;"; } # end')
    assert (len(items), problems) == (1, [])
