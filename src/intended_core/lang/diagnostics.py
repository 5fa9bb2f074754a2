"""What an author is told: one diagnostic for one cause, with a stable code, the place, the cause and the cure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from collections.abc import Iterable
from typing import Final, Literal

from intended_core.canonical import Json
from intended_core.lang.typed import Span

__all__ = ["CODES", "Diagnostic", "did_you_mean", "render"]

CODES: Final[dict[str, str]] = {
    "source-too-large": "A file is larger than the parser reads.",
    "source-not-utf8": "A file is not UTF-8 text.",
    "source-hidden-text": "A character would show a reader something else than the parser sees.",
    "syntax": "The text does not follow the grammar.",
    "too-deep": "Brackets or expressions are nested deeper than 64 levels.",
    "too-many-tokens": "One declaration is longer than the parser reads.",
    "unsupported": "The grammar knows this construct, this version does not evaluate it; a set that holds one is refused.",
    "duplicate-name": "A name is declared twice.",
    "unknown-name": "A name is not declared here.",
    "unknown-type": "A type is not declared.",
    "unknown-member": "A record or entity has no such member.",
    "unknown-action": "An action is not declared.",
    "unknown-function": "There is no such function or method.",
    "unknown-annotation": "An annotation is not known at this place.",
    "wrong-arguments": "A function, def or method got the wrong number or kind of arguments.",
    "type-mismatch": "A value is not of the type that its place asks for.",
    "not-a-condition": "A condition is not a Bool.",
    "unrelated-entities": "Two entity types can never be equal or in one another.",
    "optional-unguarded": "An optional member is read without a guard or a default.",
    "polarity": "A caller could dodge this rule, or gain from this permit, by leaving a member out.",
    "unbounded": "`any` and `all` walk only sets whose schema gives @max(n).",
    "too-costly": "A rule set could take more than 50,000 steps for one action.",
    "cycle": "A type, const or def depends on itself.",
    "id-missing": "A rule has no @id.",
    "id-duplicate": "Two rules have one @id.",
    "clause-repeated": "A clause or field that may stand once stands twice.",
    "clause-missing": "A clause or field that must be there is not.",
    "clause-misplaced": "A clause stands in a rule of an effect that may not have it.",
    "never-applies": "A rule's scope fits no declared action.",
    "bad-literal": "A literal cannot be a value of its type.",
    "test-invalid": "A test does not make a whole intent or world.",
    "gate-without-permit": "An escalate has no permit that it could make wait.",
    "bare-permit": "A permit has neither a condition nor a narrow scope.",
    "caller-only-permit": "A permit rests on nothing but what the submitting agent says itself.",
    "empty": "A policy set declares nothing.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. `label` stands under the caret, `cause` and `help` below."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    span: Span
    label: str = ""
    cause: str = ""
    help: str = ""

    def to_json(self) -> dict[str, Json]:
        """The finding as plain data."""
        return {
            "code": self.code, "severity": self.severity, "message": self.message, "file": self.span.file,
            "line": self.span.line, "column": self.span.column, "end_line": self.span.end_line,
            "end_column": self.span.end_column, "label": self.label, "cause": self.cause, "help": self.help,
        }  # fmt: skip


def render(found: Diagnostic, text: str) -> str:
    """The finding as lines for a terminal: code, place, source line with carets, cause and help."""
    span = found.span
    lines = text.split("\n")
    line = lines[span.line - 1].rstrip("\r").replace("\t", " ") if span.line <= len(lines) else ""
    if len(line) > 240:
        line = line[:240] + "…"
    width = len(str(span.line))
    end = span.end_column if span.end_line == span.line else len(line)
    carets = "^" * max(1, min(end, 240) - span.column + 1)
    shown = [
        f"{found.severity}[{found.code}]: {found.message}",
        f"{' ' * width}--> {span.file}:{span.line}:{span.column}",
        f"{' ' * width} |",
        f"{span.line} | {line}",
        f"{' ' * width} | {' ' * (span.column - 1)}{carets} {found.label}".rstrip(),
    ]
    if found.cause:
        shown.append(f"{' ' * width} = cause: {found.cause}")
    if found.help:
        shown.append(f"{' ' * width} = help: {found.help}")
    return "\n".join(shown)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean …?` for the nearest known name, or nothing."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
