"""What the language says to the author of a policy: one value per cause, drawn with the line and a caret.

A diagnostic has a stable `code` (see `CODES`), a message in the author's words, the place, and where possible what mends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, Protocol

from intended_core.lang.typed import Span

__all__ = ["CODES", "Diagnostic", "render", "render_all", "suggest"]

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "source.name": "the file name is not a plain relative path",
        "source.too-large": "the file or the set is larger than a policy may be",
        "source.encoding": "the file is not UTF-8",
        "source.line-break": "a character that only some readers take for a line break",
        "source.bidi": "a character that changes the direction of the text",
        "source.control": "an invisible or control character",
        "parse.unexpected": "the text does not follow the grammar at this word",
        "parse.character": "a character that the language does not use here",
        "parse.string": "a string that is not closed or has an unknown escape",
        "parse.unclosed": "a bracket or brace that is never closed, or closed without being opened",
        "limit.nesting": "brackets or operators nested deeper than the limit",
        "limit.tokens": "more words than a policy file may have",
        "limit.number": "a number outside the range of its type",
        "limit.string": "a string longer than its type allows",
        "limit.cost": "evaluation could take more steps than the limit",
        "limit.memory": "the text needs more memory or depth than loading may use",
        "unsupported": "part of the language that this version does not run yet",
        "name.unknown": "a name that is not declared",
        "name.duplicate": "a name that is declared twice",
        "name.invalid": "a name that may not be used here",
        "name.cycle": "a declaration that refers to itself",
        "import.unknown": "a pack that is not given, or a name written with a pack that the file does not import",
        "import.cycle": "packs that import each other in a circle",
        "field.repeated": "a clause or field that may stand only once",
        "field.missing": "a clause or field that is required",
        "clause.misplaced": "a clause that this kind of rule may not have",
        "annotation.unknown": "an annotation that is not known here",
        "annotation.value": "an annotation with the wrong value",
        "rule.id": "a rule without an @id, or with one that is already taken",
        "rule.never-applies": "a rule that no declared action can meet",
        "type.mismatch": "a value of another type than its place asks for",
        "type.unrelated": "a comparison that can never hold because the types are unrelated",
        "type.condition": "a condition that is not Bool",
        "type.member": "a member or attribute that the type does not have",
        "type.optional": "an optional member read without a guard or default",
        "type.literal": "a literal that is not a value of the type its place asks for",
        "type.operator": "an operator that the type does not have",
        "type.zone": "a time zone that the pinned data does not have",
        "type.pattern": "a pattern of a Path or Url that is not canonical or misplaces `**`",
        "data.default": "the default of a param that is not a constant",
        "data.presentational": "a member that is only shown to people, read by a rule",
        "type.set-bound": "a set without @max walked by any or all",
        "polarity": "a rule that could be dodged by leaving a member out",
        "origin.path": "origin asked of something that is not a path below args",
        "origin.polarity": "a rule that could be dodged by not telling an origin",
        "approval.quorum": "a quorum outside 1 to 16",
        "meter.window": "a window of time that a meter cannot have",
        "meter.scope": "a rule that asks for a meter of other actions",
        "obligation.values": "values that are not those of the obligation",
        "delegation.root": "an action whose chains could begin nowhere",
        "test.invalid": "a test, case or fixture that does not say what it must",
        "lint.gate-without-permit": "a gate for an action that no rule permits",
        "lint.bare-permit": "a permit without any condition",
        "lint.caller-word": "a permit that rests on what the caller says alone",
        "lint.narrowing-skips-action": "a forbid or gate without an action clause that cannot speak of some action",
        "lint.dead-rule": "a rule whose conditions can never hold together",
        "lint.duplicate-rule": "two rules that say the same",
        "lint.shadowed-rule": "a rule that adds nothing to another",
        "lint.approval-without-exclusion": "an approval that excludes nobody but the one who asks",
        "lint.network-as-text": "a host or address compared as text",
        "lint.unused": "something declared and never used",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem. `label` stands under the caret, `cause` explains, `help` mends, `notes` are further places or facts."""

    code: str
    message: str
    span: Span
    severity: Literal["error", "warning"] = "error"
    label: str = ""
    cause: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain data for programs: the same fields, the span as numbers."""
        span = self.span
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": span.file,
            "line": span.line,
            "column": span.column,
            "end_line": span.end_line,
            "end_column": span.end_column,
            "label": self.label,
            "cause": self.cause,
            "help": self.help,
            "notes": list(self.notes),
        }


class _Lines(Protocol):
    @property
    def name(self) -> str: ...

    def line(self, number: int) -> str: ...


_MAX_SHOWN: Final = 160  # columns of source shown; longer lines are cut around the caret


def render(diagnostic: Diagnostic, source: _Lines | None) -> str:
    """The diagnostic as text; with the source line and carets when `source` is given."""
    diagnostic = _printable(diagnostic)
    span = diagnostic.span
    margin = " " * len(str(span.line))
    lines = [f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}", f"{margin}--> {span}"]
    if source is not None:
        text = source.line(span.line).replace("\t", " ")
        width = (span.end_column if span.end_line == span.line else len(text)) - span.column + 1
        start, cut = span.column - 1, 0
        if len(text) > _MAX_SHOWN:
            cut = max(0, start - _MAX_SHOWN // 2)
            text = ("…" if cut else "") + text[cut : cut + _MAX_SHOWN] + ("…" if cut + _MAX_SHOWN < len(text) else "")
            start = start - cut + (1 if cut else 0)
            width = min(width, _MAX_SHOWN)
        carets = "^" * max(1, min(width, max(1, len(text) - start)))
        lines += [
            f"{margin} |",
            f"{span.line} | {text}",
            f"{margin} | {' ' * start}{carets} {diagnostic.label}".rstrip(),
        ]
    if diagnostic.cause:
        lines.append(f"{margin} = cause: {diagnostic.cause}")
    if diagnostic.help:
        lines.append(f"{margin} = help: {diagnostic.help}")
    lines.extend(f"{margin} = note: {note}" for note in diagnostic.notes)
    return "\n".join(lines)


def _printable(diagnostic: Diagnostic) -> Diagnostic:
    """The same with control characters of the author's strings written as escapes: this text goes to terminals."""
    return replace(
        diagnostic,
        message=_escaped(diagnostic.message),
        label=_escaped(diagnostic.label),
        cause=_escaped(diagnostic.cause),
        help=_escaped(diagnostic.help),
        notes=tuple(_escaped(note) for note in diagnostic.notes),
    )


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)


def render_all(diagnostics: Iterable[Diagnostic], sources: Iterable[_Lines]) -> str:
    """All of them, each with its source line, an empty line between."""
    by_name = {source.name: source for source in sources}
    return "\n\n".join(render(item, by_name.get(item.span.file)) for item in diagnostics)


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` for the nearest known word, or an empty text."""
    best, distance = "", 1 + max(1, len(word) // 3)
    for candidate in sorted(known):
        found = _distance(word.lower(), candidate.lower(), distance)
        if found < distance:
            best, distance = candidate, found
    return f"did you mean `{best}`?" if best else ""


def _distance(left: str, right: str, limit: int) -> int:
    if abs(len(left) - len(right)) >= limit or len(left) > 64 or len(right) > 64:
        return limit
    row = list(range(len(right) + 1))
    previous: list[int] = []
    for i, a in enumerate(left, 1):
        older, previous, row = previous, row, [i] + [0] * len(right)
        for j, b in enumerate(right, 1):
            row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]
