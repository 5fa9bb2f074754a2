"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

# the same examples on every run, so that a change is judged and not its luck; `soak` looks for new ones
settings.register_profile("checks", derandomize=True, deadline=None, suppress_health_check=QUIET, print_blob=True)
settings.register_profile("soak", max_examples=20_000, deadline=None, suppress_health_check=QUIET, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "checks"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long text and bytes are no names: they may hold fresh keys, and every worker has to call a test the same."""
    return argname if isinstance(val, str | bytes) and len(val) > 32 else None
