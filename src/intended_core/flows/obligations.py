"""Obligations in their written form, as tokens and records carry them: one canonical JSON object each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from intended_core.canonical import canonical_json, parse_canonical
from intended_core.errors import IntentError, TokenError
from intended_core.outcome import Obligation

__all__ = ["read_obligations", "written"]

MAX_BYTES: Final = 8 * 1024  # authority.md § 2: what a token carries of rules, obligations and approvals


def written(obligations: Iterable[Obligation]) -> tuple[str, ...]:
    """Each obligation as canonical JSON text, in order of name."""
    return tuple(
        canonical_json({"name": item.name, "phase": item.phase, "values": dict(item.values)}).decode("utf-8")
        for item in sorted(obligations, key=lambda entry: entry.name)
    )


def read_obligations(texts: Sequence[str]) -> tuple[Obligation, ...]:
    """The obligations of a token's `obl`; raises TokenError when one is not in its written form."""
    made: list[Obligation] = []
    for text in texts:
        try:
            data = parse_canonical(text.encode("utf-8"), max_bytes=MAX_BYTES)
        except IntentError:
            raise TokenError("token.obligation") from None
        if not isinstance(data, dict) or data.keys() != {"name", "phase", "values"}:
            raise TokenError("token.obligation")
        name, values = data["name"], data["values"]
        if not isinstance(name, str) or not isinstance(values, dict) or data["phase"] not in ("before", "after"):
            raise TokenError("token.obligation")
        made.append(Obligation(name=name, phase="before" if data["phase"] == "before" else "after", values=values))
    return tuple(made)
