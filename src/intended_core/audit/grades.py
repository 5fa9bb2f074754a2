"""What a verification answers, worst first, and the exit code of each grade: the one table (audit.md § 1.10).

ANCHORED and WITNESSED rest on somebody outside: a witness of the verifier's own policy that cosigned, or as many as that policy asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["EXIT_CODES", "Finding", "Grade", "exit_code", "worst"]


class Grade(StrEnum):
    """How much holds. Worst first; each includes that nothing worse was found."""

    MALFORMED = "MALFORMED"  # not in the one form that it may have; nothing was checked further
    TAMPERED = "TAMPERED"  # something differs from what was committed to
    FORKED = "FORKED"  # two signed heads contradict each other
    TRUNCATED = "TRUNCATED"  # shorter than a head that the verifier knows
    INCOMPLETE = "INCOMPLETE"  # what is here holds, but a part that the claim needs is missing
    CONSISTENT_UNPINNED = "CONSISTENT_UNPINNED"  # all holds, under keys that came along with it
    CONSISTENT_UNANCHORED = (
        "CONSISTENT_UNANCHORED"  # all holds under keys that the verifier brought; nobody outside attests
    )
    ANCHORED = "ANCHORED"  # and a witness that the verifier knows cosigned, though fewer than the verifier asks for
    WITNESSED = "WITNESSED"  # and as many organisations as the verifier asks for cosigned


_ORDER: Final = tuple(Grade)

# Stable: scripts test for these. 0 is only ever given by `exit_code`, at or above the demanded grade; 1 and 2 stay with
# the command line (failure, usage).
EXIT_CODES: Final = {
    Grade.WITNESSED: 18,
    Grade.ANCHORED: 19,
    Grade.CONSISTENT_UNANCHORED: 20,
    Grade.CONSISTENT_UNPINNED: 21,
    Grade.INCOMPLETE: 22,
    Grade.TRUNCATED: 23,
    Grade.FORKED: 24,
    Grade.TAMPERED: 25,
    Grade.MALFORMED: 26,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that lowers the grade. `code` is stable. `seq`: the first record it concerns, when it concerns one."""

    code: str
    grade: Grade
    text: str
    seq: int | None = None


def worst(findings: tuple[Finding, ...], *, otherwise: Grade) -> Grade:
    """The lowest grade among the findings and `otherwise`."""
    return min((otherwise, *(finding.grade for finding in findings)), key=_ORDER.index)


def exit_code(grade: Grade, *, minimum: Grade = Grade.CONSISTENT_UNANCHORED) -> int:
    """0 when `grade` is at least `minimum` (default: pinned keys), else the grade's own code."""
    return 0 if _ORDER.index(grade) >= _ORDER.index(minimum) else EXIT_CODES[grade]
