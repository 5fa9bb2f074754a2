from __future__ import annotations

import hmac
from dataclasses import replace

import pytest

from intended_core.canonical import frame
from intended_core.errors import KeyRingError, StoreCorruptError
from intended_core.keys.rowmac import RowMac
from tests.reference.token_world import SCOPE

KEY = bytes(range(32))


def test_tag_is_the_documented_hmac() -> None:
    wanted = hmac.new(
        KEY,
        frame(
            b"intended.row-tag/v1",
            b"acme",
            SCOPE.uuid.encode(),
            b"live",
            b"nonce",
            b"k",
            b"ISSUED",
            (3).to_bytes(8, "big"),
            b"body",
        ),
        "sha256",
    ).digest()
    assert RowMac(KEY).tag(SCOPE, "nonce", "k", 3, "ISSUED", b"body") == wanted


def test_head_tag_is_the_documented_hmac() -> None:
    wanted = hmac.new(
        KEY,
        frame(b"intended.head-tag/v1", b"acme", SCOPE.uuid.encode(), b"live", b"", (9).to_bytes(8, "big"), b"state"),
        "sha256",
    ).digest()
    assert RowMac(KEY).tag_head(SCOPE, 9, b"state") == wanted


def test_a_checked_row_is_remembered_as_the_same_value() -> None:
    mac = RowMac(KEY)
    row = mac.seal_row(SCOPE, "nonce", "k", 1, "ISSUED", b"body")
    assert mac.check(SCOPE, row) is mac.check(SCOPE, row)


@pytest.mark.parametrize("version", [0, -1, 2**63, True, "1", None, 1.0], ids=repr)
def test_versions_count_from_one(version: object) -> None:
    with pytest.raises(KeyRingError):
        RowMac(KEY).tag(SCOPE, "nonce", "k", version, "ISSUED", b"body")  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_key_size(size: int) -> None:
    with pytest.raises(KeyRingError):
        RowMac(b"k" * size)


def test_a_row_without_a_kind_is_not_tagged_as_a_head():
    mac = RowMac(KEY)
    mac.tag_head(SCOPE, 1, b"state")
    assert mac.tag(SCOPE, "", "", 1, "", b"state") != mac.tag_head(SCOPE, 1, b"state")
    assert mac.tag(SCOPE, "", "", 1, "", b"state") == RowMac(KEY).tag(SCOPE, "", "", 1, "", b"state")


def test_a_row_checked_once_is_authentic_and_not_remembered():
    mac = RowMac(KEY)
    row = mac.seal_row(SCOPE, "nonce", "n", 1, "ISSUED", b"body")
    assert mac.check_once(SCOPE, row).row is row
    assert mac.check_once(SCOPE, row) is not mac.check_once(SCOPE, row)
    with pytest.raises(StoreCorruptError):
        mac.check_once(SCOPE, replace(row, state="CONSUMED"))
