from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.secretrows import SecretRow, secret_key, secret_name, secret_place
from intended_core.unit import Row, RowKey
from tests.reference.token_world import OTHER, SCOPE

SECRET = SecretRow(adapter="bank", name="api-key", sealing=2, sealed=b"blob", created_us=1, changed_us=2)


def row(secret: SecretRow = SECRET, **changes: object) -> Row:
    members = {"kind": "secret", "key": "adapter:bank:api-key", "version": 3, "state": "STORED", "body": secret.to_body(), "mac": b""}
    return Row(**(members | changes))  # type: ignore[arg-type]


def test_there_and_back() -> None:
    assert SecretRow.from_row(row()) == SECRET
    gone = replace(SECRET, sealed=None)
    assert SecretRow.from_row(row(gone, state="REMOVED")) == gone
    assert secret_key("bank", "api-key") == RowKey("secret", "adapter:bank:api-key")


@pytest.mark.parametrize(
    "bad",
    [row(key="adapter:bank:other"), row(state="REMOVED"), row(replace(SECRET, sealed=None)), row(body=b""), row(body=b"[]"),
     row(body=b"{}"), row(body=SECRET.to_body().replace(b'"v":0', b'"v":1')), row(body=SECRET.to_body().replace(b'"bank"', b'"shop"')),
     row(body=SECRET.to_body().replace(b'"sealing":2', b'"sealing":"x"'))],
)  # fmt: skip
def test_a_damaged_row(bad: Row) -> None:
    with pytest.raises(StoreCorruptError):
        SecretRow.from_row(bad)


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a/b", "a:b", "ä", "a" * 65, "a\n", None, 1])
def test_a_name_that_is_none(name: object) -> None:
    with pytest.raises(IntentError):
        secret_name(name)  # type: ignore[arg-type]


def test_every_member_of_the_place_counts() -> None:
    aads = {
        secret_place(scope, secret).aad(b"label")
        for scope in (SCOPE, OTHER, replace(SCOPE, environment="test"))
        for secret in (SECRET, replace(SECRET, adapter="shop"), replace(SECRET, name="other"), replace(SECRET, sealing=1))
    }
    assert len(aads) == 12


def test_the_value_is_not_shown() -> None:
    assert "blob" not in repr(SECRET)
