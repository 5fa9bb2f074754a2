"""Rosters name the version of every row that decides; a row at another version, or none, is damage."""

from __future__ import annotations

import pytest

from intended_core.canonical import pack
from intended_core.errors import StoreCorruptError
from intended_core.flows.roster import (
    ENTITY_ROSTER,
    GUARD_ROSTER,
    SHARDS,
    check_guards,
    check_shard,
    guard_name,
    roster_reads,
    shard_key,
    standing,
)
from intended_core.unit import Row


def row(kind: str = "policy", key: str = "roster", version: int = 1, body: bytes = b"{}") -> Row:
    return Row(kind, key, version, "STANDS", body, b"m" * 32)


def test_a_roster_stands_at_the_version_that_the_head_names() -> None:
    assert standing(None, 0) == {}
    assert standing(row(version=3, body=pack({"a": 2})), 3) == {"a": 2}
    for found, version in ((None, 1), (row(version=2), 3), (row(version=4), 3), (row(version=1), 0)):
        with pytest.raises(StoreCorruptError, match="not the one that the head names"):
            standing(found, version)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"a":0}', b'{"a":true}', b'{"a":"1"}', b'{"a":1,"a":1}'])
def test_a_damaged_roster(body: bytes) -> None:
    with pytest.raises(StoreCorruptError, match="damaged"):
        standing(row(body=body), 1)


def test_what_the_guards_are() -> None:
    assert guard_name(row("policy", "set:abc")) is None
    assert guard_name(row("policy", "roster")) is None
    assert guard_name(row("entity", "active")) is None
    names = {guard_name(row(kind, "active")) for kind in ("policy", "signing_key", "person", "halt")}
    assert len(names) == 4
    assert None not in names


def test_guards_are_exactly_the_named_ones() -> None:
    key, person = row("signing_key", "token:k", 2), row("person", 'User::"ann"', 1)
    roster = {str(guard_name(item)): item.version for item in (key, person)}
    kinds = ("signing_key", "person", "policy")
    check_guards(roster, [key, person], kinds=kinds)
    check_guards(roster, [key], kinds=("signing_key",))
    for rows in ([key], [person], [key, person, row("signing_key", "token:other")], [row("signing_key", "token:k", 1), person], [key, key, person]):
        with pytest.raises(StoreCorruptError, match="taken away or put back"):
            check_guards(roster, rows, kinds=kinds)


def test_an_entity_stands_as_its_shard_says() -> None:
    key = 'User::"\u00e4nn"'
    check_shard({}, key, None)
    with pytest.raises(StoreCorruptError, match="taken away or put back"):
        check_shard({}, key, row("entity", key))


def test_shards_are_bounded_and_read_once() -> None:
    keys = [f'User::"{number}"' for number in range(500)]
    reads = roster_reads(keys)
    assert reads[0] == ENTITY_ROSTER
    assert len(reads) == len(set(reads)) <= SHARDS + 1
    assert {shard_key(key) for key in keys} == set(reads[1:])
    assert GUARD_ROSTER not in reads
