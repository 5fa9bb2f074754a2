"""The reference is complete: every command, exit code, error, denial, token code, built-in, hook and setting stands in it."""

from __future__ import annotations

import pytest

from scripts.reference import FOLDER, pages


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_says_what_the_code_has(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make reference`"


def test_no_page_is_left_over() -> None:
    made = set(pages())
    found = {
        path.name for path in FOLDER.glob("*.md") if "made by scripts/reference.py" in path.read_text(encoding="utf-8")
    }
    assert found == made
