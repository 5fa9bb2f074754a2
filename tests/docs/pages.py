"""Reads the documentation's code blocks and runs the Python ones of a page, top to bottom, as one program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<tag>[a-z]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, tag: str) -> list[tuple[int, str]]:
    """(first line, text) of every block with that tag."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 2, found["body"]) for found in FENCE.finditer(text) if found["tag"] == tag
    ]


def run_blocks(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Run the page's Python blocks in `folder`, sharing names; a failure points at the page's line."""
    found = blocks(page, "python")
    assert found, f"{page.name} has no program"
    monkeypatch.chdir(folder)
    names: dict[str, object] = {"__name__": page.stem}
    for line, text in found:
        exec(compile("\n" * (line - 1) + text, str(page), "exec", dont_inherit=True), names)  # noqa: S102
    return names
