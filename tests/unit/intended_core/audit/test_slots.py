"""The slot leaf: what it commits to, what hides it, and what opens it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from intended_core.audit.slots import FIRST_LEAF, SlotKey, SlotOpening, padding, slot_leaf
from intended_core.errors import AuditError

OPENING = SlotOpening(
    slot=3, salt=b"s" * 16, origin="o/ä", generation=1, size=7, root=b"r" * 32, previous=FIRST_LEAF
)  # fmt: skip


def test_the_leaf_is_as_the_reference_says() -> None:
    origin = "o/ä".encode()
    text = b"intended.audit/slot.v1\0" + (3).to_bytes(8, "big") + b"s" * 16 + len(origin).to_bytes(2, "big") + origin
    text += (1).to_bytes(8, "big") + (7).to_bytes(8, "big") + b"r" * 32 + bytes(32)
    assert slot_leaf(OPENING) == sha256(b"\0" + text).digest()


def test_every_member_moves_the_leaf() -> None:
    others = [
        replace(OPENING, slot=4), replace(OPENING, salt=b"t" * 16), replace(OPENING, origin="o/b"), replace(OPENING, generation=2),
        replace(OPENING, size=8), replace(OPENING, root=b"q" * 32), replace(OPENING, previous=b"p" * 32),
    ]  # fmt: skip
    assert len({slot_leaf(OPENING), *map(slot_leaf, others)}) == 8


@pytest.mark.parametrize(
    "bad",
    [
        {"slot": -1}, {"slot": 2**17}, {"salt": b"s"}, {"origin": ""}, {"origin": "x" * 256}, {"generation": -1}, {"size": -1},
        {"size": 2**53}, {"root": b""}, {"previous": b"x"},
    ],
)  # fmt: skip
def test_an_opening_that_no_sealer_makes_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(AuditError):
        slot_leaf(replace(OPENING, **bad))  # type: ignore[arg-type]


def test_salts_and_masks_differ_by_epoch_and_tenant() -> None:
    one, two = SlotKey(b"k" * 32, place=b"a"), SlotKey(b"k" * 32, place=b"b")
    assert len({one.of(1), one.of(2), two.of(1)}) == 3
    hidden = one.hide(9, generation=2, size=77)
    assert one.find(9, hidden) == (2, 77)
    assert one.find(8, hidden) != (2, 77)
    assert "k" * 4 not in repr(one)


def test_padding_is_another_in_every_epoch() -> None:
    first, second = padding(b"p" * 32, 1, 16), padding(b"p" * 32, 2, 16)
    assert len(first) == 16 * 32
    assert first != second
    assert len({first[at : at + 32] for at in range(0, 512, 32)}) == 16
