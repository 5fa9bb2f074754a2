"""Write the table of docs/performance.md from bench/results/*.json: `python bench/render.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.harness import RESULTS, show

__all__ = ["render", "table"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN = "<!-- figures: begin (made by bench/render.py) -->"
END = "<!-- figures: end -->"


def table(results: list[dict[str, Any]]) -> str:
    """The Markdown of all rooms, in the order given. Files without a list of figures (tables of their own) are left out."""
    parts: list[str] = []
    for found in results:
        if not found.get("figures"):
            continue
        parts.append(f"### {found['room']}\n")
        parts.append("| figure | value | target | |\n| --- | ---: | --- | --- |")
        for one in found["figures"]:
            verdict = {None: "", True: "met", False: "missed"}[one["met"]]
            parts.append(f"| {one['name']} | {show(one['value'])} {one['unit']} | {one['target'] or ''} | {verdict} |")
        parts.append(f"\n{found['date']}, {found['machine']}, {found['cpu']}, {found['python']}.\n")
    return "\n".join(parts).rstrip("\n")


def render(page: str, results: list[dict[str, Any]]) -> str:
    """`page` with everything between the two marks replaced by the table."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has lost its marks")
    return f"{head}{BEGIN}\n\n{table(results)}\n\n{END}{tail}"


def load(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Every room's last committed results, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def main() -> int:
    """Rewrite the page."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), load()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
