"""The desk of policy sets; and test and live apart, with a promotion from the one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intended_core import Authority, IntentError, PolicyError, TenantAuthority, TokenError, UnitRefusedError, lock_packs
from tests.reference.data_world import EVE, EVE_KEY, LOWER, WITH_DATA, data_world
from tests.reference.flow_world import ENTITIES, POLICY, World, intent, pay


@pytest.fixture
def world() -> World:
    made = data_world()
    made.restore()
    return made


def test_a_rollback_goes_the_way_of_every_draft(world: World) -> None:
    desk = world.tenant.policies
    world.tenant.activate({"bank.policy": LOWER})
    draft = desk.rollback()
    assert (draft.state, draft.note.startswith("rollback to ")) == ("DRAFT", True)
    desk.check(draft.draft_id)
    desk.activate(draft.draft_id)
    assert desk.active().sources == {"bank.policy": WITH_DATA}  # type: ignore[union-attr]
    assert repr(desk) == "PoliciesDesk('acme', 'live')"


def test_an_empty_set_and_a_key_of_nobody(world: World) -> None:
    with pytest.raises(PolicyError):
        world.tenant.policies.draft({})
    with pytest.raises(IntentError):
        world.tenant.policies.draft({"a.policy": POLICY}, key=EVE_KEY)
    draft = world.tenant.policies.draft({"a.policy": POLICY}, drafter=EVE)
    with pytest.raises(TypeError):
        world.tenant.policies.sign(draft.draft_id)


def test_test_and_live_are_apart_and_a_set_is_promoted_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with Authority.create(tmp_path / "store" / "a.db", key_file=tmp_path / "kek", durability="normal") as authority:
        test, live = authority.create_tenant("acme", "test"), authority.create_tenant("acme", "live")
        test.activate({"bank.policy": POLICY})
        test.put_entities(ENTITIES)
        live.put_entities(ENTITIES)
        assert live.policies.active() is None
        granted = test.authorize(intent(), audience="bank")
        # Keys, nonces, logs and sets are of one environment: its token is nothing in the other, and neither is its handle.
        keys_of_test, keys_of_live = test.keys(), live.keys()
        assert not {key.kid for key in keys_of_test} & {key.kid for key in keys_of_live}
        assert test.checkpoint()[1] != live.checkpoint()[1]
        with pytest.raises(TokenError):
            live.redeem(granted.token, pay(), adapter=live.adapter("bank"))  # type: ignore[union-attr]
        with pytest.raises(Exception, match="another tenant or environment"):
            live.redeem(granted.token, pay(), adapter=test.adapter("bank"))  # type: ignore[union-attr]
        tried = test.policies.tested()
        draft = live.policies.promote(tried)
        assert draft.tested is not None
        assert (draft.tested.environment, draft.tested.digest, draft.content) == ("test", tried.tested.digest, tried.tested.digest)
        live.policies.check(draft.draft_id)
        done = live.policies.activate(draft.draft_id)
        assert done.digest == test.policies.active().digest  # type: ignore[union-attr]
        # Approving and activating there moves nothing here, and other sources than the tested ones are no promotion.
        other = type(tried)(sources={"bank.policy": LOWER}, tested=tried.tested)
        with pytest.raises(PolicyError, match="not the sources that were tested"):
            live.policies.promote(other)
        with pytest.raises(UnitRefusedError, match="no draft"):
            test.policies.show(draft.draft_id)


SHOP = 'policy pack shop version "1";\nentity Shelf {}\n'
WITH_SHOP = {"bank.policy": "import shop as shop;\n" + POLICY, "shop.policy": SHOP}
OTHER_SHOP = {**WITH_SHOP, "shop.policy": SHOP + "\n"}


def locks_of(sources: dict[str, str]) -> dict[str, bytes]:
    return {"shop": lock_packs({"shop.policy": sources["shop.policy"].encode()})["shop"]}


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[TenantAuthority, TenantAuthority]]:
    (tmp_path / "store").mkdir()
    with Authority.create(tmp_path / "store" / "a.db", key_file=tmp_path / "kek", durability="normal") as authority:
        yield authority.create_tenant("acme", "test"), authority.create_tenant("acme", "live")


def test_a_promotion_brings_the_locks_along_under_which_the_set_was_tested(both: tuple[TenantAuthority, TenantAuthority]) -> None:
    test, live = both
    test.activate(WITH_SHOP, packs=locks_of(WITH_SHOP))
    draft = live.policies.promote(test.policies.tested())
    assert draft.locks.packs == locks_of(WITH_SHOP)
    live.policies.check(draft.draft_id)
    live.policies.activate(draft.draft_id)
    assert live.policies.active().packs == locks_of(WITH_SHOP)  # type: ignore[union-attr]
    with pytest.raises(PolicyError, match="is not the one that is locked here"):
        live.activate(OTHER_SHOP)
    assert live.policies.promote(test.policies.tested()).locks.packs is None  # it stands here already
    # A lock whose pack the set leaves out stays where it is, and is not brought along.
    test.activate({"bank.policy": POLICY})
    assert test.policies.active().packs == locks_of(WITH_SHOP)  # type: ignore[union-attr]
    assert live.policies.promote(test.policies.tested()).locks.packs is None


def test_a_promotion_moves_no_lock(both: tuple[TenantAuthority, TenantAuthority]) -> None:
    test, live = both
    live.activate(WITH_SHOP, packs=locks_of(WITH_SHOP))
    test.activate(OTHER_SHOP, packs=locks_of(OTHER_SHOP))
    with pytest.raises(PolicyError, match="is not the one that is locked here") as refused:
        live.policies.promote(test.policies.tested())
    assert all(each.hex() in str(refused.value) for sources in (WITH_SHOP, OTHER_SHOP) for each in locks_of(sources).values())
    moved = live.policies.promote(test.policies.tested(), packs=locks_of(OTHER_SHOP))
    assert moved.locks.packs == locks_of(OTHER_SHOP)
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        live.policies.promote(test.policies.tested(), packs=locks_of(WITH_SHOP))


def test_what_is_said_with_a_promotion_goes_before_what_it_brings(both: tuple[TenantAuthority, TenantAuthority]) -> None:
    test, live = both
    test.activate(WITH_SHOP, packs=locks_of(WITH_SHOP))
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        live.policies.promote(test.policies.tested(), packs=locks_of(OTHER_SHOP))
    with pytest.raises(PolicyError, match="not locked here, so there is nothing to unlock"):
        live.policies.promote(test.policies.tested(), unlock=["shop"])
    assert live.policies.list() == ()
