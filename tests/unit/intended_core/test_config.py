"""Settings and names within their bounds; the assembly's own tests try what an authority does with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import AssemblyError, IntentError, Settings
from intended_core.config import checked_name, checked_settings


def test_the_defaults_are_within_their_bounds() -> None:
    assert checked_settings(Settings()) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("token_life_seconds", 301), ("leeway_seconds", 31), ("jwks_age_seconds", 86_401), ("refusal_interval_seconds", 0),
     ("flow_deadline_seconds", 61.0), ("detached_registers", (("bank", "ledger"),))],
)  # fmt: skip
def test_a_bound_that_is_passed_is_named(name: str, value: object) -> None:
    with pytest.raises(AssemblyError, match=name):
        checked_settings(replace(Settings(), **{name: value}))  # type: ignore[arg-type]


def test_a_name() -> None:
    assert checked_name("acme.example") == "acme.example"
    for text in ("", "a/b", "é", "x" * 101):
        with pytest.raises(IntentError):
            checked_name(text)
