"""What an author's tools do with policy files: format them, look for what is hardly meant, compare two sets. Plain bytes in, values out.

Nothing here writes a file or needs a store. What a file can hold raises PolicyError with the place, never anything else.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intended_core.engine.explain import Explanation, explain
from intended_core.entities import Entity
from intended_core.errors import PolicyError
from intended_core.intent import Intent
from intended_core.lang.diagnostics import render_all
from intended_core.lang.diff import PolicyDiff, compare
from intended_core.lang.directions import directions
from intended_core.lang.formatter import format_text
from intended_core.lang.lint_set import lint_set
from intended_core.lang.locks import pack_digests
from intended_core.lang.parser import parse
from intended_core.lang.semantic import text_digest
from intended_core.lang.source import Source, read_source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.toolbox import CheckReport, check_policies, checked_policies

__all__ = ["FormattedFile", "data_directions", "diff_policies", "explain_intent", "format_policies", "lint_policies", "lock_packs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedFile:
    """One file in the one style. `text_digest`: 32 bytes over its name and canonical text."""

    name: str
    before: str
    after: str
    text_digest: bytes

    @property
    def changed(self) -> bool:
        """Whether the style changes anything."""
        return self.before != self.after

    def diff(self) -> str:
        """The change as a unified diff; empty when there is none."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        lines = difflib.unified_diff(before, after, f"{self.name} (as it is)", f"{self.name} (formatted)")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def format_policies(files: Mapping[str, bytes]) -> tuple[FormattedFile, ...]:
    """Each file in the one style, in name order. Works on files that parse, checked or not, also on parts this version does not run.

    Raises PolicyError when a file cannot be read or parsed, and when formatting would change a word, a comment or, for files that check as
    one set, the semantic digest.
    """
    made: list[FormattedFile] = []
    for name in sorted(files):
        source, problems = read_source(name, files[name])
        if source is None:
            raise PolicyError(render_all(problems, ()), diagnostics=problems)
        _, problems = parse(source)
        if problems:
            raise PolicyError(render_all(problems, (source,)), diagnostics=problems)
        after = format_text(source.text)
        digest = text_digest((Source(name, after),))
        made.append(FormattedFile(name=name, before=source.text, after=after, text_digest=digest))
    if any(one.changed for one in made):
        _same_meaning(files, made)
    return tuple(made)


def _same_meaning(files: Mapping[str, bytes], made: list[FormattedFile]) -> None:
    before = check_policies(files).checked
    if before is None:
        return  # files that do not check have no meaning to compare; their words were compared one by one
    after = check_policies({one.name: one.after.encode("utf-8") for one in made}).checked
    if after is None or after.semantic_digest != before.semantic_digest:
        raise PolicyError("formatting would change what this policy means; nothing was changed", diagnostics=())


def data_directions(checked: CheckedPolicySet) -> dict[str, str]:
    """For each param and table: what another value or more rows can do (widens, narrows, both, unused)."""
    return dict(directions(checked))


def lock_packs(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The digest (32 bytes) of each pack among these files, by its name: for `activate(…, packs=…)` of a set that imports them.

    Files that name no pack stand under "". Raises PolicyError for a file that does not parse.
    """
    return pack_digests([Source.from_bytes(name, data) for name, data in files.items()])


def lint_policies(files: Mapping[str, bytes]) -> CheckReport:
    """What a set says that its author hardly means; `checked` and errors as `check_policies`. Never raises for what a file can hold."""
    report = check_policies(files)
    if report.checked is None:
        return report
    found = lint_set(report.checked)
    sources = [Source(name, text) for name, text in report.checked.sources]
    return CheckReport(diagnostics=found, text=render_all(found, sources), checked=report.checked)


def explain_intent(
    files: Mapping[str, bytes],
    intent: Intent,
    entities: Sequence[Entity],
    *,
    now_us: int,
    params: Mapping[str, object] | None = None,
    tables: Mapping[str, object] | None = None,
) -> Explanation:
    """Why a set decides an intent as it does, and the smallest changes that flip it. Raises PolicyError, IntentError."""
    return explain(checked_policies(files), intent, entities, now_ms=now_us // 1000, params=params, tables=tables)


def diff_policies(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> PolicyDiff:
    """What `new` changes in `old`, and which way each change goes. Raises PolicyError when one of them does not check."""
    return compare(checked_policies(old), checked_policies(new))
