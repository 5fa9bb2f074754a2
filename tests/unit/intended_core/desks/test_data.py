"""The desk of params and tables drives its flows and shows what is in force."""

from __future__ import annotations

from tests.reference.data_world import data_world
from tests.reference.flow_world import ACCOUNT


def test_what_is_set_is_shown() -> None:
    world = data_world()
    world.restore()
    desk = world.tenant.data
    written = desk.set(params={"cap": "5.00"}, tables={"frozen": [ACCOUNT]})
    shown = desk.show()
    assert (shown.version, shown.digest) == (written.version, written.digest)
    assert shown.params == {"cap": "5.00"}
    assert shown.tables["frozen"][0] == [{"__entity": {"type": "Account", "id": "main"}}]
    assert (shown.undeclared, shown.missing) == ((), ())
    assert repr(desk) == "DataDesk('acme', 'live')"
