"""A checkpoint is stamped once, verified, kept before it is used; what fails is remembered; old stamps go on proving."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from intended_core.errors import AdapterError, AssemblyError, AuditError, StoreCorruptError
from intended_core.flows import seal as sealing
from intended_core.flows.seal import epoch_key
from intended_core.flows.stamp import STAMPS, stamp_key
from tests.reference.time_authority import certificate, later
from tests.reference.timed_world import TimedWorld


def code(world: TimedWorld) -> str:
    with pytest.raises(AuditError) as caught:
        world.stamp()
    return caught.value.code


def test_a_stamp_is_kept_and_asked_for_once() -> None:
    world = TimedWorld()
    assert code(world) == "audit.index", "no epoch yet"
    world.epoch()
    first = world.stamp(due_seconds=60)
    assert (first.size, first.fresh, first.stamp.authority) == (1, True, "CN=root.example")
    again = world.stamp()
    assert (again.size, again.fresh, again.stamp) == (1, False, first.stamp)
    assert world.stamps.asked == 1
    found = world.authority.anchor.stamping()
    assert (found.count, found.size, found.failed_us, found.why) == (1, 1, 0, "")
    assert found.due_us == world.clock.now_us() + 60_000_000
    world.epoch()
    assert world.stamp().size == 2
    assert world.authority.anchor.stamping().due_us == 0
    world.check()


def test_the_newest_checkpoint_is_stamped_whether_it_is_cosigned_or_not() -> None:
    world = TimedWorld()
    world.epoch()
    world.epoch(cosigned=False)
    assert world.stamp().size == 2
    world.grow()
    world.epoch()
    assert world.stamp().size == 3
    assert b"w.example" in world.file(world.tenant().head().size - 1).record.slot.checkpoint


def test_what_fails_is_remembered_until_it_succeeds() -> None:
    world = TimedWorld()
    world.epoch()
    world.stamps.broken = "the authority at tsa.example does not answer \u00e4\n"
    with pytest.raises(AdapterError):
        world.stamp()
    failed = world.authority.anchor.stamping()
    assert (failed.count, failed.failed_us) == (0, world.clock.now_us())
    assert failed.why == "the authority at tsa.example does not answer ??"
    world.clock.advance(seconds=60)
    world.stamps.broken, world.stamps.bend = "", lambda data: data[:-1]
    assert code(world) == "time.response"
    assert world.authority.anchor.stamping().failed_us == failed.failed_us, "since the first failure"
    world.stamps.bend = None
    assert world.stamp().fresh
    assert world.authority.anchor.stamping().failed_us == 0


def test_liars_are_refused_and_nothing_of_theirs_is_kept() -> None:
    world = TimedWorld()
    world.epoch()
    later(world.stamps, seconds=301)
    assert code(world) == "time.skew"
    world.stamps.now = world.wall
    world.stamps.change = lambda info: info.update(nonce=7)
    assert code(world) == "time.nonce"
    world.stamps.change = lambda info: info.update(gen_time=world.wall() - timedelta(hours=1))
    assert code(world) == "time.skew"
    world.stamps.change = None
    world.stamps.certificate = certificate(world.stamps.name, issuer=world.stamps.root, uses=())
    assert code(world) == "time.untrusted"
    assert world.authority.anchor.stamping().count == 0
    assert stamp_key(0) not in world.data().rows


def test_a_record_is_proved_by_the_first_stamp_after_it_and_the_last_before() -> None:
    world = TimedWorld()
    seqs = [world.round() for _ in range(5)]
    with pytest.raises(AuditError, match="no time stamp") as caught:
        world.grow()
        world.file(seqs[-1] + 1)
    assert caught.value.code == "time.none"
    for number, seq in enumerate(seqs):
        file = world.file(seq)
        assert file.record.seq == seq
        assert file.record.slot.opening.size == seq + 1, "the first that holds it"
        assert (file.before is None) == (number < 2), "no checkpoint was cosigned before the first epoch"
        if file.before is not None:
            assert file.before.slot.opening.size == seq


def test_a_stamped_epoch_stays_whole_when_others_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "KEPT_WHOLE", 3)
    world = TimedWorld()
    for _ in range(3):
        world.epoch()
    world.round()
    seq = world.round()
    for _ in range(8):
        world.epoch()
    states = [world.data().rows[epoch_key(epoch)].state for epoch in range(13)]
    assert states[1] == "THINNED"
    assert states[2:5] == ["WHOLE"] * 3, "stamped, and the one before"
    assert states[5:10] == ["THINNED"] * 5
    assert world.file(seq).before is not None
    world.check()


def test_rows_that_are_damaged_or_gone_prove_nothing() -> None:
    world = TimedWorld()
    seq = world.round()
    context, rows = world.context, world.store._scopes[world.context.scope.key].rows
    whole = dict(rows)
    for key, body in ((STAMPS, b"{}"), (STAMPS, rows[STAMPS].body[:-1] + b" }"), (stamp_key(0), b"{}"), (stamp_key(0), b"[]")):
        rows[key] = context.mac.seal_row(context.scope, key.kind, key.key, 9, "STANDS", body)
        with pytest.raises(StoreCorruptError):
            world.file(seq)
        rows[key] = whole[key]
    del rows[stamp_key(0)]
    with pytest.raises(StoreCorruptError, match="gone"):
        world.file(seq)
    rows[stamp_key(0)] = replace(whole[stamp_key(0)], body=whole[stamp_key(0)].body.replace(b"note", b"nose"))
    with pytest.raises(StoreCorruptError):
        world.file(seq)
    rows.update(whole)
    assert world.file(seq)


def test_nothing_is_kept_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    world = TimedWorld()
    world.epoch()
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(AssemblyError, match=r"intended\[time\]"):
        world.stamp()
    assert world.authority.anchor.stamping().count == 0
