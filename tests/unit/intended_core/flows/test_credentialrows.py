"""Rows that say which credentials count no longer."""

from __future__ import annotations

import pytest

from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.credentialrows import MAX_IDS, Withdrawn, credential_key, withdrawal_digest
from intended_core.unit import Row
from tests.reference.flow_world import World

ID = "A" * 22


def row(body: bytes, adapter: str = "bank") -> Row:
    key = credential_key(adapter)
    return Row(key.kind, key.key, 1, "ENGAGED", body, b"")


def test_a_row_there_and_back() -> None:
    made = Withdrawn(adapter="bank", until_us=7, ids={ID: 9})
    assert Withdrawn.from_row(row(made.to_body())) == made


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"adapter":"bank","ids":{},"until":"x"}', b'{"adapter":"bank","ids":[],"until":0}',
     b'{"adapter":"bank","ids":{"a":"b"},"until":0}', b'{"adapter":"vault","ids":{},"until":0}', b'{"adapter":"!","ids":{},"until":0}'],
)  # fmt: skip
def test_a_damaged_row_is_an_error(body: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        Withdrawn.from_row(row(body))


def test_by_time_and_by_id() -> None:
    made = Withdrawn(adapter="bank", until_us=100, ids={ID: 9})
    assert made.holds("B" * 22, 100)
    assert not made.holds("B" * 22, 101)
    assert made.holds(ID, 101)


def test_all_takes_in_every_single_one_and_never_goes_back() -> None:
    made = Withdrawn(adapter="bank", until_us=100, ids={ID: 9}).all_until(50)
    assert (made.until_us, dict(made.ids)) == (100, {ID: 9})
    later = made.all_until(200)
    assert later.until_us == 200
    assert later.holds(ID, 300)


def test_single_ones_are_forgotten_when_they_have_ended_and_are_bounded() -> None:
    made = Withdrawn(adapter="bank")
    for number in range(MAX_IDS):
        made = made.one(f"{number:022d}", end_s=10, now_s=5)
    with pytest.raises(UnitRefusedError) as caught:
        made.one(ID, end_s=10, now_s=5)
    assert caught.value.code == "too_many"
    assert made.one(ID, end_s=20, now_s=10).ids == {ID: 20}


def test_what_is_signed_names_everything() -> None:
    scope = World().context.scope
    seen = {
        withdrawal_digest(scope, adapter, one, reason, version)
        for adapter in ("bank", "vault") for one in ("", ID) for reason in ("a", "b") for version in (1, 2)
    }  # fmt: skip
    assert len(seen) == 16
