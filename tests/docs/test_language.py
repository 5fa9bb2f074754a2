"""The reference of the language: its examples are accepted or refused as it says, and nothing that the language has is missing."""

from __future__ import annotations

import re
from functools import cache

import pytest
from lark import Lark
from lark.exceptions import UnexpectedInput

from intended_core.flows.policytests import run_tests
from intended_core.lang.builtins import METHODS
from intended_core.lang.checker import check_all
from intended_core.lang.diagnostics import CODES
from intended_core.lang.types import SCALARS
from intended_core.outcome import DENY_CLASSES
from tests.docs.examples import ALL, PAGES, Example
from tests.docs.pages import ROOT

ACCEPTED = [example for example in ALL if example.accepted]
REFUSED = [example for example in ALL if not example.accepted]
GRAMMAR = (ROOT / "grammar" / "intended.lark").read_text(encoding="utf-8")
ANNOTATIONS = ("id", "severity", "owner", "control", "root", "max", "max_age", "from", "presentational", "discloses")
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
NOT_IN_TREES = {  # always replaced by what stands inside them, or by the name of their alternative
    "item", "expr", "ascope", "effect", "meter_f", "outcome", "phase", "scope", "tf",
}  # fmt: skip
@cache
def lark() -> Lark:
    return Lark(GRAMMAR, parser="lalr")


@pytest.mark.parametrize("example", ACCEPTED, ids=lambda example: example.name)
def test_accepted_and_its_tests_hold(example: Example) -> None:
    checked, diagnostics = check_all(example.sources)
    assert checked is not None, [f"{item.span} {item.code}: {item.message}" for item in diagnostics]
    assert [(case.name, case.got, case.reasons) for case in run_tests(checked).failed] == []


@pytest.mark.parametrize("example", REFUSED, ids=lambda example: example.name)
def test_refused_with_the_code_that_is_told(example: Example) -> None:
    assert example.code in CODES, "the line before a refused example names its code in backquotes"
    checked, diagnostics = check_all(example.sources)
    assert checked is None
    assert {item.code for item in diagnostics if item.severity == "error"} == {example.code}


def test_every_page_has_both_and_is_linked() -> None:
    for page in PAGES[1:]:
        kinds = {example.accepted for example in ALL if example.page == page.name}
        assert kinds == {True, False}, page.name
        assert f"(language/{page.name})" in PAGES[0].read_text(encoding="utf-8")


def test_every_construct_of_the_grammar_stands_in_an_example() -> None:
    shown: set[str] = set()
    for example in ALL:
        for source in example.sources:
            try:
                tree = lark().parse(source.text)
            except UnexpectedInput:
                continue
            shown |= {str(node.data) for node in tree.iter_subtrees()}
    rules = set(re.findall(r"^!?([a-z_0-9]+)\s*:", GRAMMAR, re.MULTILINE))
    aliases = set(re.findall(r"->\s*([a-z_0-9]+)", GRAMMAR))
    assert sorted((rules | aliases) - shown - NOT_IN_TREES) == []


def test_every_word_of_the_grammar_is_explained() -> None:
    words = set(
        re.findall(r'"([a-z]{2,})"', re.sub(r"^!fname:.*?(?=^NAME:)", "", GRAMMAR, flags=re.MULTILINE | re.DOTALL))
    )
    assert len(words) > 60
    told = set(re.findall(r"[a-z]+", " ".join(re.findall(r"`[^`\n]+`", TEXT))))
    assert sorted(words - told) == []


def test_every_method_is_called_in_an_example_and_listed() -> None:
    called = {name for example in ACCEPTED for name in re.findall(r"\.([a-z_]+)\(", example.text)}
    assert sorted({name for _, name in METHODS} - called) == []
    assert sorted(f"{kind}{spec.shown}" for (kind, _), spec in METHODS.items() if f"`{spec.shown}`" not in TEXT) == []


def test_every_type_annotation_and_class_of_denial_is_named() -> None:
    generic = ("Set<T>", "List<T>", "Map<K, V>", "Grant")
    named = (*SCALARS, *generic, *(f"@{name}" for name in ANNOTATIONS), *DENY_CLASSES)
    assert [one for one in named if f"`{one}`" not in TEXT] == []
