"""What is surely sound, alone or by pages, is what the parsers take; every doubt is left to them."""

from __future__ import annotations

import random

import pytest

from intended_core.audit import sound
from intended_core.audit.fields import joined, pack_fields
from intended_core.audit.record import body_hash, parse_body
from intended_core.audit.shapes import Shapes
from intended_core.audit.sound import sound_body, sound_page, sound_record
from intended_core.errors import AuditError

KINDS = [b"decision.allow", b"token.consumed"]


@pytest.fixture(autouse=True)
def unlearnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shape is known before."""
    monkeypatch.setattr(sound, "_BODIES", Shapes())
    monkeypatch.setattr(sound, "_WHOLE", Shapes())


def records(count: int) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Kinds, bodies and fields as a log has them."""
    kinds, bodies, fields = [], [], []
    for number in range(count):
        body = {"intent": {"action": "pay", "args": {}, "context": {}}} if number % 2 == 0 else {"attempt": str(number)}
        held = {"intent.args.n": number, "ith": str(number)} if number % 2 == 0 else {}
        made = pack_fields(body, held, secret=number.to_bytes(16, "big")) if held else None  # type: ignore[arg-type]
        kinds.append(KINDS[number % 2])
        bodies.append(b'{"attempt":"%d","salt":"AAAAAAAAAAAAAAAAAAAAAA"}' % number if made is None else made.data)
        fields.append(b"" if made is None else made.fields)
    return kinds, bodies, fields


def parsed(body: bytes, fields: bytes) -> bool:
    try:
        read = joined(parse_body(body, expected=body_hash(body)), fields)
    except AuditError:
        return False
    return "$missing" not in read


def test_a_page_is_what_its_records_are_however_much_was_learnt() -> None:
    kinds, bodies, fields = records(120)
    for _ in range(3):
        assert sound_page(kinds, bodies, fields)
        assert sound_page(kinds, bodies, None)
        assert all(map(sound_record, kinds, bodies, fields))
        assert all(map(sound_body, kinds, bodies))


@pytest.mark.parametrize("learnt", [False, True])
def test_nothing_that_the_parsers_refuse_is_sound(learnt: bool) -> None:
    kinds, bodies, fields = records(120)
    if learnt:
        assert sound_page(kinds, bodies, fields)
        assert sound_page(kinds, bodies, None)
    chance = random.Random(7)
    seen = 0
    for _ in range(300):
        at = chance.randrange(120)
        part = chance.choice((bodies, fields))
        data = bytearray(part[at])
        if not data:
            continue
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        kept, part[at] = part[at], bytes(data)
        good = parsed(bodies[at], fields[at])
        seen += not good
        assert not sound_page(kinds, bodies, fields) or good
        assert not sound_record(kinds[at], bodies[at], fields[at]) or good
        part[at] = kept
    assert seen > 100
    assert sound_page(kinds, bodies, fields)


@pytest.mark.parametrize("learnt", [False, True])
def test_fields_of_another_or_none_are_not_sound(learnt: bool) -> None:
    kinds, bodies, fields = records(120)
    if learnt:
        assert sound_page(kinds, bodies, fields)
    for wrong in (b"", fields[2], fields[0] + b" ", b"{}", b"\t", b"\n"):
        changed = [wrong, *fields[1:]]
        assert not sound_page(kinds, bodies, changed)
        assert not sound_record(kinds[0], bodies[0], wrong)
    for stray in (fields[0], b"{}"):
        assert not sound_page(kinds, bodies, [fields[0], stray, *fields[2:]])
    assert not sound_page(kinds, bodies, [fields[0].decode(), *fields[1:]])  # type: ignore[list-item]
    assert not sound_page(kinds, [bodies[0].decode(), *bodies[1:]], fields)  # type: ignore[list-item]
    assert not sound_record(kinds[0], bodies[0], fields[0].decode())  # type: ignore[arg-type]
