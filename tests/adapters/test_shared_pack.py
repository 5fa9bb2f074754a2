"""Many tenants, one pack that the host writes: the same bytes in each, held to their digest, and nothing of one tenant in another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intended_core import (
    Authority,
    Deny,
    Entity,
    EntityRef,
    Granted,
    Intent,
    ManualClock,
    PolicyError,
    TenantAuthority,
    lock_packs,
)
from tests.house.source import ROOT

STORY = ROOT / "policies" / "examples" / "shared-pack"
SHARED = (STORY / "assistants.policy").read_text(encoding="utf-8")
OWN = (STORY / "tenant.policy").read_text(encoding="utf-8")
PACK = "host::assistants"
TENANTS = tuple(f"tenant-{number}" for number in range(5))
TEN = 1_800_000_000_000_000  # a morning, after the hours that acme::rules forbids


def ref(kind: str, name: str) -> EntityRef:
    return EntityRef(f"{PACK}::{kind}", name)


BOT, TICKET = ref("Assistant", "bot"), ref("Ticket", "t1")
ENTITIES = [
    Entity(ref=ref("Group", "support")),
    Entity(ref=ref("Person", "ann"), parents=frozenset({ref("Group", "support")})),
    Entity(ref=BOT, parents=frozenset({ref("Group", "support")}), attributes={"owner": ref("Person", "ann")}),
    Entity(ref=TICKET, attributes={"customer": ref("Person", "ann"), "labels": ["shoes"]}),
]


def files(number: int, shared: str = SHARED) -> dict[str, str]:
    """A tenant's set: what it writes itself, beside the pack, wherever it keeps that."""
    own = OWN.replace("acme::rules", f"tenant{number}::rules").replace("acme.night", f"tenant{number}.night")
    return {f"{number}/rules.policy": own, f"vendor-{number}/assistants.policy": shared}


def refund(eur: str) -> Intent:
    return Intent(
        principal=BOT, action=f"{PACK}::refund", resource=TICKET, args={"eur": eur}, origins={"eur": ["record"]}
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Authority, dict[str, bytes]]]:
    for name in ("store", "keys"):
        (tmp_path / name).mkdir()
    locks = {PACK: lock_packs({"assistants.policy": SHARED.encode()})[PACK]}
    with Authority.create(
        tmp_path / "store" / "a.db", key_file=tmp_path / "keys" / "kek", durability="normal", clock=ManualClock(TEN)
    ) as authority:
        for number, name in enumerate(TENANTS):
            tenant = authority.create_tenant(name, algorithm="Ed25519")
            tenant.activate(files(number), packs=locks)
            tenant.put_entities(ENTITIES)
            tenant.data.set(params={f"{PACK}::refund_limit": f"{10 * number}.00"}, tables={f"{PACK}::protected_labels": ["legal"]})
        yield authority, locks


def largest(tenant: TenantAuthority) -> int:
    """Up to how many tens of euros this tenant's assistant refunds."""
    return sum(isinstance(tenant.authorize(refund(f"{10 * step}.00"), audience="shop"), Granted) for step in range(1, 6))


def test_each_tenant_decides_by_the_same_pack_and_by_its_own_values(house: tuple[Authority, dict[str, bytes]]) -> None:
    authority, _ = house
    tenants = [authority.tenant(name) for name in TENANTS]
    assert [largest(tenant) for tenant in tenants] == [0, 1, 2, 3, 4]
    digests = {tenant.policy().policy.digest for tenant in tenants}  # type: ignore[union-attr]
    assert len(digests) == len(TENANTS), "each set has its tenant's own file beside the pack"
    token = tenants[4].require(refund("10.00"), audience="shop")
    for other in tenants[:4]:
        with pytest.raises(Exception, match="not honoured"):
            other.redeem(token, refund("10.00").call(), adapter=other.adapter("shop"))
    tenants[4].redeem(token, refund("10.00").call(), adapter=tenants[4].adapter("shop"))


@pytest.mark.parametrize(
    "changed",
    [SHARED + "\n", SHARED.replace("<= refund_limit", "<= refund_limit + 1000.00"), SHARED.replace('version "2026.11"', 'version "2026.12"')],
    ids=["a-byte", "a-limit", "a-version"],
)
def test_a_pack_with_another_byte_is_refused_and_nothing_changed(house: tuple[Authority, dict[str, bytes]], changed: str) -> None:
    authority, locks = house
    tenant = authority.tenant(TENANTS[2])
    size, before = tenant.head().size, largest(tenant)
    in_force = tenant.policies.active()
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        tenant.activate(files(2, changed), packs=locks)
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        tenant.policies.draft(files(2, changed), packs=locks)
    assert tenant.policies.active() == in_force
    assert largest(tenant) == before
    assert tenant.head().size > size


def test_a_file_that_slips_into_the_pack_is_refused(house: tuple[Authority, dict[str, bytes]]) -> None:
    """A tenant that names the host's pack in a file of its own would write the host's rules."""
    authority, locks = house
    tenant = authority.tenant(TENANTS[0])
    slipped = f'policy pack {PACK} version "2026.11";\n@id("x") permit everything {{ action == refund; because "mine"; }}\n'
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        tenant.activate({**files(0), "more.policy": slipped}, packs=locks)
    with pytest.raises(PolicyError, match="imported and not locked"):
        authority.create_tenant("newcomer", algorithm="Ed25519").activate(files(0), packs={})
    assert isinstance(tenant.authorize(refund("10.00"), audience="shop"), Deny)


def test_the_next_version_goes_to_one_tenant_after_the_other(house: tuple[Authority, dict[str, bytes]]) -> None:
    authority, _ = house
    newer = SHARED.replace("args.eur > 0.00 and", "args.eur >= 1.00 and").replace("2026.11", "2026.12")
    locks = {PACK: lock_packs({"a.policy": newer.encode()})[PACK]}
    first, second = authority.tenant(TENANTS[3]), authority.tenant(TENANTS[4])
    first.activate(files(3, newer), packs=locks)
    assert isinstance(first.authorize(refund("0.50"), audience="shop"), Deny)
    assert isinstance(second.authorize(refund("0.50"), audience="shop"), Granted)


def test_a_lock_is_kept_and_holds_whoever_says_nothing(house: tuple[Authority, dict[str, bytes]]) -> None:
    authority, locks = house
    tenant, desk = authority.tenant(TENANTS[2]), authority.tenant(TENANTS[2]).policies
    changed = SHARED + "\n"
    theirs = lock_packs({"a.policy": changed.encode()})[PACK]
    for act in (tenant.activate, desk.draft):
        with pytest.raises(PolicyError) as refused:
            act(files(2, changed))
        for part in (PACK, locks[PACK].hex(), theirs.hex(), "--pack"):
            assert part in str(refused.value)
    assert desk.list() == ()
    tenant.activate(files(2))
    kept = desk.active()
    assert kept is not None
    assert kept.packs == locks


def test_a_lock_outlives_a_set_that_leaves_the_pack_out(house: tuple[Authority, dict[str, bytes]]) -> None:
    authority, _ = house
    tenant = authority.tenant(TENANTS[1])
    tenant.data.set(remove=[f"{PACK}::refund_limit", f"{PACK}::protected_labels"])
    tenant.activate({"a.policy": "entity Other {}\n"})
    with pytest.raises(PolicyError, match="is not the one that is locked here"):
        tenant.activate(files(1, SHARED + "\n"))
    tenant.activate(files(1, SHARED + "\n"), unlock=[PACK])
    active = tenant.policies.active()
    assert active is not None
    assert active.packs == {}


def test_a_set_from_before_the_lock_comes_back_only_by_name(house: tuple[Authority, dict[str, bytes]]) -> None:
    """Rolling back, promoting: the locks are those of the place where it is drafted."""
    authority, locks = house
    tenant = authority.tenant(TENANTS[0])
    newer = SHARED + "\n"
    tenant.activate(files(0, newer), packs=lock_packs({"a.policy": newer.encode()}))
    with pytest.raises(PolicyError, match="is not the one that is locked here"):
        tenant.policies.rollback()
    with pytest.raises(PolicyError, match="is not the one that is locked here"):
        authority.tenant(TENANTS[0]).policies.promote(authority.tenant(TENANTS[1]).policies.tested())
    back = tenant.policies.rollback(packs=locks)
    assert back.locks.packs == locks
    tenant.policies.check(back.draft_id)
    tenant.policies.activate(back.draft_id)
    active = tenant.policies.active()
    assert active is not None
    assert active.packs == locks
