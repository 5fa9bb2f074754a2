"""The error of evaluation is not an error of a caller, an author or an operator."""

from __future__ import annotations

from intended_core.errors import IntendedError
from intended_core.lang.faults import EvaluationError


def test_it_never_leaves_the_engine_as_an_error_of_the_library() -> None:
    assert not issubclass(EvaluationError, IntendedError)
    assert str(EvaluationError("the table is stale")) == "the table is stale"
