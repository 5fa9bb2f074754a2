"""The syntax tree: frozen nodes named after the grammar's rules and aliases, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Leaf", "Node", "Tree", "leaves", "string_value"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A token. `kind` is the terminal (NAME, STRING, INT …); `start`, `end` are character offsets in the file."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Node:
    """A rule of the grammar. Optional parts that are not there are None."""

    kind: str
    children: tuple[Tree | None, ...]
    start: int
    end: int

    def nodes(self, kind: str) -> list[Node]:
        """The direct children of that kind."""
        return [child for child in self.children if isinstance(child, Node) and child.kind == kind]


Tree = Node | Leaf

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def string_value(token: str) -> str:
    """The text of a STRING token; raises ValueError for a code point that no string may hold."""
    body = token[1:-1]
    if "\\" not in body:
        return body
    out: list[str] = []
    at = 0
    while at < len(body):
        char = body[at]
        if char != "\\":
            out.append(char)
            at += 1
        elif body[at + 1] == "u":
            stop = body.index("}", at)
            code = int(body[at + 3 : stop], 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise ValueError("not a character")
            out.append(chr(code))
            at = stop + 1
        else:
            out.append(_ESCAPES[body[at + 1]])
            at += 2
    return "".join(out)


def leaves(tree: Tree) -> Iterator[Leaf]:
    """Every token below, in order."""
    pending: list[Tree] = [tree]
    while pending:
        found = pending.pop()
        if isinstance(found, Leaf):
            yield found
        else:
            pending.extend(child for child in reversed(found.children) if child is not None)
