"""The kit's own parts: an expectation that is not met always fails."""

from __future__ import annotations

import pytest

from intended_core.errors import StoreConflictError, StoreError, UnitRefusedError
from intended_core.testing.model_store import ModelStorage
from intended_core.testing.storage_cases import ACME, advance, check_log, consume, expect, expect_error, fail, issue
from intended_core.unit import RowKey


def test_expectations_fail_when_they_should() -> None:
    expect(1, 1, "one")
    with pytest.raises(AssertionError, match="one: expected 2, got 1"):
        expect(1, 2, "one")
    with pytest.raises(AssertionError, match="never"):
        fail("never")


def test_an_expected_error_is_that_error() -> None:
    def refuse() -> None:
        raise StoreConflictError("x")

    assert isinstance(expect_error(StoreError, refuse, "a conflict"), StoreConflictError)
    with pytest.raises(AssertionError, match="nothing was raised"):
        expect_error(StoreError, lambda: None, "silence")
    with pytest.raises(AssertionError, match="got StoreConflictError"):
        expect_error(UnitRefusedError, refuse, "another")


def test_units_of_the_kit() -> None:
    storage = ModelStorage()
    storage.create_scope(ACME)
    storage.commit(advance(ACME))
    storage.commit(issue(ACME, "n"))
    assert storage.commit(consume(ACME, "n", b"mine")).answer == b"mine"
    with pytest.raises(UnitRefusedError, match="spent"):
        storage.commit(consume(ACME, "n", b"yours"))
    assert storage.read(ACME, [RowKey("nonce", "n")])[0].body == b"mine"
    check_log(storage, ACME, 3, "the three")
    with pytest.raises(AssertionError, match="the head's version"):
        check_log(storage, ACME, 4, "one too many")
