"""Seats: what is kept of an epoch, and that only the seat's own key reads which head it was."""

from __future__ import annotations

import pytest

from intended_core.errors import StoreCorruptError
from intended_core.flows.seats import EpochRow, Seat, SlotBook
from intended_core.unit import Row
from tests.reference.sealed_world import SealedWorld


def test_an_epoch_row_is_read_back() -> None:
    made = EpochRow(width=16, cells={3: (b"a" * 32, b"x" * 16), 9: (b"b" * 32, b"y" * 16)})
    row = Row("epoch", "0", 1, "WHOLE", made.to_body(), b"")
    assert EpochRow.from_row(row) == made
    for body in (b"", made.to_body()[:-1], made.to_body() + b"x", b"\0\0\0\x10" + made.to_body()[5:]):
        with pytest.raises(StoreCorruptError):
            EpochRow.from_row(Row("epoch", "0", 1, "WHOLE", body, b""))


def test_a_seat_reads_a_changed_head_once() -> None:
    world = SealedWorld()
    tenant = world.tenant()
    seat = Seat(slot=3, context=tenant.context)
    head = world.store.head(tenant.scope)
    assert head is not None
    assert seat.read(head)[0] is seat.read(head)[0]
    world.grow()
    later = world.store.head(tenant.scope)
    assert later is not None
    assert seat.read(later)[0].size == seat.read(head)[0].size + 1
    assert "slot-key" not in repr(seat)


def test_two_logs_never_share_a_place() -> None:
    world = SealedWorld()
    book = SlotBook()
    book.take(Seat(slot=3, context=world.tenant("acme").context))
    assert (len(book), world.tenant("acme").scope in book, book.of(world.tenant("acme").scope).slot) == (1, True, 3)
    for slot, name in ((3, "beta"), (4, "acme")):
        with pytest.raises(StoreCorruptError):
            book.take(Seat(slot=slot, context=world.tenant(name).context))
    with pytest.raises(StoreCorruptError):
        book.of(world.tenant("beta").scope)
    with pytest.raises(StoreCorruptError, match="gone"):
        book.picture(0, {}, before=None, width=16, padding=bytes(512))
