"""Lays words out on lines of a given width: groups stay on one line when they fit, and break at all their lines when they do not.

A comment always ends its line, wherever it stands, and no comment is ever moved past a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.lang.concrete import Comment, Word

__all__ = ["BLANK", "HARD", "LINE", "SOFT", "Break", "Doc", "Group", "Indent", "lay_out"]

STEP: Final = 2  # columns of one indentation


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a line may end: `flat` stands there when it does not; `hard` always ends it, `blank` leaves a line empty."""

    flat: str = ""
    hard: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that share one decision: all their breaks end a line, or none."""

    parts: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Indent:
    """Parts whose new lines start one step further right."""

    parts: tuple[Doc, ...]


Doc = str | Word | Comment | Break | Group | Indent
SOFT: Final = Break()
LINE: Final = Break(" ")
HARD: Final = Break(hard=True)
BLANK: Final = Break(hard=True, blank=True)
_Todo = list[tuple[int, bool, Doc]]


class _Page:
    """The text so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line = ""
        self.ended = False  # a comment stands at the end of the line

    @property
    def column(self) -> int:
        return len(self.line)

    def end(self, indent: int, *, blank: bool = False) -> None:
        self.lines.append(self.line.rstrip())
        if blank and self.lines[-1]:
            self.lines.append("")
        self.line, self.ended = " " * indent, False

    def write(self, text: str, indent: int) -> None:
        if self.ended:
            self.end(indent)
            text = text.lstrip(" ")
        self.line += text

    def comment(self, comment: Comment, indent: int) -> None:
        """A comment on a line of its own."""
        if self.line.strip() or self.ended:
            self.end(indent, blank=comment.blank)
        elif comment.blank and self.lines and self.lines[-1]:
            self.lines.append("")
        self.line += comment.text
        self.ended = True

    def word(self, word: Word, indent: int) -> None:
        for comment in word.before:
            self.comment(comment, indent)
        if word.before and word.blank:
            self.end(indent, blank=True)
        self.write(word.text, indent)
        for number, comment in enumerate(word.after):
            if number:
                self.comment(comment, indent)
            else:
                self.line += f"  {comment.text}"
                self.ended = True


def lay_out(parts: Sequence[Doc], width: int) -> str:
    """The text, each line without trailing blanks, ending with one line break (empty when there is nothing)."""
    page = _Page()
    todo: _Todo = [(0, False, part) for part in reversed(parts)]
    while todo:
        indent, flat, doc = todo.pop()
        if isinstance(doc, str):
            page.write(doc, indent)
        elif isinstance(doc, Word):
            page.word(doc, indent)
        elif isinstance(doc, Comment):
            page.comment(doc, indent)
        elif isinstance(doc, Break):
            if doc.hard or not flat or page.ended:
                page.end(indent, blank=doc.blank)
            else:
                page.write(doc.flat, indent)
        elif isinstance(doc, Indent):
            todo.extend((indent + STEP, flat, part) for part in reversed(doc.parts))
        else:
            inner = flat or _fits(doc, todo, width - page.column)
            todo.extend((indent, inner, part) for part in reversed(doc.parts))
    page.end(0)
    return "\n".join(page.lines).strip("\n") + "\n" if any(page.lines) else ""


def _fits(group: Group, rest: _Todo, room: int) -> bool:
    """Whether the group and what follows it up to the next possible line end need no more than `room` columns."""
    commented, begun = False, False
    todo: _Todo = [(0, True, group)]
    at = len(rest)
    inside = True
    while room >= 0:
        if not todo:
            inside = False
            if at == 0 or commented:
                return True
            at -= 1
            todo.append(rest[at])
        _, flat, doc = todo.pop()
        if isinstance(doc, Break):
            if doc.hard or not flat:
                return not inside
            room -= len(doc.flat)
        elif isinstance(doc, str):
            room -= len(doc)
        elif isinstance(doc, Comment):
            return not inside
        elif isinstance(doc, Word):
            if commented or (doc.before and begun):
                return not inside
            begun = True
            room -= len(doc.text)
            commented = bool(doc.after)
        else:
            todo.extend((0, flat, part) for part in reversed(doc.parts))
    return False
