"""Collects diagnostics: one per cause and place, errors and warnings apart."""

from __future__ import annotations

from typing import Final

from intended_core.errors import IntendedError
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.typed import Span

__all__ = ["Refused", "Report", "refuse"]

MAX_REPORTED: Final = 50  # more do not help anybody


class Refused(IntendedError):
    """Stops the checking of one clause; carries its diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def refuse(code: str, message: str, span: Span, *, label: str = "", help: str = "", cause: str = "") -> Refused:
    """The exception to raise for this problem."""
    return Refused(Diagnostic(code=code, message=message, span=span, label=label, help=help, cause=cause))


class Report:
    """Diagnostics in the order found, without repeats."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Span], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep this diagnostic unless the same problem was reported at the same place."""
        self._found.setdefault((diagnostic.code, diagnostic.span), diagnostic)

    def error(self, code: str, message: str, span: Span, *, label: str = "", help: str = "", cause: str = "") -> None:
        """Report an error."""
        self.add(Diagnostic(code=code, message=message, span=span, label=label, help=help, cause=cause))

    def warn(self, code: str, message: str, span: Span, *, label: str = "", help: str = "", cause: str = "") -> None:
        """Report a warning."""
        self.add(
            Diagnostic(code=code, message=message, span=span, severity="warning", label=label, help=help, cause=cause)
        )

    def unsupported(self, what: str, span: Span) -> None:
        """Report a part of the language that this version does not run."""
        self.error(
            "unsupported", f"{what} is part of the language, but this version does not run it yet", span,
            cause="a part that is not run is refused, never ignored",
        )  # fmt: skip

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors, in order of place, at most 50."""
        return self._sorted("error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings, in order of place, at most 50."""
        return self._sorted("warning")

    def _sorted(self, severity: str) -> tuple[Diagnostic, ...]:
        found = [item for item in self._found.values() if item.severity == severity]
        found.sort(key=lambda item: (item.span.file, item.span.line, item.span.column, item.code))
        return tuple(found[:MAX_REPORTED])
