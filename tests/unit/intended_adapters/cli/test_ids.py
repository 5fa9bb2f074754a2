"""An id is base64url: one in 64 begins with a dash, and is no option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
IDS = ("-XXu8-IuMYR01-5HMUraaA", "--Xu8-IuMYR01-5HMUraaA", "-h__________________AA")
SIGNED = ("--person", 'User::"cleo"', "--key", "no-such-file.pem")


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize(
    "command",
    [
        ("approvals", "show"), ("approvals", "approve", *SIGNED), ("approvals", "reject", *SIGNED), ("approvals", "cancel"), ("approve", *SIGNED),
        ("policy", "check"), ("policy", "simulate"), ("policy", "approve", *SIGNED), ("policy", "withdraw"), ("policy", "show"),
        ("keys", "compromise"),
    ],
    ids=lambda command: "-".join(command[:2]),
)  # fmt: skip
def test_an_id_that_begins_with_a_dash_is_an_id(run: Run, shop: Any, command: tuple[str, ...], id_: str) -> None:
    done = run(*shop.options, *command, id_)
    assert done.code not in (0, 1)
    assert "No such option" not in done.err


def test_a_mistyped_option_is_still_refused(run: Run, shop: Any) -> None:
    done = run(*shop.options, "approvals", "show", "AXu8-IuMYR01-5HMUraaA", "--jsn")
    assert done.code == 2
    assert "--jsn" in done.err
