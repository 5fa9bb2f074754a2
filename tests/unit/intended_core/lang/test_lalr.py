"""The quick way reads what lark reads, tree for tree and place for place, and answers nothing where lark would complain."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from lark import Lark, Tree

from intended_core.lang import lalr
from intended_core.lang import parser as room
from intended_core.lang.lalr import Driver, Node, Word, make_driver
from intended_core.lang.source import Source
from tests.house.source import ROOT

POLICIES = sorted((ROOT / "policies").rglob("*.policy"))
TEXT = """policy pack a::b version "1";
entity Group; @root entity User in Group { level: Int, "in": Bool, when?: String }   # a comment
action "tools/call", act { principal: User; resource: User; args: { @max(3) names: Set<String>, at: Datetime }; }
const limit: Duration = 5m;
def big(n: Int): Bool = n > 1_000 and not (n in [1, 2, 3]) or n * 2 - 1 >= -4;
@id("a") permit a { principal in Group::"x"; action in [act, "tools/call"]; let from_ = 09:00;
  when principal has "in" and principal.level == 2 and (principal?.when ?? "no") like "a*"; unless resource is User; because "so"; }
@id("b") escalate b { when all x in args.names { x != "a" }; valid from 2026-01-01 until 2027-01-01;
  approval { from: Group::"y"; quorum: if big(3) then 1 else 2; expires: 1h; } }
test "t" with world { given risk = 1.50; case "c" { n: 1, ...other } expect deny(forbid) by b; }
"""


def driver() -> Driver:
    made = room._driver()
    assert made is not None
    return made


def same(mine: Any, theirs: Any) -> None:
    """Equal trees: names, words, order and places."""
    if isinstance(theirs, Tree):
        assert isinstance(mine, Node)
        where = (0, 1) if theirs.meta.empty else (theirs.meta.start_pos, theirs.meta.end_pos)
        assert (mine.data, mine.start_pos, mine.end_pos) == (theirs.data, *where)
        assert len(mine.children) == len(theirs.children)
        for one, two in zip(mine.children, theirs.children, strict=True):
            same(one, two)
    elif theirs is None:
        assert mine is None
    else:
        assert isinstance(mine, Word)
        assert (str(mine), mine.type, mine.start_pos, mine.end_pos) == (str(theirs), theirs.type, theirs.start_pos, theirs.end_pos)


@pytest.mark.parametrize("text", [TEXT, *(path.read_text(encoding="utf-8") for path in POLICIES)], ids=["all", *(str(p.parent.name) for p in POLICIES)])
def test_every_item_has_the_tree_that_lark_gives_it(text: str) -> None:
    source = Source.from_text("a.policy", text)
    items = [chunk for chunk in room._split(source, room.MAX_TOKENS) if isinstance(chunk, room._Chunk)]
    assert items
    for chunk in items:
        assert chunk.known is not None
        words, first, last = chunk.known
        found = driver().parse(text, words, first, last)
        same(found, room._lark().parse(room.TextSlice(text, chunk.start, chunk.end)))


@pytest.mark.parametrize("text", ["permit", "entity A", "entity 5m;", "entity include;\x00", '"open', "entity A; }", "x ?? ?", "const a: Int = 1_00;"])
def test_what_does_not_fit_is_not_answered(text: str) -> None:
    words = driver().words(text, 0, len(text))
    assert words is None or driver().parse(text, words, 0, len(words.kinds)) is None


def changed(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    end = min(len(text), at + chance.choice([0, 1, 1, 2, 9]))
    return text[:at] + chance.choice(["", "", ";", "}", "{", '"', "@", "in", " in ", "5m", "=", "?", "\n", "é", "#", "(", "\npermit p {"]) + text[end:]


def test_texts_with_faults_read_the_same_with_and_without_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(20261125)
    texts = [changed(TEXT, chance) for _ in range(150)]
    sources = [Source.from_text("a.policy", text) for text in texts]
    quick = [room.parse_all([source]) for source in sources]
    monkeypatch.setattr(room, "_driver", lambda: None)
    slow = [room.parse_all([source]) for source in sources]
    assert quick == slow
    assert 20 < sum(1 for _, problems in quick if problems) < 150


def test_a_grammar_kept_in_another_way_has_no_driver() -> None:
    assert make_driver(Lark('start: "a"', parser="earley")) is None
    assert make_driver(Lark('start: /a/', parser="lalr")) is None


def _trees(made: Driver, text: str) -> list[tuple[Any, Any]]:
    """The tree of each item as it is parsed now, and as it is parsed by a driver that has met nothing."""
    words = made.words(text, 0, len(text))
    assert words is not None
    chunks = room._by_words(text, words)
    assert chunks is not None
    fresh = Driver(made.word_pattern, made.keywords, made.actions, made.gotos, made.start, made.end)
    return [(made.parse(text, *chunk.known), fresh._parse(text, *chunk.known)) for chunk in chunks if chunk.known is not None]


def plain(part: Any) -> Any:
    """A tree as plain data, with places."""
    if isinstance(part, Node):
        return [part.data, part.start_pos, part.end_pos, [plain(child) for child in part.children]]
    return None if part is None else [str(part), part.type, part.start_pos, part.end_pos]


def test_words_in_the_order_of_others_get_the_tree_that_parsing_gives_them() -> None:
    """The first, the second (when the mould is made) and the third, each with other texts at other places."""
    known = driver()
    made = Driver(known.word_pattern, known.keywords, known.actions, known.gotos, known.start, known.end)
    texts = [f"{space}{TEXT}" for space in ("", " ", "\n\n")]
    texts += [TEXT.replace("Group", "Team").replace('"x"', '"another one"').replace("1_000", "7"), TEXT]
    for text in texts:
        for mine, parsed in _trees(made, text):
            assert mine is not None
            assert plain(mine) == plain(parsed)
    assert any(mould is not None for mould in made._moulds.values())


def test_what_stands_at_the_very_beginning_has_no_mould() -> None:
    """There a node that matched nothing could not be told from one that stands at 0, 1."""
    known = driver()
    made = Driver(known.word_pattern, known.keywords, known.actions, known.gotos, known.start, known.end)
    for _ in range(3):
        _trees(made, "entity Group;")
    assert made._moulds == {}


def test_moulds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lalr, "MAX_MOULDS", 2)
    known = driver()
    made = Driver(known.word_pattern, known.keywords, known.actions, known.gotos, known.start, known.end)
    for _ in range(3):
        assert all(mine is not None for mine, _ in _trees(made, f" {TEXT}"))
    assert 0 < len(made._moulds) <= 2


def test_the_repository_has_policies_to_read() -> None:
    assert POLICIES
    assert all(isinstance(path, Path) for path in POLICIES)
