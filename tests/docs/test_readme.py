"""The README's promises that a program can check: its program runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, blocks, run_blocks

README = ROOT / "README.md"


def test_the_program_of_the_readme_prints_what_it_says(tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    run_blocks(README, tmp_path, monkeypatch)
    (expected,) = (text for _, text in blocks(README, "output"))
    assert capsys.readouterr().out == expected


def test_the_program_is_short() -> None:
    ((_, program),) = blocks(README, "python")
    outside_the_policy = re.sub(r'""".*?"""', '""', program, flags=re.DOTALL)
    assert len([line for line in outside_the_policy.splitlines() if line.strip()]) <= 20


def test_the_two_commands_are_shown_and_exist() -> None:
    text = README.read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"make ([a-z-]+)", text)) - {"help"}
    assert {"demo", "test"} <= named
    assert named <= set(targets)
