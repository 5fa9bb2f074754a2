"""A hold's row has one form, and stands under the record that placed it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.holds import Kept, Later
from intended_core.errors import StoreCorruptError
from intended_core.flows.haltrows import gather
from intended_core.flows.holdrows import Hold, hold_key
from intended_core.ids import EntityRef
from intended_core.unit import Row

HOLD = Hold(
    seq=9, kept=Kept(places=((3, 5),), size=8, later=Later(kinds=("decision.allow",), threads=("t",))), reason="case", basis="order",
    by=(EntityRef("User", "ann"), EntityRef("User", "bob")), at_us=7, stands=True,
)  # fmt: skip


def row(hold: Hold = HOLD, state: str = "PLACED") -> Row:
    return Row("halt", hold_key(hold.seq).key, 1, state, hold.to_body(), b"")


def test_there_and_back() -> None:
    assert Hold.from_row(row()) == HOLD
    assert Hold.from_row(row(state="LIFTED")) == replace(HOLD, stands=False)
    ends = replace(HOLD, kept=replace(HOLD.kept, later=None))
    assert Hold.from_row(row(ends)) == ends
    assert (HOLD.covers(3, "x", ""), replace(HOLD, stands=False).covers(3, "x", "")) == (True, False)


def test_any_other_form_is_damage() -> None:
    good = row()
    for bad in (
        replace(good, key="hold:8"), replace(good, state="STANDS"), replace(good, body=b"{}"), replace(good, body=good.body + b" "),
        replace(good, body=good.body.replace(b'"size":', b'"sise":')), replace(good, body=b"[]"),
    ):  # fmt: skip
        with pytest.raises(StoreCorruptError):
            Hold.from_row(bad)


def test_a_hold_stops_no_intent() -> None:
    later = replace(HOLD, seq=12)
    found = gather([row(later), row(), row(replace(HOLD, seq=11), "LIFTED")])
    assert (found.none, [hold.seq for hold in found.holds]) == (True, [9, 12])
    assert gather([row(state="LIFTED")]).holds == ()
