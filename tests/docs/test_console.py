"""Console blocks of pages that name their files do what they show: files are written from blocks that name them, commands run, output compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from intended_adapters.cli import app as cli
from tests.docs.pages import FENCE, ROOT

PAGES = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if all(mark in page.read_text(encoding="utf-8") for mark in ("\n# file: ", "\n```console\n"))
]
FILE = re.compile(r"# file: (?P<name>[a-z0-9./-]+)\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_blocks_show_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        named = FILE.match(found["body"])
        if named is not None:
            (tmp_path / named["name"]).write_text(found["body"][named.end() :], encoding="utf-8")
        if found["tag"] != "console":
            continue
        for part in re.split(r"^\$ ", found["body"], flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            ran += 1
            assert told(shlex.split(command), monkeypatch, capsys) == expected, command
    assert ran


def told(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints, and its exit code when it is not 0."""
    monkeypatch.setattr("sys.argv", words)
    capsys.readouterr()
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    shown = capsys.readouterr()
    return shown.out + shown.err + (f"(exit {code})\n" if code else "")
