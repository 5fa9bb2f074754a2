"""The grammar's own LALR tables, driven without ceremony: text that fits is read several times faster than lark reads it.

lark builds the tables from `grammar/intended.lark` and remains the only one who judges what does not fit: whenever a word or an action is
not found here, the answer is None and the item goes to lark, which parses it or says what is wrong. So this room can refuse to answer and
cannot answer differently: it follows the same tables with the same words. Trees have the shape of lark's; a node knows where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from lark import Lark, Tree
from lark.parsers.lalr_analysis import Shift

__all__ = ["Driver", "Node", "Rule", "Word", "Words", "make_driver"]

_CONTENT: Final = ("NAME", "STRING", "TIME", "DATE", "DURATION", "DECIMAL", "INT")  # by priority, names first: they begin like no other
MAX_MOULDS: Final = 4_096  # orders of words remembered
_LAYOUT: Final = re.compile(r"(?:[ \t\r\n]+|\#[^\n]*)*")


class Word(str):
    """A token: its text, its terminal and where it stands (code points; `end_pos` exclusive)."""

    __slots__ = ("end_pos", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int


class Node:
    """A branch of the tree; `start_pos`, `end_pos` as in Word. A rule that matched nothing stands at 0, 1."""

    __slots__ = ("children", "data", "end_pos", "start_pos")

    def __init__(self, data: str, children: list[Any], start_pos: int, end_pos: int) -> None:
        self.data = data
        self.children = children
        self.start_pos = start_pos
        self.end_pos = end_pos


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, layout left out: terminals and places."""

    kinds: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]


# A tree without its text. A word: its terminal, and its number from the first. A branch: name, children, first and last word (-1: none).
Mould: TypeAlias = "tuple[str, int] | tuple[str, tuple[Mould | None, ...], int, int]"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reduction does with its children."""

    size: int
    origin: str
    unit: bool  # the result is the only child itself
    data: str
    single: bool  # one child stands for the node
    include: tuple[tuple[int, bool, int], ...]  # (child, spliced, absent optional parts before it)
    absent: int  # absent optional parts at the end


class Driver:
    """Words of one grammar and its tables. Immutable once made, but for a memory of chains of unit rules and of moulds."""

    __slots__ = ("_chains", "_moulds", "_names", "actions", "end", "gotos", "keywords", "start", "word_pattern")

    def __init__(self, words: re.Pattern[str], keywords: dict[str, str], actions: Any, gotos: Any, start: int, end: int) -> None:
        self.word_pattern = words
        self.keywords = keywords
        self._names = frozenset(terminal for text, terminal in keywords.items() if text.isidentifier())
        self.actions: list[dict[str, int | Rule]] = actions
        self.gotos: list[dict[str, int]] = gotos
        self.start = start
        self.end = end
        self._chains: dict[tuple[int, int, str], int] = {}
        self._moulds: dict[tuple[str, ...], Mould | None] = {}

    def words(self, text: str, start: int, end: int) -> Words | None:
        """The words between two places, or None when something there is no word."""
        kinds: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        find = self.keywords.get
        at = start
        scanner: Any = self.word_pattern.scanner(text, start, end)  # type: ignore[attr-defined]  # one match after another, no gap
        for match in iter(scanner.match, None):
            kind = match.lastgroup
            begin, at = match.span(kind)
            if kind == "NAME" or kind == "SIGN":
                kind = find(match[kind], kind)
            kinds.append(kind)
            starts.append(begin)
            ends.append(at)
        layout = _LAYOUT.match(text, at, end)
        return Words(kinds, starts, ends) if layout is not None and layout.end() == end else None

    def parse(self, text: str, words: Words, first: int, last: int) -> Node | None:
        """The tree of the words from `first` up to (not including) `last`; None when lark must look at them.

        Which tree it is depends on what kinds of words follow each other and on nothing else, so words in the order of others that were
        parsed are put into the same mould.
        """
        key = tuple(words.kinds[first:last])
        mould = self._moulds.get(key)
        if mould is not None:
            return _cast(mould, text, words.starts, words.ends, first)
        tree = self._parse(text, words, first, last)
        if tree is not None and words.starts[first] > 0:  # what matched nothing stands at 0, 1: where that is a place, it cannot be told
            if len(self._moulds) >= MAX_MOULDS:
                self._moulds.clear()
            # A mould costs as much as a parse: it is made when the same order is met again.
            self._moulds[key] = _mould(tree, words, first, last) if key in self._moulds else None
        return tree

    def _parse(self, text: str, words: Words, first: int, last: int) -> Node | None:
        actions, gotos, chains, names = self.actions, self.gotos, self._chains, self._names
        kinds, starts, ends = words.kinds, words.starts, words.ends
        states: list[int] = [self.start]
        values: list[Any] = []
        begins: list[int] = []
        stops: list[int] = []
        for at in range(first, last + 1):
            kind = kinds[at] if at < last else "$END"
            # As lark's contextual lexer does, and only before anything is reduced: a word of the grammar is a name where it has no place.
            if kind in names and kind not in actions[states[-1]]:
                kind = "NAME"
            while True:
                state = states[-1]
                found = actions[state].get(kind)
                if found is None:
                    return None
                if isinstance(found, int):
                    states.append(found)
                    values.append((kind, at))
                    begins.append(starts[at])
                    stops.append(ends[at])
                    break
                rule = found
                if rule.unit:
                    below = states[-2]
                    key = (below, state, kind)
                    reached = chains.get(key)
                    if reached is None:
                        reached = chains[key] = self._chain(below, state, kind)
                    states[-1] = reached
                    continue
                size = rule.size
                if size:
                    children = values[-size:]
                    begin, stop = begins[-size], stops[-1]
                    if begin < 0 or stop < 0:
                        begin = next((place for place in begins[-size:] if place >= 0), -1)
                        stop = next((place for place in reversed(stops[-size:]) if place >= 0), -1)
                    del states[-size:], values[-size:], begins[-size:], stops[-size:]
                else:
                    children, begin, stop = [], -1, -1
                kept: list[Any] = []
                for index, spliced, absent in rule.include:
                    if absent:
                        kept += [None] * absent
                    child = children[index]
                    if child.__class__ is tuple:
                        terminal, where = child
                        child = Word(text[starts[where] : ends[where]])
                        child.type, child.start_pos, child.end_pos = terminal, starts[where], ends[where]
                    if spliced:
                        kept += child.children
                    else:
                        kept.append(child)
                if rule.absent:
                    kept += [None] * rule.absent
                if rule.single and len(kept) == 1:
                    value = kept[0]
                elif begin < 0:
                    value = Node(rule.data, kept, 0, 1)
                else:
                    value = Node(rule.data, kept, begin, stop)
                state = gotos[states[-1]][rule.origin]
                states.append(state)
                values.append(value)
                begins.append(begin)
                stops.append(stop)
                if state == self.end:
                    return value if value.__class__ is Node else None
        return None

    def _chain(self, below: int, state: int, kind: str) -> int:
        while True:
            found = self.actions[state].get(kind)
            if not isinstance(found, Rule) or not found.unit:
                return state
            state = self.gotos[below][found.origin]


def _mould(tree: Any, words: Words, first: int, last: int) -> Mould:
    begins = {words.starts[at]: at - first for at in range(first, last)}
    stops = {words.ends[at]: at - first for at in range(first, last)}

    def of(part: Any) -> Any:
        if part is None:
            return None
        if part.__class__ is Word:
            return (part.type, begins[part.start_pos])
        return (part.data, tuple([of(child) for child in part.children]), begins.get(part.start_pos, -1), stops.get(part.end_pos, -1))

    made: Mould = of(tree)
    return made


def _cast(mould: Any, text: str, starts: Sequence[int], ends: Sequence[int], first: int) -> Node:
    data, parts, begin, stop = mould
    children: list[Any] = []
    for part in parts:
        if part is None:
            children.append(None)
        elif len(part) == 2:
            at = part[1] + first
            start, end = starts[at], ends[at]
            word = Word(text[start:end])
            word.type, word.start_pos, word.end_pos = part[0], start, end
            children.append(word)
        else:
            children.append(_cast(part, text, starts, ends, first))
    if begin < 0:
        return Node(data, children, 0, 1)
    return Node(data, children, starts[begin + first], ends[stop + first])


def make_driver(lark: Lark) -> Driver | None:
    """The driver over a grammar's tables (built without positions), or None when lark keeps them in a way that is not known here."""
    try:
        return _driver(lark)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        return None


def _driver(lark: Lark) -> Driver:
    parser: Any = lark.parser.parser
    table, callbacks = parser._parse_table, parser.parser_conf.callbacks
    size = max(table.states) + 1
    terminals = {terminal.name for terminal in lark.terminals} | {"$END"}
    actions: list[dict[str, int | Rule]] = [{} for _ in range(size)]
    gotos: list[dict[str, int]] = [{} for _ in range(size)]
    made: dict[Any, Rule] = {}
    for state, row in table.states.items():
        for name, (action, target) in row.items():
            if action is Shift:
                (actions if name in terminals else gotos)[state][name] = target
            else:
                if target not in made:
                    made[target] = _rule(target, callbacks[target])
                actions[state][name] = made[target]
    patterns: list[str] = []
    keywords: dict[str, str] = {}
    by_name = {terminal.name: terminal for terminal in lark.terminals}
    for name in _CONTENT:
        patterns.append(f"(?P<{name}>{by_name[name].pattern.to_regexp()})")
    signs: list[str] = []
    for terminal in lark.terminals:
        if terminal.name in _CONTENT or terminal.name.startswith("__IGNORE"):
            continue
        text = terminal.pattern.value if terminal.pattern.__class__.__name__ == "PatternStr" else None
        if text is None or text in keywords:
            raise ValueError(f"a terminal that is no plain word: {terminal.name}")
        keywords[text] = terminal.name
        if not text.isidentifier():
            signs.append(text)
    patterns.append("(?P<SIGN>" + "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True)) + ")")
    words = re.compile(f"{_LAYOUT.pattern}(?:{'|'.join(patterns)})")
    return Driver(words, keywords, actions, gotos, table.start_states["start"], table.end_states["start"])


def _rule(rule: Any, callback: Any) -> Rule:
    single = False
    include: tuple[tuple[int, bool, int], ...] | None = None
    absent = 0
    size = len(rule.expansion)
    while not isinstance(callback, partial) or callback.func is not Tree:
        name = callback.__class__.__name__
        if name == "ExpandSingleChild":
            single = True
        elif name == "ChildFilterLALR":
            include, absent = tuple((int(a), bool(b), int(c)) for a, b, c in callback.to_include), int(callback.append_none)
        elif name == "ChildFilterLALR_NoPlaceholders":
            include = tuple((int(a), bool(b), 0) for a, b in callback.to_include)
        else:
            raise ValueError(f"a step that is not known: {name}")
        callback = callback.node_builder
    (data,) = callback.args
    if callback.keywords:
        raise ValueError("a node with more than a name")
    if include is None:
        include = tuple((index, False, 0) for index in range(size))
    unit = single and include == ((0, False, 0),) and size == 1 and absent == 0
    return Rule(size, rule.origin.name, unit and not rule.expansion[0].is_term, str(data), single, include, absent)
