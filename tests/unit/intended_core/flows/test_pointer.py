"""The pointer's row has one form; what is not said is not in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.canonical import canonical_json, parse_canonical
from intended_core.errors import StoreCorruptError
from intended_core.flows.pointer import POLICY_POINTER, PolicyPointer, change_json, changed_json, read_change
from intended_core.lang.locks import MAX_LOCKS, MAX_PACK_NAME, NO_CHANGE, LockChange
from intended_core.unit import Row

POINTER = PolicyPointer(digest=b"d" * 32, semantic=b"s" * 32, seq=7, before=(b"b" * 32,), kept=b"k" * 32, packs={"lib": b"l" * 32})
ONE, TWO = b"1" * 32, b"2" * 32


def row(body: bytes) -> Row:
    return Row(kind="policy", key="active", version=1, state="ACTIVE", body=body, mac=b"")


@pytest.mark.parametrize("pointer", [POINTER, replace(POINTER, before=(), kept=None, packs={})])
def test_it_is_read_back(pointer: PolicyPointer) -> None:
    assert PolicyPointer.from_row(row(pointer.to_body())) == pointer


def test_what_is_not_there_is_left_out() -> None:
    body = parse_canonical(replace(POINTER, kept=None, packs={}).to_body(), max_bytes=1024)
    assert isinstance(body, dict)
    assert sorted(body) == ["before", "digest", "semantic", "seq"]
    assert POLICY_POINTER.key == "active"


def test_the_longest_locks_fit() -> None:
    many = {f"{number:03}".ljust(MAX_PACK_NAME, "p"): ONE for number in range(MAX_LOCKS)}
    full = replace(POINTER, before=tuple(bytes([number]) * 32 for number in range(16)), packs=many)
    assert PolicyPointer.from_row(row(full.to_body())) == full


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", canonical_json({"digest": 5}), POINTER.to_body()[:-1]])
def test_a_damaged_row_is_refused(body: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        PolicyPointer.from_row(row(body))


@pytest.mark.parametrize("packs", [["lib"], "lib", {"lib": 1}, {"lib": "+"}])
def test_damaged_locks_are_refused(packs: object) -> None:
    body = parse_canonical(POINTER.to_body(), max_bytes=1024)
    assert isinstance(body, dict)
    with pytest.raises(StoreCorruptError):
        PolicyPointer.from_row(row(canonical_json({**body, "packs": packs})))  # type: ignore[dict-item]


@pytest.mark.parametrize("change", [NO_CHANGE, LockChange(packs={}), LockChange(packs={"a": ONE}, unlock=("b",)), LockChange(unlock=("b", "a"))])
def test_what_is_said_of_locks_is_read_back(change: LockChange) -> None:
    assert read_change({"content": "c", **change_json(change)}) == change


def test_a_record_names_each_lock_that_moved() -> None:
    found = changed_json({"gone": ONE, "same": ONE, "moved": ONE}, {"moved": TWO, "new": TWO, "same": ONE})
    assert [(name, before is None, after is None) for name, before, after in found] == [  # type: ignore[misc,union-attr]
        ("gone", False, True), ("moved", False, False), ("new", True, False),
    ]  # fmt: skip
    assert changed_json({"same": ONE}, {"same": ONE}) == []
