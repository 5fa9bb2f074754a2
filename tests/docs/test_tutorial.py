"""The tutorials are played from an empty folder; `GOLDEN=write` writes what the commands print now into the page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.consoles import play
from tests.docs.pages import ROOT

PAGES = sorted((ROOT / "docs" / "tutorial").glob("*.md"))


@pytest.mark.slow  # a process for each command of the page
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_sees_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    played = play(page, tmp_path)
    if os.environ.get("GOLDEN") == "write":
        page.write_text(played, encoding="utf-8")
    assert played == page.read_text(encoding="utf-8")
