"""Settings that every test shares."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ADDRESS = re.compile(r"0x[0-9a-f]+")
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

# the same examples on every run, so that a change is judged and not its luck; `soak` looks for new ones
settings.register_profile("checks", derandomize=True, deadline=None, suppress_health_check=QUIET, print_blob=True)
settings.register_profile("soak", max_examples=20_000, deadline=None, suppress_health_check=QUIET, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "checks"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long text and bytes are no names: they may hold fresh keys, and every worker has to call a test the same."""
    return argname if isinstance(val, str | bytes) and len(val) > 32 else None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Addresses in names that a test makes itself (`ids=repr`) differ from worker to worker as well."""
    parametrize = metafunc.parametrize

    def steady(*arguments: Any, **options: Any) -> None:
        make = options.get("ids")
        if callable(make):
            options["ids"] = lambda value: None if make(value) is None else ADDRESS.sub("0x", str(make(value)))
        parametrize(*arguments, **options)

    metafunc.parametrize = steady  # type: ignore[method-assign]
