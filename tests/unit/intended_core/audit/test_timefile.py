"""Time files: what both ends show, in one spelling, and each way in which one can lie about either of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from intended_adapters.timestamp.verifier import PinnedAuthority
from intended_core.audit.checkpoint import split_note
from intended_core.audit.cosignature import cosign
from intended_core.audit.epochs import parse_epoch
from intended_core.audit.timefile import Before, TimeBracket, TimeFile, encode_time, parse_time, verify_time
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.errors import AuditError
from intended_core.flows import cosign as cosign_room
from intended_core.flows import stamp as stamp_room
from intended_core.flows.attest import prove_record
from intended_core.ports import TimeVerifier
from tests.reference.anchor_world import key_of, witness_key
from tests.reference.time_authority import PlainAuthority
from tests.reference.timed_world import TimedWorld


@pytest.fixture(scope="module")
def world() -> TimedWorld:
    made = TimedWorld()
    made.seqs = [made.round() for _ in range(4)]  # type: ignore[attr-defined]
    return made


def look(
    world: TimedWorld, file: TimeFile, *, authorities: Sequence[TimeVerifier] | None = None, policy: bytes | None = None, delay: int | None = None
) -> TimeBracket:
    trusted = parse_policy(world.policy_text() if policy is None else policy)
    known = [world.pinned] if authorities is None else authorities
    return verify_time(parse_time(encode_time(file)), policy=trusted, entry=world.entry(file.record.seq), authorities=known, max_delay_us=delay)


def refused(world: TimedWorld, file: TimeFile, **named: object) -> str:
    with pytest.raises(AuditError) as caught:
        look(world, file, **named)  # type: ignore[arg-type]
    return caught.value.code


def test_both_ends_come_from_clocks_outside(world: TimedWorld) -> None:
    file = world.file(4)
    found = look(world, file)
    assert (found.seq, found.witnesses, len(found.stamps)) == (4, ("w.example/1",), 1)
    assert found.since_us is not None
    assert found.since_us < found.own_us < found.until_us
    assert found.until_us == found.stamps[0].time_us + found.stamps[0].accuracy_us
    # cosigned one round before the epoch that does not hold the record yet
    assert found.until_us - found.since_us == 2 * 600 * 1_000_000 + 2_000_000


def test_without_a_lower_end_or_without_its_witnesses_nobody_says_since_when(world: TimedWorld) -> None:
    file = world.file(4)
    assert look(world, replace(file, before=None)).since_us is None
    nobody = f"log {world.authority.anchor.key()}\nquorum none\n".encode()
    found = look(world, file, policy=nobody)
    assert (found.since_us, found.witnesses) == (None, ())
    stranger = f"log {world.authority.anchor.key()}\nwitness x {witness_key('x.example/1')}\nquorum x\n".encode()
    assert look(world, file, policy=stranger).since_us is None


def test_nobody_is_believed_but_who_was_pinned(world: TimedWorld) -> None:
    file = world.file(4)
    stranger = PlainAuthority(world.wall, root="other.example")
    other = PinnedAuthority(stranger.pem)
    assert refused(world, file, authorities=[other]) == "time.untrusted"
    assert refused(world, file, authorities=[]) == "time.untrusted"
    assert look(world, file, authorities=[other, world.pinned]).stamps
    both = replace(file, responses=(stranger.stamp(b"x").response, *file.responses))
    assert len(look(world, both).stamps) == 1, "a stranger's token says nothing"
    two = replace(file, responses=(*file.responses, stranger.stamp(file.record.slot.checkpoint).response))
    assert [one.authority for one in look(world, two, authorities=[world.pinned, other]).stamps] == ["CN=root.example", "CN=other.example"]
    assert refused(world, file, policy=b"quorum none\n") == "audit.untrusted"


def test_a_token_over_something_else(world: TimedWorld) -> None:
    file = world.file(4)
    elsewhere = replace(file, responses=world.file(5).responses)
    assert refused(world, elsewhere) == "time.imprint"
    slot = file.record.slot
    bare, lines = split_note(slot.checkpoint)
    without = slot.checkpoint[: slot.checkpoint.rindex("\u2014".encode())]
    assert without.startswith(bare)
    assert lines
    assert refused(world, replace(file, record=replace(file.record, slot=replace(slot, checkpoint=without)))) == "time.imprint"
    assert refused(world, replace(file, responses=(b"noise",))) == "time.response"


def test_a_lower_end_that_shows_nothing(world: TimedWorld) -> None:
    file, earlier, later = world.file(4), world.file(3), world.file(4)
    assert file.before is not None
    before, held = file.before, later.record.slot
    beta = world.authority.anchor.prove_slot(world.tenant("beta").scope, epoch=2)
    for one in (
        replace(before, slot=held),  # holds the record already
        replace(before, slot=earlier.record.slot),  # below another checkpoint
        replace(before, slot=beta),  # of another log
        replace(before, note=held.checkpoint),  # is not what the epoch names
        Before(slot=before.slot, note=before.note + b"\n"),
    ):
        assert refused(world, replace(file, before=one)) == "time.before"


def test_a_lower_end_that_holds_the_record_already(world: TimedWorld) -> None:
    later = world.file(5)
    anchor, scope = world.authority.anchor, world.tenant().scope
    epoch = parse_epoch(later.record.slot.entry).epoch
    record = anchor._driver.operate(
        prove_record(world.context, anchor._seat(scope), 4, epoch=epoch, note=later.record.slot.checkpoint)
    )
    assert look(world, replace(later, record=record, before=None))
    assert refused(world, replace(later, record=record)) == "time.before"


def test_fewer_witnesses_than_the_reader_asks_for_say_nothing(world: TimedWorld) -> None:
    key = world.authority.anchor.key()
    both = f"log {key}\nwitness w {world.witness.key}\nwitness x {witness_key('x.example/1')}\ngroup both all w x\nquorum both\n"
    assert look(world, world.file(4), policy=both.encode()).since_us is None
    either = both.replace("both all", "both any")
    assert look(world, world.file(4), policy=either.encode()).since_us is not None


def test_a_cosignature_put_in_afterwards_is_not_named(world: TimedWorld) -> None:
    """Whoever adds a line with an early time changes the hash that the epoch's entry holds."""
    file = world.file(4)
    assert file.before is not None
    text = split_note(file.before.note)[0]
    line = cosign(text, key=world.witness.key, time_s=1, sign=key_of(world.witness.name).sign)
    assert refused(world, replace(file, before=Before(slot=file.before.slot, note=file.before.note + line))) == "time.before"


def test_a_record_that_names_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's clock is not that of the others, and whoever runs it has taken out what would have noticed."""
    for ahead, wanted in ((3_000, "time.postdated"), (-3_000, "time.backdated"), (200, ""), (-200, "")):
        world = dishonest(monkeypatch, ahead_s=ahead)
        seqs = [world.round() for _ in range(3)]
        file = world.file(seqs[-1])
        assert (refused(world, file) if wanted else "") == wanted
        assert wanted or look(world, file).since_us


def test_an_epoch_that_names_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    world = dishonest(monkeypatch, ahead_s=0)
    for _ in range(2):
        world.round()
    world.grow()
    seq = world.tenant().head().size - 1
    world.clock.advance(seconds=3_000)
    world.skew_outside(3_000)
    world.authority.anchor.seal()
    world.stamp()
    assert refused(world, world.file(seq)) == "time.order"


def test_a_token_from_before_the_cosignatures(monkeypatch: pytest.MonkeyPatch) -> None:
    world = dishonest(monkeypatch, ahead_s=0)
    for _ in range(3):
        world.round()
    world.skew_outside(9_000)
    world.witness.skew_s = 0
    seq = world.round()
    assert refused(world, world.file(seq)) == "time.order"


def dishonest(monkeypatch: pytest.MonkeyPatch, *, ahead_s: int) -> TimedWorld:
    monkeypatch.setattr(cosign_room, "MAX_SKEW_SECONDS", 10**9)
    monkeypatch.setattr(stamp_room, "MAX_SKEW_US", 10**15)
    world = TimedWorld()
    world.skew_outside(ahead_s)
    return world


def test_what_nobody_saw_soon_enough(world: TimedWorld) -> None:
    file = world.file(4)
    own = look(world, file)
    delay = own.until_us - own.own_us
    assert look(world, file, delay=delay)
    assert refused(world, file, delay=delay - 1) == "time.late"


def test_one_spelling(world: TimedWorld) -> None:
    data = encode_time(world.file(4))
    assert encode_time(parse_time(data)) == data
    assert parse_time(data).record.seq == 4
    for bad in (
        b"", b"{}", data[:-1], data + b" ", data.replace(b"time.v1", b"time.v2"), data.replace(b'"after":{', b'"after":{"a":1,', 1),
        data.replace(b'"responses":["', b'"responses":["=', 1), encode_time(world.file(4)).replace(b'"record":"', b'"record":"x', 1),
    ):  # fmt: skip
        with pytest.raises(AuditError) as caught:
            parse_time(bad)
        assert caught.value.code in {"time.file", "audit.proof"}
    file = world.file(4)
    for form in (replace(file, responses=()), replace(file, responses=file.responses * 5)):
        with pytest.raises(AuditError):
            encode_time(form)
    assert file.before is not None
    with pytest.raises(AuditError):
        encode_time(replace(file, before=Before(slot=file.before.slot, note=b"\xff")))
