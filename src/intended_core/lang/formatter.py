"""`fmt`: the one style of policies. Keeps every word, every comment and the meaning; works on the whole grammar.

The style: two columns a step, 100 columns a line; rules, tests, fixtures and intents have one clause a line, other braces and brackets
stay on one line when they fit; operators stand at the start of a continued line; no comma before a closing bracket, no `;` after a record's
`}`; a rule is set off by empty lines, elsewhere one empty line of the author's stays. What comes out is looked at before it is given out:
the same words, the same comments, and formatting it again changes nothing; else PolicyError.

    >>> format_text("permit  p{when a  and b ;}")
    'permit p {\\n  when a and b;\\n}\\n'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from intended_core.errors import PolicyError
from intended_core.lang.concrete import Branch, Comment, Node, Word, concrete_tree, words_of
from intended_core.lang.layout import BLANK, HARD, LINE, SOFT, Break, Doc, Group, Indent, lay_out

__all__ = ["WIDTH", "format_text"]

WIDTH: Final = 100  # columns; two files stand side by side on a wide screen
MAX_PASSES: Final = 4
_CLOSERS: Final = {"{": "}", "(": ")", "[": "]"}
_TIGHT_BEFORE: Final = frozenset({";", ",", ")", "]", ".", "::", ":"})
_TIGHT_AFTER: Final = frozenset({"(", "[", ".", "::", "@", "..."})
_CALLS: Final = frozenset({"call", "annot", "def_decl", "obligation_decl", "o_deny", "oblg", "c_oblige"})
_STANDING: Final = frozenset(
    {"rule", "fixture", "test", "t_intent", "action_decl", "property_"}
)  # one statement a line, always
_FITTING: Final = frozenset({"meter_decl", "c_approval"})  # statements that may share a line
_SPLICED: Final = frozenset({"kwargs", "args", "annargs"})
_POSTFIX: Final = frozenset({"attr", "method", "index", "opt_attr", "opt_more", "qname"})
_CHAINS: Final = {"and_": 0, "or_": 1, "add": 2, "sub": 2, "mul": 3}
_COMPARISONS: Final = frozenset({"eq", "ne", "le", "ge", "lt", "gt", "in_", "not_in", "default"})
_SET_OFF: Final = frozenset({"rule", "fixture", "test", "property_"})


def format_text(text: str) -> str:
    """The text in the one style. Raises PolicyError when it does not parse, or when the result would not be the same policy."""
    tree, end = concrete_tree(text)
    seen = _fingerprint(tree, end)
    current = text
    for _ in range(MAX_PASSES):
        formatted = _once(tree, end)
        if formatted == current:
            break
        current = formatted
        tree, end = concrete_tree(current)
    else:
        raise PolicyError("the formatter does not come to rest on this text; it was left as it is", diagnostics=())
    if _fingerprint(tree, end) != seen:
        raise PolicyError("formatting would change this policy; it was left as it is", diagnostics=())
    return current


def _once(tree: Branch, end: Word) -> str:
    try:
        docs = [*_statements(tree.parts, top=True), *_comments(end, first=not tree.parts)]
    except RecursionError:
        raise PolicyError("types or operators are nested too deep to lay out", diagnostics=()) from None
    return lay_out(docs, WIDTH)


def _fingerprint(tree: Branch, end: Word) -> tuple[list[str], list[str]]:
    """Words and comments in order, without the commas and semicolons that the style leaves out."""
    kept: list[str] = []
    comments: list[str] = []
    for part in tree.parts:
        words = words_of(part)
        last = len(words) - 1 if _has_record_end(part) else len(words)
        for at, word in enumerate(words):
            comments += [comment.text for comment in (*word.before, *word.after)]
            ends_a_list = word.text == "," and words[at + 1].text in _CLOSERS.values()
            if at != last and not ends_a_list:
                kept.append(word.text)
    return kept, comments + [comment.text for comment in end.before]


def _has_record_end(node: Node) -> bool:
    return (
        isinstance(node, Branch)
        and node.kind == "entity_decl"
        and [part.kind if isinstance(part, Branch) else part.text for part in node.parts[-2:]] == ["record_t", ";"]
    )


def _comments(word: Word, *, first: bool) -> list[Doc]:
    """The comments before a word that has no place of its own (the end, a closing brace)."""
    found: list[Doc] = []
    for number, comment in enumerate(word.before):
        if not (first and number == 0):
            found.append(BLANK if comment.blank else HARD)
        found.append(Comment(comment.text))
    return found


def _first(node: Node) -> Word:
    while isinstance(node, Branch):
        node = node.parts[0]
    return node


def _last(node: Node) -> Word:
    while isinstance(node, Branch):
        node = node.parts[-1]
    return node


def _statements(parts: Sequence[Node], *, top: bool = False) -> list[Doc]:
    """Statements, each on its own line; an empty line of the author's stays, and rules are set off by one."""
    docs: list[Doc] = []
    previous: Node | None = None
    for part in parts:
        first = _first(part)
        blank = first.before[0].blank if first.before else first.blank
        if top and previous is not None:
            blank = blank or any(isinstance(one, Branch) and one.kind in _SET_OFF for one in (previous, part))
        if previous is not None:
            docs.append(BLANK if blank else HARD)
        docs.extend(_statement(part, first))
        previous = part
    return docs


def _statement(part: Node, first: Word) -> list[Doc]:
    """One statement; the empty line before its first comment is the business of who sets statements apart."""
    if first.before and first.before[0].blank:
        bare = Word(
            first.text, first.kind, (Comment(first.before[0].text), *first.before[1:]), first.after, first.blank
        )
        part = _with_first(part, bare)
    return _doc(part)


def _with_first(node: Node, word: Word) -> Node:
    if isinstance(node, Word):
        return word
    return Branch(node.kind, (_with_first(node.parts[0], word), *node.parts[1:]))


def _doc(node: Node) -> list[Doc]:
    if isinstance(node, Word):
        return [node]
    if node.kind in _CHAINS:
        return _chain(node)
    if node.kind == "ite":
        return _conditional(node)
    if node.kind in _COMPARISONS:
        return [Group((*_doc(node.parts[0]), Indent((LINE, *_row(node.kind, node.parts[1:])))))]
    if node.kind in _POSTFIX:
        return _row(node.kind, _unrolled(node))
    parts = node.parts
    if _has_record_end(node):
        parts = (*parts[:-2], _moved(parts[-2], parts[-1]))
    if node.kind == "rule":
        return _rule(parts)
    return _row(node.kind, parts)


def _moved(kept: Node, dropped: Node) -> Node:
    """`kept` with the comments of the word that is left out behind it."""
    word, last = _first(dropped), _last(kept)
    if not word.before and not word.after:
        return kept
    comments = tuple(Comment(one.text) for one in (*word.before, *word.after))
    return _with_last(kept, Word(last.text, last.kind, last.before, (*last.after, *comments), last.blank))


def _with_last(node: Node, word: Word) -> Node:
    if isinstance(node, Word):
        return word
    return Branch(node.kind, (*node.parts[:-1], _with_last(node.parts[-1], word)))


def _rule(parts: Sequence[Node]) -> list[Doc]:
    notes = [part for part in parts if isinstance(part, Branch) and part.kind == "annot"]
    rest = _row("rule", parts[len(notes) :])
    if not notes:
        return rest
    return [*_row("rule", notes), HARD, *rest]


def _unrolled(node: Branch) -> list[Node]:
    """`a.b.c(d)` as one row, without recursion."""
    found: list[Node] = []
    current: Node = node
    while isinstance(current, Branch) and current.kind in _POSTFIX:
        rest = current.parts[1:]
        if current.kind in ("method", "index"):
            found.append(Branch("suffix", rest))
        else:
            found.extend(reversed(rest))
        current = current.parts[0]
    found.append(current)
    found.reverse()
    return found


def _chain(node: Branch) -> list[Doc]:
    """`a and b and c`: on one line, or each operator at the start of its line."""
    level = _CHAINS[node.kind]
    pairs: list[tuple[Node, Node]] = []
    current: Node = node
    while isinstance(current, Branch) and _CHAINS.get(current.kind) == level:
        left, operator, right = current.parts
        pairs.append((operator, right))
        current = left
    docs: list[Doc] = []
    for operator, right in reversed(pairs):
        docs += [LINE, *_doc(operator), " ", *_doc(right)]
    return [Group((*_doc(current), Indent(tuple(docs))))]


def _conditional(node: Branch) -> list[Doc]:
    """`if a then b else if c then d else e`."""
    docs: list[Doc] = []
    current: Node = node
    while isinstance(current, Branch) and current.kind == "ite":
        word, condition, then, first, otherwise, second = current.parts
        docs += [*_doc(word), " ", *_doc(condition), LINE, *_doc(then), " ", *_doc(first), LINE, *_doc(otherwise), " "]
        current = second
    docs += _doc(current)
    return [Group((docs[0], Indent(tuple(docs[1:]))))]


def _row(kind: str, parts: Sequence[Node]) -> list[Doc]:
    """Parts one after the other, spaced as words are; what stands between brackets is laid out as a whole."""
    docs: list[Doc] = []
    previous: Node | None = None
    at = 0
    while at < len(parts):
        part = parts[at]
        if previous is not None and _spaced(kind, previous, part):
            docs.append(" ")
        if isinstance(part, Word) and part.text in _CLOSERS and part.kind not in ("STRING", "NAME"):
            close = at + 1
            while not (isinstance(parts[close], Word) and _first(parts[close]).text == _CLOSERS[part.text]):
                close += 1
            docs.extend(_bracket(kind, part, parts[at + 1 : close], _first(parts[close])))
            at = close
        else:
            docs.extend(_doc(part))
        previous = parts[at]
        at += 1
    return docs


def _spaced(kind: str, left: Node, right: Node) -> bool:
    before, after = _last(left).text, _first(right).text
    if after in _TIGHT_BEFORE or before in _TIGHT_AFTER or _first(right).kind == "OPT":
        return False
    if kind in _CALLS and after == "(" and isinstance(right, Word):
        return False
    if kind == "suffix" or (isinstance(right, Branch) and right.kind == "suffix"):
        return False
    if kind == "tname":
        return before == ","
    return not (kind == "negate" and isinstance(left, Word))


def _bracket(kind: str, opening: Word, inner: Sequence[Node], closing: Word) -> list[Doc]:
    ending = Word(closing.text, closing.kind, (), closing.after)
    kept = _comments(closing, first=not inner)
    if kind in _STANDING or kind in _FITTING:
        if not inner and not kept:
            return [opening, ending]
        if kind in _FITTING and not kept:
            return [Group((opening, Indent((LINE, *_joined(inner, LINE))), LINE, ending))]
        body = (*_statements(inner), *kept)
        return [opening, Indent((HARD, *body)), HARD, ending]
    spliced: list[Node] = []
    for part in inner:
        spliced.extend(part.parts if isinstance(part, Branch) and part.kind in _SPLICED else (part,))
    pad: Break = LINE if opening.text == "{" else SOFT
    if not spliced:
        return [opening, Indent((HARD, *kept)), HARD, ending] if kept else [opening, ending]
    items = _items(kind, spliced)
    end: list[Doc] = [HARD, ending] if kept else [pad, ending]
    return [Group((opening, Indent((pad, *items, *kept)), *end))]


def _joined(parts: Sequence[Node], between: Break) -> list[Doc]:
    docs: list[Doc] = []
    for part in parts:
        docs += [*([between] if docs else []), *_doc(part)]
    return docs


def _items(kind: str, parts: Sequence[Node]) -> list[Doc]:
    """Items and the commas (in a lattice the `<`) between them; a comma before the closing bracket is left out."""
    kept = list(parts)
    if isinstance(kept[-1], Word) and kept[-1].text == "," and len(kept) > 1:
        kept[-2:] = [_moved(kept[-2], kept[-1])]
    docs: list[Doc] = []
    for part in kept:
        if isinstance(part, Word) and part.text == "," and part.kind == "COMMA":
            docs += [part, LINE]
        elif isinstance(part, Word) and kind == "lattice_decl" and part.text == "<":
            docs += [LINE, part, " "]
        else:
            docs += _doc(part)
    return docs
