"""Time files out of a store, and read by whoever trusts nobody here: by header, or beside a bundle that holds the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core import bracket_evidence, check_time, export_range, export_time, timed_record, token_of
from intended_core.errors import AuditError
from tests.reference.timed_world import TimedWorld


@pytest.fixture(scope="module")
def world() -> TimedWorld:
    made = TimedWorld()
    for _ in range(3):
        made.round()
    return made


def test_a_record_between_two_clocks(world: TimedWorld) -> None:
    data = export_time(world.authority, world.tenant(), 4)
    assert timed_record(data) == 4
    found = check_time(data, policy=world.policy_text(), entry=world.entry(4), authorities=[world.pinned], max_delay_s=3600)
    assert found.since_us is not None
    assert found.since_us < found.own_us < found.until_us
    with pytest.raises(AuditError) as caught:
        check_time(data, policy=world.policy_text(), entry=world.entry(3), authorities=[world.pinned])
    assert caught.value.code == "audit.root"
    with pytest.raises(AuditError) as caught:
        check_time(data, policy=world.policy_text(), entry=world.entry(4), authorities=[world.pinned], max_delay_s=1)
    assert caught.value.code == "time.late"


def test_what_other_tools_are_given(world: TimedWorld) -> None:
    note, response = token_of(export_time(world.authority, world.tenant(), 4))
    assert note.startswith(b"faults/anchor\n")
    assert world.pinned.verify(response, note).authority == "CN=root.example"


def test_beside_a_bundle(world: TimedWorld, tmp_path: Path) -> None:
    data = export_time(world.authority, world.tenant(), 4)
    for first, stop in ((3, 5), (0, 3)):
        export_range(world.tenant(), first, stop, out=tmp_path / "x.evb", made_us=1)
        known = {"policy": world.policy_text(), "authorities": [world.pinned]}
        if stop == 5:
            assert bracket_evidence(tmp_path / "x.evb", data, **known).seq == 4  # type: ignore[arg-type]
            continue
        with pytest.raises(AuditError) as caught:
            bracket_evidence(tmp_path / "x.evb", data, **known)  # type: ignore[arg-type]
        assert caught.value.code == "time.other"
