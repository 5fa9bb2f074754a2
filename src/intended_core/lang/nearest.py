"""The nearest known name, for messages about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`(did you mean `x`?)` for the nearest of `known`, or nothing."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"(did you mean `{near[0]}`?)" if near else ""
