"""Every rule of the grammar has an accepted and a refused example in grammar/README.md, and they are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from lark import Lark
from lark.exceptions import UnexpectedInput

REPOSITORY = Path(__file__).parents[2]
GRAMMAR = (REPOSITORY / "grammar" / "intended.lark").read_text(encoding="utf-8")
RULES = re.findall(r"^[!?]*([a-z_0-9]+)\s*:", GRAMMAR, re.MULTILINE)
PAGE = (REPOSITORY / "grammar" / "README.md").read_text(encoding="utf-8")
INLINED = {"item", "expr"}  # these never stand in a tree: something inside them does


def _sections() -> dict[str, tuple[list[str], list[str]]]:
    found: dict[str, tuple[list[str], list[str]]] = {}
    for section in PAGE.split("\n## `")[1:]:
        name = section.split("`", 1)[0]
        accepted = re.findall(r"```policy accepted\n(.*?)\n```", section, re.DOTALL)
        found[name] = (accepted, re.findall(r"```policy refused\n(.*?)\n```", section, re.DOTALL))
    return found


SECTIONS = _sections()


@cache
def _lark() -> Lark:
    return Lark(GRAMMAR, parser="lalr")


def _names_of(rule: str) -> set[str]:
    body = re.search(rf"^[!?]*{rule}\s*:(.*?)(?=^[!?]*[a-zA-Z_0-9.]+\s*:|\Z)", GRAMMAR, re.MULTILINE | re.DOTALL)
    return {rule, *re.findall(r"->\s*([a-z_0-9]+)", body.group(1) if body else "")}


def test_every_rule_has_its_section_in_order() -> None:
    assert list(SECTIONS) == RULES


@pytest.mark.parametrize("rule", RULES)
def test_the_accepted_example(rule: str) -> None:
    accepted = SECTIONS[rule][0]
    assert len(accepted) == 1
    tree = _lark().parse(accepted[0])
    if rule not in INLINED:
        assert {str(node.data) for node in tree.iter_subtrees()} & _names_of(rule)


@pytest.mark.parametrize("rule", RULES)
def test_the_refused_example(rule: str) -> None:
    refused = SECTIONS[rule][1]
    assert len(refused) == 1
    with pytest.raises(UnexpectedInput):
        _lark().parse(refused[0])
