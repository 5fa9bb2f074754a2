"""The notices desk drives the delivery of one tenant, through a notifier from the registry."""

from __future__ import annotations

import logging

import pytest

from intended_core import load_registry
from tests.reference.flow_world import World


def test_from_the_registry_to_a_line_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    notifier = load_registry().create("notifier", "log")
    with caplog.at_level(logging.INFO, logger="intended.notify"):
        assert world.tenant.notices.deliver("ops", notifier, since=0).told == 1  # type: ignore[arg-type]
        assert world.tenant.notices.deliver("ops", notifier).told == 0  # type: ignore[arg-type]
    assert [record.getMessage().split()[0] for record in caplog.records] == ["approval.requested"]
