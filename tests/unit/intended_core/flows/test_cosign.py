"""One witness and everything it may answer: kept before it is used, believed under the pinned key only."""

from __future__ import annotations

import pytest

from intended_core.audit.checkpoint import split_note
from intended_core.audit.cosignature import cosign, cosigned_by
from intended_core.audit.witnessing import parse_request
from intended_core.errors import AdapterError, AuditError
from intended_core.flows.cosign import MAX_SKEW_SECONDS, witness_row
from intended_core.flows.seal import WITNESSED
from intended_core.ports import WitnessAnswer
from tests.reference.anchor_world import key_of
from tests.reference.sealed_world import PlainWitness, SealedWorld


def sealed(epochs: int = 1) -> SealedWorld:
    world = SealedWorld()
    for _ in range(epochs):
        world.authority.anchor.seal()
    return world


def asked(world: SealedWorld) -> str:
    """The code with which the newest checkpoint is not cosigned."""
    before = world.data().rows
    with pytest.raises(AuditError) as caught:
        world.authority.anchor.cosign(world.witness, world.witness.key)
    assert world.data().rows == before, "nothing of it is kept"
    return caught.value.code


def test_a_cosignature_is_kept_before_it_is_used() -> None:
    world = sealed(2)
    found = world.authority.anchor.cosign(world.witness, world.witness.key)
    assert (found.size, found.key) == (2, world.witness.key)
    note = world.data().rows[WITNESSED].body
    assert [one.key for one in cosigned_by(note, [found.key])] == [found.key]
    assert world.reopen().anchor.checkpoint() == note
    world.authority.anchor.cosign(world.witness, world.witness.key)
    assert parse_request(world.witness.asked[-1]).old == 2
    assert len(split_note(world.authority.anchor.checkpoint())[1]) == 2, "one line of the log, one of the witness"


def test_several_witnesses_stand_below_one_head() -> None:
    world = sealed()
    second = PlainWitness(world, "other.example/1")
    for one in (world.witness, second):
        world.authority.anchor.cosign(one, one.key)
    note = world.authority.anchor.checkpoint()
    assert len(cosigned_by(note, [world.witness.key, second.key])) == 2


def test_a_witness_that_knows_more_means_a_store_that_was_rolled_back() -> None:
    world = sealed()
    old = world.store.snapshot()
    world.authority.anchor.seal()
    world.authority.anchor.cosign(world.witness, world.witness.key)
    world.store.restore(old)
    world.reopen()
    assert asked(world) == "anchor.rolled_back"


def test_a_forked_anchor_is_not_cosigned() -> None:
    """Rolled back, and written on to the same size and beyond: the witness remembers the other history."""
    world = sealed()
    world.authority.anchor.release()
    old = world.store.snapshot()
    world.authority.anchor.seal()
    world.authority.anchor.cosign(world.witness, world.witness.key)
    world.store.restore(old)
    world.reopen()
    world.grow()
    world.authority.anchor.seal()
    assert asked(world) == "audit.fork"
    world.authority.anchor.seal()
    assert asked(world) == "audit.fork"


def test_a_witness_that_forgot_is_told_again() -> None:
    world = sealed()
    world.authority.anchor.cosign(world.witness, world.witness.key)
    world.authority.anchor.seal()
    world.witness.known.clear()
    assert world.authority.anchor.cosign(world.witness, world.witness.key).size == 2


@pytest.mark.parametrize("status", [400, 403, 404, 418, 500, 0])
def test_any_other_status_is_a_refusal(status: int) -> None:
    world = sealed()
    world.witness.answer = lambda _: WitnessAnswer(status=status, body=b"no")
    assert asked(world) == "audit.witness"


@pytest.mark.parametrize("body", [b"", b"\n", b"0", b"-1\n", b"1\n\n", b"01\n", b"x" * 100])
def test_a_conflict_without_a_size_is_a_refusal(body: bytes) -> None:
    world = sealed()
    world.witness.answer = lambda _: WitnessAnswer(status=409, body=body)
    assert asked(world) in {"audit.witness"}


def test_a_witness_that_only_conflicts_is_asked_twice_at_most() -> None:
    world = sealed(3)
    sizes = iter(range(1, 100))
    world.witness.answer = lambda _: WitnessAnswer(status=409, body=b"%d\n" % next(sizes))
    assert asked(world) == "audit.witness"
    assert len(world.witness.asked) == 2


def test_answers_that_are_not_this_witness_of_now_are_refused() -> None:
    world = sealed()
    text = split_note(world.authority.anchor.checkpoint())[0]
    world.authority.anchor.seal()
    newer = split_note(world.authority.anchor.checkpoint())[0]
    now_s = world.clock.now_us() // 1_000_000
    key, sign = world.witness.key, key_of(world.witness.name).sign
    other = PlainWitness(world, "other.example/1")
    good = cosign(newer, key=key, time_s=now_s, sign=sign)
    for body in (
        b"", b"hello\n", b"\n", good[:-1], good + b"x", b"\xff\n", cosign(text, key=key, time_s=now_s, sign=sign),
        cosign(newer, key=other.key, time_s=now_s, sign=key_of(other.name).sign), good.replace(b"A", b"B"),
        cosign(newer, key=key, time_s=now_s - MAX_SKEW_SECONDS - 1, sign=sign), cosign(newer, key=key, time_s=now_s + MAX_SKEW_SECONDS + 1, sign=sign),
        cosign(newer, key=key, time_s=5, sign=sign), b"\n\xe2\x80\x94 " * 5,
    ):  # fmt: skip
        world.witness.answer = lambda _, body=body: WitnessAnswer(status=200, body=body)  # type: ignore[misc]
        assert asked(world) in {"audit.untrusted", "audit.signature", "audit.note", "audit.cosignature"}, body
    world.witness.answer = lambda _: WitnessAnswer(status=200, body=b"x" * 70_000)
    with pytest.raises(AdapterError):
        world.authority.anchor.cosign(world.witness, key)


def test_only_the_line_that_holds_is_kept() -> None:
    world = sealed()
    text = split_note(world.authority.anchor.checkpoint())[0]
    stranger = PlainWitness(world, "stranger.example/1")
    now_s = world.clock.now_us() // 1_000_000
    lines = [cosign(text, key=one.key, time_s=now_s, sign=key_of(one.name).sign) for one in (stranger, world.witness)]
    world.witness.answer = lambda _: WitnessAnswer(status=200, body=b"".join(lines))
    world.authority.anchor.cosign(world.witness, world.witness.key)
    assert b"stranger" not in world.authority.anchor.checkpoint()


def test_a_witness_does_not_go_back_in_time() -> None:
    world = sealed()
    world.witness.skew_s = 200
    world.authority.anchor.cosign(world.witness, world.witness.key)
    world.witness.skew_s = 0
    world.authority.anchor.seal()
    world.witness.known[world.authority.anchor.key().name] = world.witness.known[world.authority.anchor.key().name]
    assert asked(world) == "audit.cosignature"


def test_nothing_to_cosign_before_the_first_epoch() -> None:
    world = SealedWorld()
    assert asked(world) == "audit.index"
    assert witness_row(world.witness.key) not in world.data().rows
