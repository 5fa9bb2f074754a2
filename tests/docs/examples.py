"""Reads the policies that stand in a page: what the checker must accept, and what it must refuse with the code told before.

An example is a fence tagged `policy` or `refused`. It is checked beside the shared schema (the first example of language.md) unless the
line before the fence says "on its own". That line also names the code of a refusal in backquotes. `# file: NAME` begins another file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from intended_core.lang.source import Source
from tests.docs.pages import ROOT

LANGUAGE = ROOT / "docs" / "reference" / "language.md"
PAGES = [LANGUAGE, *sorted(LANGUAGE.with_suffix("").glob("*.md"))]
_EXAMPLE = re.compile(r"^(?P<said>[^\n]*)\n```(?P<tag>policy|refused)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([a-z]+(?:[.-][a-z-]+)*)`")
_FILE = re.compile(r"^# file: (\S+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example: where it stands, whether it is accepted, the code of its refusal, its text, whether the schema stands beside it."""

    page: str
    line: int
    accepted: bool
    code: str
    text: str
    alone: bool

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"

    @property
    def sources(self) -> list[Source]:
        """What is checked."""
        parts = _FILE.split(self.text)
        files = dict(zip(parts[1::2], parts[2::2], strict=True)) if len(parts) > 1 else {"example.policy": self.text}
        shared = {} if self.alone else {"schema.policy": schema()}
        return [Source.from_text(name, text) for name, text in (shared | files).items()]


def examples(page: Path) -> list[Example]:
    """Every example of the page, in order."""
    text = page.read_text(encoding="utf-8")
    made: list[Example] = []
    for found in _EXAMPLE.finditer(text):
        accepted = found["tag"] == "policy"
        told = _CODE.findall(found["said"])
        made.append(
            Example(
                page=page.name, line=text.count("\n", 0, found.start("tag")) + 1, accepted=accepted, text=found["text"],
                code="" if accepted or not told else told[-1], alone="on its own" in found["said"],
            )
        )  # fmt: skip
    return made


def schema() -> str:
    """The schema that the examples share."""
    return examples(LANGUAGE)[0].text


ALL = [example for page in PAGES for example in examples(page)]
