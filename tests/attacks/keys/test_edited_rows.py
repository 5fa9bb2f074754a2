"""Attacks on rows: every member of an authentic row or head is changed, moved or put elsewhere, and none counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import StoreCorruptError
from intended_core.ids import Scope
from intended_core.keys.rowmac import AuthenticRow, RowMac
from intended_core.unit import Head, Row
from tests.reference.token_world import OTHER, SCOPE

MAC = RowMac(b"\x07" * 32)
ROW = MAC.seal_row(SCOPE, "nonce", "AAAA", 3, "ISSUED", b'{"aud":"payments"}')
STATE = b'{"size":7}'
HEAD = Head(5, STATE, MAC.tag_head(SCOPE, 5, STATE))


def test_the_honest_row_and_head() -> None:
    assert MAC.check(SCOPE, ROW).row is ROW
    assert MAC.check_head(SCOPE, HEAD) is HEAD


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "halt"},
        {"key": "AAAB"},
        {"key": ""},
        {"version": 2},
        {"version": 4},
        {"version": 0},
        {"version": -3},
        {"version": True},
        {"version": "3"},
        {"version": None},
        {"state": "CONSUMED"},
        {"state": ""},
        {"body": b'{"aud":"evil"}'},
        {"body": b""},
        {"body": ROW.body + b" "},
        {"body": None},
        {"mac": b""},
        {"mac": bytes(32)},
        {"mac": ROW.mac[:31]},
        {"mac": ROW.mac + b"\x00"},
        {"mac": None},
        {"mac": "x" * 32},
        {"key": "\ud800"},
        {"state": None},
        {"body": [1]},
        {"kind": "nonc", "key": "eAAAA"},
        {"key": "AAAAI", "state": "SSUED"},
    ],
    ids=repr,
)
def test_an_edited_row(change: dict[str, object]) -> None:
    MAC.check(SCOPE, ROW)
    with pytest.raises(StoreCorruptError):
        MAC.check(SCOPE, replace(ROW, **change))  # type: ignore[arg-type]


def test_every_flipped_bit_of_a_tag() -> None:
    for index in range(32):
        for bit in range(8):
            mac = ROW.mac[:index] + bytes([ROW.mac[index] ^ (1 << bit)]) + ROW.mac[index + 1 :]
            with pytest.raises(StoreCorruptError):
                MAC.check(SCOPE, replace(ROW, mac=mac))


@pytest.mark.parametrize(
    "scope",
    [OTHER, replace(SCOPE, environment="test"), replace(SCOPE, tenant="acmf"), Scope("acme", OTHER.uuid, "live"),
     Scope("acm", "e" + SCOPE.uuid, "live")],
    ids=str,
)  # fmt: skip
def test_a_row_or_head_moved_to_another_scope(scope: Scope) -> None:
    MAC.check(SCOPE, ROW)
    with pytest.raises(StoreCorruptError):
        MAC.check(scope, ROW)
    with pytest.raises(StoreCorruptError):
        MAC.check_head(scope, HEAD)


@pytest.mark.parametrize(
    "change",
    [{"version": 4}, {"version": 6}, {"state": b'{"size":6}'}, {"mac": bytes(32)}, {"mac": None}, {"state": None}],
    ids=repr,
)
def test_an_edited_head(change: dict[str, object]) -> None:
    with pytest.raises(StoreCorruptError):
        MAC.check_head(SCOPE, replace(HEAD, **change))  # type: ignore[arg-type]


def test_a_tag_under_another_key() -> None:
    with pytest.raises(StoreCorruptError):
        RowMac(b"\x08" * 32).check(SCOPE, ROW)


def test_a_heads_tag_is_no_rows_tag() -> None:
    forged = Row(kind="", key="", version=5, state="", body=STATE, mac=HEAD.mac)
    with pytest.raises(StoreCorruptError):
        MAC.check(SCOPE, forged)


def test_remembered_rows_do_not_vouch_for_others() -> None:
    for number in range(5000):
        row = MAC.seal_row(SCOPE, "entity", str(number), 1, "", b"x")
        assert MAC.check(SCOPE, row).row == row
    with pytest.raises(StoreCorruptError):
        MAC.check(SCOPE, replace(ROW, body=b"x"))


def test_nobody_else_makes_an_authentic_row() -> None:
    with pytest.raises(TypeError):
        AuthenticRow(ROW)
    with pytest.raises(TypeError):
        AuthenticRow(ROW, object())
