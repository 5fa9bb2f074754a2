"""rewrap: every seal is carried to the key-encryption key now current, some rows in each unit, and every row opens at every moment."""

from __future__ import annotations

import pytest

from intended_core.errors import KeyRingError, StoreError, UnitRefusedError
from intended_core.flows.effects import Commit, LoadState, Rewrap
from intended_core.flows.rewrap import rewrap, sealed_in
from intended_core.flows.secrets import put_secret
from intended_core.keys.hidden import SecretBytes
from intended_core.keys.sealing import kek_of
from tests.reference.flow_world import World, at, intent, pay, raising, trace


def keks(world: World) -> list[str]:
    rows = [row for row in world.data().rows.values() if row.kind in ("secret", "signing_key")]
    return sorted(kek_of(blob) for row in rows for blob in sealed_in(row))


def works(world: World) -> None:
    token = world.tenant.require(intent(), audience="bank")
    world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))


@pytest.fixture
def sealed(world: World) -> World:
    world.tenant.secrets.put("bank", "api-key", b"S3CRET-VALUE")
    world.tenant.keyring.prepare()
    world.tenant.rotate_keys()
    return world.renew_kek()


def test_all_rows_are_carried_over_and_all_open(sealed: World) -> None:
    assert keks(sealed) == ["memory"] * 5
    size = sealed.head.size
    done = trace(sealed, rewrap(sealed.context, kek_id="newer"))
    assert (done.result.done, done.result.left) == (5, 0)
    assert keks(sealed) == ["newer"] * 5
    assert sealed.kinds(size) == ["key.rewrapped"]
    assert {name: sealed.body()[name] for name in ("kek", "rows", "left")} == {"kek": "newer", "rows": 5, "left": 0}
    sealed.check()
    sealed.reopen(kek="newer")
    works(sealed)
    assert trace(sealed, rewrap(sealed.context, kek_id="newer")).order == ["LoadState", "ScanRows", "ScanRows"]


def test_step_by_step_with_progress_and_working_after_each(sealed: World) -> None:
    for left in (4, 3, 2, 1, 0):
        step = trace(sealed, rewrap(sealed.context, kek_id="newer", limit=1)).result
        assert (step.done, step.left) == (1, left)
        sealed.reopen(kek="newer")
        works(sealed)
    told: list[int] = []
    sealed.reopen()
    assert sealed.tenant.keyring.rewrap("memory", progress=lambda step: told.append(step.left)) == 5
    assert told == [0]


@pytest.mark.parametrize("kind", [LoadState, Rewrap, Commit])
def test_what_fails_in_between_leaves_every_row_openable(sealed: World, kind: type) -> None:
    before = sealed.data()
    assert isinstance(trace(sealed, rewrap(sealed.context, kek_id="newer"), at(kind, raising(StoreError("broken")))).error, StoreError)
    assert sealed.data() == before
    sealed.reopen()
    works(sealed)


def test_a_row_under_a_key_that_is_not_here_stops_it(sealed: World) -> None:
    before = sealed.data()
    seen = trace(sealed, rewrap(sealed.context, kek_id="newer"), at(Rewrap, raising(KeyRingError("gone"))))
    assert isinstance(seen.error, KeyRingError)
    assert sealed.data() == before


def test_what_was_sealed_under_the_old_key_does_not_commit_behind_a_rewrap(sealed: World) -> None:
    """Another process takes a new key and rewraps while this one stands between its seal and its commit."""
    sealed.reopen()

    def other() -> None:
        kek = sealed.runtime.kek
        kek.kek_id = "newer"  # type: ignore[misc]
        sealed.tenant.keyring.rewrap("newer")

    seen = trace(sealed, put_secret(sealed.context, "bank", "late", SecretBytes(b"late")), at(Commit, other))
    assert seen.error is None
    assert set(keks(sealed)) == {"newer"}


def test_rows_that_never_stand_still_are_said(sealed: World) -> None:
    change = at(Commit, lambda: sealed.tenant.secrets.put("bank", "other", b"x"), times=99)
    seen = trace(sealed, rewrap(sealed.context, kek_id="newer"), change)
    assert isinstance(seen.error, UnitRefusedError)
    assert seen.error.code == "conflict"
