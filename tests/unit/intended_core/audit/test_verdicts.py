"""An answer is taken by its grade or its exit code; it is neither true nor false."""

from __future__ import annotations

import pytest

from intended_core.audit.bundle import NOT_COVERED
from intended_core.audit.grades import EXIT_CODES, Grade
from intended_core.audit.verdicts import BundleVerdict, RangeVerdict, RerunState, uncovered


def bundle(grade: Grade) -> BundleVerdict:
    return BundleVerdict(
        grade=grade, seq=None, findings=(), notes=(), not_covered=(), rerun=RerunState.NOT_RUN, recorded="", again=""
    )  # fmt: skip


def stretch(grade: Grade) -> RangeVerdict:
    return RangeVerdict(grade=grade, seq=None, findings=())


def test_what_is_not_covered_depends_on_who_has_seen_the_log() -> None:
    assert uncovered(None) == NOT_COVERED
    seen = uncovered(41)
    assert len(seen) == len(NOT_COVERED)
    assert not set(seen[1:]) & set(NOT_COVERED)
    assert sum("41" in text for text in seen) == 2


@pytest.mark.parametrize("made", [bundle, stretch])
@pytest.mark.parametrize("grade", list(Grade))
def test_the_exit_code_is_the_grades(made: type[BundleVerdict] | type[RangeVerdict], grade: Grade) -> None:
    verdict = made(grade)  # type: ignore[call-arg,misc]
    assert verdict.exit_code(minimum=grade) == 0
    enough = grade in (Grade.CONSISTENT_UNANCHORED, Grade.ANCHORED, Grade.WITNESSED)
    assert verdict.exit_code() == (0 if enough else EXIT_CODES[grade])
    with pytest.raises(TypeError, match="grade"):
        bool(verdict)
