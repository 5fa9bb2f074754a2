"""One small bank for the tests of flows and of what drives them, as it was when it was made."""

from __future__ import annotations

import pytest

from tests.reference.flow_world import World


@pytest.fixture(scope="session")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made
