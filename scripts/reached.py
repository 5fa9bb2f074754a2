"""Which test reaches which lines of some files: a mutant is shown only to the tests that could notice it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Reached", "places_of"]


class Reached:
    """Inside `with`, the lines of the files that run: `lines[file]`."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.lines: dict[str, set[int]] = {str(file): set() for file in files}

    def __enter__(self) -> Reached:
        sys.settrace(self._call)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, value: object) -> Any:
        return None if frame.f_code.co_filename not in self.lines else self._line(frame, event, value)

    def _line(self, frame: FrameType, event: str, value: object) -> Any:
        self.lines[frame.f_code.co_filename].add(frame.f_lineno)
        return self._line


def places_of(tree: ast.Module) -> dict[int, tuple[int, int]]:
    """By `id` of each node: first and last line of the innermost statement or case around it, without the statements inside that one."""
    found: dict[int, tuple[int, int]] = {}

    def visit(node: ast.AST, place: tuple[int, int]) -> None:
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            place = _head(node)
        found[id(node)] = place
        for child in ast.iter_child_nodes(node):
            visit(child, place)

    visit(tree, (0, 0))
    return found


def _head(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> tuple[int, int]:
    first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
    decorators = [item.lineno for item in getattr(node, "decorator_list", [])]
    first = min([first, *decorators])
    body = getattr(node, "body", None)
    if isinstance(node, ast.Match):
        return first, node.subject.end_lineno or first
    if isinstance(body, list) and body:
        return first, max(first, body[0].lineno - 1)
    return first, getattr(node, "end_lineno", None) or first
