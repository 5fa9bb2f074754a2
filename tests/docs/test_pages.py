"""The documentation is true: its programs run, its links lead somewhere, and what the code has the pages name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import FENCE, ROOT, blocks, run_blocks

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"]
PROGRAMS = [page for page in PAGES if page.name != "README.md" and blocks(page, "python")]
LINK = re.compile(r"\[[^\]]+\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PROGRAMS, ids=name)
def test_the_programs_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_blocks(page, tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [found["target"] for found in LINK.finditer(text)]
    broken = [one for one in targets if not re.match(r"[a-z]+:", one) and not (page.parent / one).exists()]
    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for found in LINK.finditer(page.read_text(encoding="utf-8")):
            target = (page.parent / found["target"]).resolve()
            if target.suffix == ".md" and target.is_file():
                waiting.append(target)
    assert [name(page) for page in sorted((ROOT / "docs").rglob("*.md")) if page not in reached] == []


def test_decision_records_are_numbered_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    records = sorted(path.name for path in folder.glob("0*.md"))
    assert [int(one[:4]) for one in records] == list(range(1, len(records) + 1))
    listed = (folder / "README.md").read_text(encoding="utf-8")
    assert [one for one in records if f"({one})" not in listed] == []
    for one in records:
        text = (folder / one).read_text(encoding="utf-8")
        assert text.startswith(f"# {one[:4]} ")
        assert all(part in text for part in ("**Status:**", "**Context.**", "**Decision.**", "**Consequences.**"))


def test_the_threat_model_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[a-z_/0-9.]+)`", text)
    assert len(named) > 10
    missing = [
        one
        for one in named
        if not (list((ROOT / one).rglob("test_*.py")) if (ROOT / one).is_dir() else (ROOT / one).is_file())
    ]
    assert missing == []


SURFACES = ("Token theft", "Replay", "Policy bypass", "Adapter impersonation", "Tenant boundary violation", "Audit tampering")


@pytest.mark.parametrize("surface", SURFACES)
def test_the_threat_model_says_of_each_surface_what_is_tried_and_what_remains(surface: str) -> None:
    text = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {surface}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 5
    assert all("`tests/" in line for line in rows)
    assert "**What remains.**" in section


def test_every_attack_that_is_tried_is_named_in_the_threat_model() -> None:
    text = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[a-z_/0-9.]+)`", text))
    tried = [path.relative_to(ROOT) for path in sorted((ROOT / "tests" / "attacks").rglob("test_*.py"))]
    assert [str(path) for path in tried if not {str(path), *map(str, path.parents)} & named] == []
