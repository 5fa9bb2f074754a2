"""The catalogue of diagnostics: each code with what it means, why it is refused and a refused example from the golden files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from intended_core.lang.diagnostics import CODES

__all__ = ["TOLD", "catalogue"]

CASES = Path(__file__).resolve().parent.parent / "tests" / "golden" / "diagnostics" / "cases"
BASE = CASES.parent / "base.policy"
HEAD = re.compile(r"^(?:error|warning)\[([a-z.-]+)\]", re.MULTILINE)

FAMILIES = {
    "source": "What a file may hold. A text must read the same to a person and to the parser.",
    "parse": "The form of the text. Each item is read on its own, so that one typo does not hide the next.",
    "limit": "Bounds. Whatever a policy says, loading and deciding end within known time and memory.",
    "unsupported": "What the grammar knows and this version does not run is refused, never ignored.",
    "name": "Names.",
    "field": "Clauses and fields.",
    "clause": "Clauses that do not belong where they stand.",
    "annotation": "Annotations.",
    "rule": "Rules as a whole.",
    "type": "Types. What passes never meets a value of the wrong type when it decides.",
    "data": "What stands beside a policy: params and tables.",
    "meter": "Meters.",
    "obligation": "Obligations.",
    "delegation": "Delegation and chains.",
    "import": "Packs that import each other.",
    "polarity": "Leaving a member out must never turn a deny into an allow.",
    "origin": "Where a value came from.",
    "approval": "Approvals.",
    "test": "Tests in the language.",
    "lint": "Warnings: allowed, but hardly meant.",
}

# what is too large, or has no text, to print: what it looks like, a file name, and how to make one
TOLD: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "source.name": ("A file called `../other.policy`.", "../other.policy", lambda: b"entity A;"),
    "source.too-large": ("A file of more than one mebibyte.", "large.policy", lambda: b"# " + b"x" * 1024 * 1024),
    "limit.tokens": (
        "A set that is larger than the language allows.", "many.policy", lambda: b"type T = {" + b"a:B," * 250_000 + b"};",
    ),
    "limit.memory": ("A type nested thousands deep.", "deep.policy", lambda: b"type T = " + b"Set<" * 5_000 + b"Int" + b">" * 5_000 + b";"),
}  # fmt: skip


def catalogue() -> str:
    """The page, in Markdown."""
    parts = [
        "# Diagnostics",
        "`intended check` says what is wrong as one diagnostic for one cause: a code that stays the same from version to version, the "
        "place, the words it concerns, and where possible the cure. `--format json`, `sarif` and `github` carry the same codes. Every "
        "example below is checked on each change of the language; most of them stand beside this file, `base.policy`:",
        f"```policy\n{BASE.read_text(encoding='utf-8').rstrip()}\n```",
    ]
    examples = _examples()
    family = ""
    for code in CODES:
        if code.partition(".")[0] != family:
            family = code.partition(".")[0]
            parts.append(f"## {family}")
            parts.append(FAMILIES.get(family, ""))
        parts.append(f"### {code}")
        parts.append(f"{CODES[code][0].upper()}{CODES[code][1:]}.")
        if code in TOLD:
            parts.append(TOLD[code][0])
        elif code in examples:
            case = examples[code]
            shown = case.read_bytes().decode("utf-8", "backslashreplace").rstrip("\n")
            parts.append(f"```policy\n{_visible(shown)}\n```")
            parts.append(f"```text\n{_visible(case.with_suffix('.txt').read_text(encoding='utf-8').rstrip())}\n```")
    return "\n\n".join(part for part in parts if part)


def _examples() -> dict[str, Path]:
    """Code -> the shortest case that shows this code alone, else the shortest that shows it at all."""
    found: dict[str, tuple[bool, int, Path]] = {}
    for case in sorted(CASES.glob("*.policy")):
        codes = HEAD.findall(case.with_suffix(".txt").read_text(encoding="utf-8"))
        for code in codes:
            candidate = (len(codes) > 1, case.stat().st_size, case)
            found[code] = min(found.get(code, candidate), candidate)
    return {code: case for code, (_, _, case) in found.items()}


def _visible(text: str) -> str:
    """What hides itself is written out, long lines are cut: a page is read by people."""
    shown = "".join(char if char == "\n" or char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)
    return "\n".join(line if len(line) <= 200 else f"{line[:200]}…" for line in shown.split("\n"))
