"""The one error of evaluation: a checked expression that has no value. It denies."""

from __future__ import annotations

__all__ = ["EvaluationError"]


class EvaluationError(Exception):
    """Overflow, a missing table key, a stale table, data without a value, a time zone, or a quorum out of range. Denies."""
