"""The model store: the kit, its steps, and its snapshots."""

from __future__ import annotations

import pytest

from intended_core.errors import StoreBusyError, StoreError
from intended_core.testing.model_store import STEPS, ModelStorage
from intended_core.testing.storage_cases import ACME, RIVAL, advance, check_log, issue
from intended_core.testing.storage_conformance import StorageConformance


class ModelHarness:
    processes = False
    durable = False

    def create(self) -> ModelStorage:
        return ModelStorage()

    def reopen(self) -> ModelStorage:
        raise NotImplementedError("the model does not outlive its process")


class TestModelStorage(StorageConformance):
    @pytest.fixture
    def harness(self) -> ModelHarness:
        return ModelHarness()


def _founded() -> ModelStorage:
    storage = ModelStorage()
    storage.create_scope(ACME)
    storage.commit(advance(ACME))
    return storage


def test_every_step_is_told_in_order() -> None:
    storage = _founded()
    told: list[str] = []
    storage.on_step = told.append
    storage.commit(issue(ACME, "n"))
    assert tuple(told) == STEPS


@pytest.mark.parametrize("at", STEPS)
def test_a_fault_at_each_step(at: str) -> None:
    storage = _founded()

    def break_at(step: str) -> None:
        if step == at:
            raise StoreBusyError("injected")

    storage.on_step = break_at
    with pytest.raises(StoreBusyError, match="injected"):
        storage.commit(issue(ACME, "n"))
    storage.on_step = None
    kept = at == "committed"
    assert len(storage.scan(ACME, "nonce")) == int(kept)
    check_log(storage, ACME, 1 + int(kept), f"after a fault at {at}")
    storage.commit(advance(ACME))
    check_log(storage, ACME, 2 + int(kept), "after the next unit")


def test_a_snapshot_put_back_is_the_store_of_then() -> None:
    storage = _founded()
    then = storage.snapshot()
    storage.commit(issue(ACME, "n"))
    storage.restore(then)
    assert storage.scan(ACME, "nonce") == ()
    check_log(storage, ACME, 1, "after restoring")
    storage.commit(issue(ACME, "n"))
    storage.restore(then)
    check_log(storage, ACME, 1, "a snapshot is not changed by what comes after it")


def test_a_unit_inside_a_unit_is_refused() -> None:
    storage = _founded()
    storage.create_scope(RIVAL)
    storage.on_step = lambda step: storage.commit(advance(RIVAL)) and None if step == "rows" else None
    with pytest.raises(StoreError, match="inside another"):
        storage.commit(advance(ACME))
    assert storage.head(RIVAL) is None
