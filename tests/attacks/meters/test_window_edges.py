"""Every kind of window, at its last millisecond and at the one after: nothing is spent twice, and nothing is refused too long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.world import AUDIENCE, ENTITIES, POLICY, intent
from intended_core import Authority, Deny, Granted, ManualClock, TenantAuthority
from intended_core.values import parse_datetime

SESSIONS = POLICY.replace("context: { risk: Int }", "context: { risk: Int, session: String }")
# the window, the moment of the first payment, the last millisecond in which it counts
WINDOWS = [
    ('calendar_day("UTC")', "2026-11-23T00:00:00Z", "2026-11-23T23:59:59.999Z"),
    ('calendar_day("Europe/Paris")', "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999Z"),  # 25 hours: the clocks are set back
    ('calendar_day("Europe/Paris")', "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999Z"),  # 23 hours: they are set forward
    ('calendar_month("Europe/Paris")', "2026-02-28T23:00:00Z", "2026-03-31T21:59:59.999Z"),  # March, across the change
    ('calendar_month("UTC")', "2028-02-01T00:00:00Z", "2028-02-29T23:59:59.999Z"),
    ("sliding(1h)", "2026-11-23T10:00:00Z", "2026-11-23T10:59:59.999Z"),
]


def tenant_at(folder: Path, window: str, moment: str) -> tuple[Authority, TenantAuthority, ManualClock]:
    for name in ("data", "keys"):
        (folder / name).mkdir()
    clock = ManualClock(parse_datetime(moment) * 1000)
    authority = Authority.create(folder / "data" / "a.db", key_file=folder / "keys" / "kek", clock=clock, durability="normal")
    tenant = authority.create_tenant("acme")
    meter = f"meter out {{ on: [transfer]; key: [resource]; window: {window}; amount: args.money.amount; }}\n"
    tenant.activate({"p.policy": SESSIONS + meter + '@id("budget") forbid over { meter out > 100.00; }\n'})
    tenant.put_entities(ENTITIES)
    return authority, tenant, clock


def pays(tenant: TenantAuthority, session: str = "a", amount: str = "60.00") -> bool:
    asked = replace(
        intent(), args={**intent().args, "money": {"amount": amount, "currency": "EUR"}}, context={"risk": 1, "session": session}
    )
    found = tenant.authorize(asked, audience=AUDIENCE)
    assert isinstance(found, Granted) or (isinstance(found, Deny) and found.rules == ("budget",)), found
    return isinstance(found, Granted)


@pytest.mark.parametrize(("window", "first", "last"), WINDOWS)
def test_to_the_last_millisecond_and_not_longer(tmp_path: Path, window: str, first: str, last: str) -> None:
    authority, tenant, clock = tenant_at(tmp_path, window, first)
    with authority:
        assert pays(tenant)
        assert not pays(tenant)
        assert pays(tenant, amount="40.00"), "exactly the ceiling"
        assert not pays(tenant, amount="0.01")
        clock.advance(seconds=(parse_datetime(last) - parse_datetime(first)) / 1000)
        assert not pays(tenant), "the last millisecond"
        clock.advance(seconds=0.001)
        assert pays(tenant), "the one after"
        assert not pays(tenant)


def test_a_clock_set_back_does_not_open_an_older_window(tmp_path: Path) -> None:
    authority, tenant, clock = tenant_at(tmp_path, 'calendar_day("UTC")', "2026-11-23T23:59:59.999Z")
    with authority:
        assert pays(tenant)
        clock.advance(seconds=0.001)
        assert pays(tenant)
        clock.advance(seconds=-0.001)
        assert not pays(tenant), "the day before is spent as well"
        clock.advance(seconds=-60)
        asked = replace(intent(), context={"risk": 1, "session": "a"})
        found = tenant.authorize(asked, audience=AUDIENCE)
        assert isinstance(found, Deny)
        assert found.kind == "clock"


def test_a_session_counts_for_itself_and_a_lifetime_for_ever(tmp_path: Path) -> None:
    authority, tenant, clock = tenant_at(tmp_path, "session(context.session)", "2026-11-23T10:00:00Z")
    with authority:
        assert pays(tenant, "a")
        assert pays(tenant, "b")
        clock.advance(seconds=400 * 86_400)
        assert not pays(tenant, "a")
        assert not pays(tenant, "b")
        assert pays(tenant, "a ")


def test_a_lifetime(tmp_path: Path) -> None:
    authority, tenant, clock = tenant_at(tmp_path, "lifetime", "2026-11-23T10:00:00Z")
    with authority:
        assert pays(tenant)
        clock.advance(seconds=4_000 * 86_400)
        assert not pays(tenant)
