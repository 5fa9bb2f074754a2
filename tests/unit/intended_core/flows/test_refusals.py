"""Refusals before the signature check: counted, and recorded now and then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intended_core import TokenError
from intended_core.errors import StoreError
from intended_core.flows.effects import Commit, Now, Random
from intended_core.flows.refusals import UNRECORDED, count_refusal, count_unseen, record_counts
from intended_core.tokens.refusal_counts import AT_ONCE
from tests.reference.flow_world import NOW_US, World, at, pay, raising, trace


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> Iterator[World]:
    made.restore()
    yield made
    made.check()


def forged(world: World) -> str:
    head, claims, signature = world.token.split(".")
    return f"{head}.{claims}.{signature[:10]}{'A' if signature[10] != 'A' else 'B'}{signature[11:]}"


def refuse(world: World, token: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(TokenError):
            world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_handful_waits_and_ten_are_recorded_at_once(world: World) -> None:
    size = world.head.size
    refuse(world, forged(world), AT_ONCE - 1)
    assert world.head.size == size
    refuse(world, forged(world))
    assert world.kinds(size) == ["refusals.counted"]
    body = world.body()
    assert {name: body[name] for name in ("code", "count", "from_us", "until_us")} == {
        "code": "token.signature", "count": AT_ONCE, "from_us": NOW_US, "until_us": NOW_US,
    }  # fmt: skip


def test_a_flood_is_one_record_in_an_interval(world: World) -> None:
    size = world.head.size
    for _ in range(5):
        refuse(world, forged(world), 40)
        world.clock.advance(seconds=11)
    refuse(world, forged(world), 40)
    assert world.kinds(size) == ["refusals.counted"]
    world.clock.advance(seconds=6)
    refuse(world, forged(world))
    assert world.kinds(size) == ["refusals.counted"] * 2
    assert world.body()["count"] == 6 * 40 + 1 - AT_ONCE


def test_each_reason_has_its_own(world: World) -> None:
    size = world.head.size
    refuse(world, forged(world), AT_ONCE)
    refuse(world, "a.b.c", AT_ONCE)
    assert world.kinds(size) == ["refusals.counted"] * 2
    assert {world.body(-1)["code"], world.body(-2)["code"]} == {"token.signature", "token.base64"}


def test_a_sweep_records_what_is_pending(world: World) -> None:
    size = world.head.size
    refuse(world, forged(world), 3)
    assert world.tenant.sweep().counted == 3
    assert world.kinds(size) == ["refusals.counted"]
    assert world.tenant.sweep().counted == 0


def test_who_asks_for_an_attempt_with_a_forged_token_is_counted(world: World) -> None:
    with pytest.raises(TokenError):
        world.tenant.attempted(forged(world), "A" * 22, adapter=world.tenant.adapter("bank"))
    assert world.context.refusals.pending == 1


def test_a_token_that_this_authority_signed_is_no_matter_of_counts(world: World) -> None:
    size = world.head.size
    refuse(world, world.spent, 3)
    assert world.kinds(size) == ["replay.refused"] * 3
    assert world.context.refusals.pending == 0


def test_what_cannot_be_recorded_is_recorded_later(world: World) -> None:
    refuse(world, forged(world), AT_ONCE - 1)
    for kind in (Now, Random, Commit):
        seen = trace(world, record_counts(world.context), at(kind, raising(StoreError("down"))))
        assert (seen.error, seen.result) == (None, 0)
        assert world.context.refusals.pending == AT_ONCE - 1
    seen = trace(
        world, count_refusal(world.context, "token.signature", salt=b"s" * 16, now_us=NOW_US), at(Commit, raising(StoreError("down")))
    )
    assert seen.error is None
    assert trace(world, record_counts(world.context)).result == AT_ONCE


def test_a_reason_that_is_not_on_the_list_is_not_counted(world: World) -> None:
    assert trace(world, count_unseen(world.context, "token.expired")).effects == ()
    for kind in (Now, Random):
        assert trace(world, count_unseen(world.context, "token.size"), at(kind, raising(StoreError("down")))).error is None
    trace(world, count_unseen(world.context, "token.size"))
    assert world.context.refusals.pending == 1
    assert "token.expired" not in UNRECORDED


def test_in_a_store_that_was_rolled_back_they_are_counted_all_the_same(world: World) -> None:
    world.context.heads.suspect(1)
    size = world.head.size
    refuse(world, forged(world), AT_ONCE)
    assert "refusals.counted" in world.kinds(size)


def test_a_refusal_that_the_log_did_not_take_is_counted_and_said_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    size = world.head.size

    def full(unit: object) -> object:
        raise StoreError("no space is left")

    with monkeypatch.context() as troubled:
        troubled.setattr(world.runtime.storage, "commit", full)
        with pytest.raises(TokenError):
            world.tenant.redeem(world.token, pay("99.00"), adapter=world.tenant.adapter("bank"))
    assert world.tenant.context.refusals.pending == 1
    assert world.tenant.sweep().counted == 1
    assert world.kinds(size) == ["refusals.counted"]
    assert (world.body()["code"], world.body()["count"]) == ("refusal.unwritten", 1)
