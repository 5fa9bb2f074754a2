"""Collects diagnostics: one per cause and place, errors and warnings apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from intended_core.errors import IntendedError
from intended_core.lang import ast
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.typed import Span

__all__ = ["Refused", "Report", "refuse"]

MAX_REPORTED: Final = 50  # more do not help anybody


class _Annotated(Protocol):
    @property
    def annotations(self) -> tuple[ast.Annotation, ...]: ...


D = TypeVar("D", bound=_Annotated)
M = TypeVar("M")


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

    def declared(self, decls: Mapping[str, D], what: str, make: Callable[[D], M]) -> dict[str, M]:
        """What `make` makes of each declaration of a kind (`what`, in words) that takes no annotations; problems are kept."""
        made: dict[str, M] = {}
        for name, decl in sorted(decls.items()):
            try:
                for note in decl.annotations:
                    raise refuse("annotation.unknown", f"`@{note.name}` is not known on {what}", note.span)
                made[name] = make(decl)
            except Refused as error:
                self.add(error.diagnostic)
        return made

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
