"""A closed tenant that is deleted, revived or written to: found each time, by the anchor log or by whoever kept a slot proof."""

from __future__ import annotations

import random

import pytest

from tests.reference import tampering
from tests.reference.tampered_closings import ON_CLOSINGS, STOPPED, honest_closing

WANTED = ({STOPPED}, {STOPPED}, {STOPPED}, {"head.root", "log.truncated"}, {"log.closed"})


@pytest.mark.parametrize("attack", range(len(ON_CLOSINGS)))
def test_what_becomes_of_a_closed_tenant_is_found(attack: int) -> None:
    found = {ON_CLOSINGS[attack][3](random.Random(f"closed {trial}")) for trial in range(tampering.TRIALS)}
    assert found == WANTED[attack]


def test_an_honest_end_is_no_alarm() -> None:
    assert not honest_closing()
