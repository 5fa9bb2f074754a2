"""Attacks on trusted time by name: who dates as they like, authorities that lie, and time files that show something else."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from intended_core.audit.timefile import encode_time, parse_time
from intended_core.errors import AdapterError, AuditError
from tests.reference import tampered_times
from tests.reference.sealed_world import SealedWorld
from tests.reference.tampered_times import AFTER_S, BEFORE_S, timed
from tests.reference.timed_world import TimedWorld


@pytest.mark.parametrize("attack", [f"{row}-{number}" for number, (row, *_) in enumerate(tampered_times.ON_TIMES)])
def test_every_row_is_found_at_other_places_than_the_tables(attack: str) -> None:
    run = tampered_times.ON_TIMES[int(attack.split("-")[1])][3]
    for trial in range(5):
        assert run(random.Random(f"elsewhere {attack} {trial}")), trial


def test_the_time_file_of_another_record() -> None:
    one, two = (timed(random.Random(seed), dated_s=(BEFORE_S + AFTER_S) / 2) for seed in (1, 2))
    assert one.verdict() == two.verdict() == ""
    assert replace(one, entry=two.entry).verdict() == "audit.root"
    assert replace(one, file=two.file).verdict() in {"audit.signature", "audit.root"}


def test_a_bit_of_a_time_file_says_nothing_else() -> None:
    chance = random.Random(5)
    one = timed(chance, dated_s=5_000)
    data, refused = encode_time(one.file), 0
    for _ in range(200):
        spoiled = bytearray(data)
        spoiled[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            found = parse_time(bytes(spoiled))
        except AuditError:
            refused += 1
            continue
        verdict = replace(one, file=found).verdict()
        refused += verdict != ""
        # what is not refused spoils the name of a cosigner, who then counts for nothing, or a byte of the token that nobody signs
        assert verdict or found.record.path == one.file.record.path
    assert refused > 190


def test_an_authority_that_stops_answering_stops_nothing_and_is_not_forgotten() -> None:
    world = TimedWorld()
    world.round()
    world.stamps.broken = "the authority does not answer"
    world.epoch()
    with pytest.raises(AdapterError):
        world.stamp()
    world.grow()
    world.reopen()
    assert world.authority.anchor.stamping().why == "the authority does not answer"
    assert world.authority.anchor.stamping().count == 1


def test_a_store_that_was_put_back_keeps_no_stamp_that_it_has_not() -> None:
    """The stamps go back with the store; what was handed out before still holds, and shows what is missing."""
    world = TimedWorld()
    world.round()
    world.authority.anchor.release()
    world.save()
    seq = world.round()
    kept, entry = world.file(seq), world.entry(seq)
    SealedWorld.restore(world)
    world.reopen()
    with pytest.raises(AuditError):
        world.file(seq)
    assert kept.record.seq == seq
    assert entry
