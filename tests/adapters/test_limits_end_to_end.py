"""Obligations and chains on a real authority: in the answer, the token and the record; what is not known here stops the act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.world import AUDIENCE, ENTITIES, NOW_US, POLICY, intent, make_tenant
from intended_core import AccessDeniedError, Authority, Deny, Entity, EntityRef, Granted, ManualClock, TenantAuthority
from intended_core.intent import Grant

BOT, HELPER = EntityRef("Agent", "bot"), EntityRef("Helper", "sub")
OBLIGED = POLICY.replace("entity Group;", "entity Group;\nobligation receipt(level: String) before;\nobligation tell(who: Agent) after;").replace(
    'in origin(args.payee);\n}', 'in origin(args.payee);\n  oblige receipt(level: "full"); oblige tell(who: principal);\n}'
)
CHAINED = POLICY.replace("entity Account", "entity Helper in Group { suspended: Bool }\nentity Account").replace(
    "principal: Agent; resource: Account; args: { money: Money, payee: Payee }; context: { risk: Int };",
    "principal: Agent, Helper; resource: Account; args: { money: Money, payee: Payee }; context: { risk: Int }; delegation: intersect;",
)
GRANT = Grant(
    issuer=BOT, subject=HELPER, actions=("transfer",), not_before="2026-11-01T00:00:00Z", not_after="2026-12-01T00:00:00Z", verified=True
)


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[TenantAuthority]:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").mkdir()
    clock = ManualClock(NOW_US)
    with Authority.create(tmp_path / "data" / "a.db", key_file=tmp_path / "keys" / "kek", clock=clock, durability="normal") as authority:
        yield make_tenant(authority)


def test_what_is_due_before_the_act_is_done_first(tenant: TenantAuthority) -> None:
    tenant.activate({"bench.policy": OBLIGED})
    done: list[object] = []
    adapter = tenant.adapter(AUDIENCE)
    with tenant.guard(intent(), adapter=adapter, obligations={"receipt": lambda values: done.append(dict(values))}):
        assert done == [{"level": "s:full"}]
    for handlers in ({}, {"tell": done.append}):
        with pytest.raises(AccessDeniedError) as refused, tenant.guard(intent(), adapter=adapter, obligations=handlers):
            done.append("acted")
        assert "receipt" in str(refused.value)
    with pytest.raises(ZeroDivisionError), tenant.guard(intent(), adapter=adapter, obligations={"receipt": lambda _: 1 / 0}):
        done.append("acted")
    assert "acted" not in done


def test_obligations_are_in_answer_token_and_record(tenant: TenantAuthority) -> None:
    tenant.activate({"bench.policy": OBLIGED})
    outcome = tenant.authorize(intent(), audience=AUDIENCE)
    assert isinstance(outcome, Granted)
    assert [(item.name, item.phase) for item in outcome.obligations] == [("receipt", "before"), ("tell", "after")]
    redeemed = tenant.redeem(outcome.token, intent().call(), adapter=tenant.adapter(AUDIENCE))
    assert redeemed.claims.obl[0] == '{"name":"receipt","phase":"before","values":{"level":"s:full"}}'
    (row,) = tuple(tenant.records(start=outcome.seq, stop=outcome.seq + 1))
    assert b'"obligations":["' in row.fields
    assert b'"level":"s:full"' in row.fields.replace(b"\\", b"")


def test_obligations_that_do_not_fit_a_token_deny(tenant: TenantAuthority) -> None:
    long = "x" * 4000
    many = "\n".join(f"obligation o{n}(text: String) after;" for n in range(3))
    due = " ".join(f'oblige o{n}(text: "{long}");' for n in range(3))
    tenant.activate({"bench.policy": many + POLICY.replace("in origin(args.payee);\n}", f"in origin(args.payee);\n  {due}\n}}")})
    outcome = tenant.authorize(intent(), audience=AUDIENCE)
    assert isinstance(outcome, Deny)
    assert outcome.kind == "unavailable"


def test_a_chain_is_evaluated_hop_by_hop_and_stands_in_the_token(tenant: TenantAuthority) -> None:
    tenant.activate({"bench.policy": CHAINED})
    member = frozenset({EntityRef("Group", "payments")})
    tenant.put_entities([*ENTITIES, Entity(ref=HELPER, parents=member, attributes={"suspended": False})])
    helped = replace(intent(), principal=HELPER, chain=(GRANT,))
    outcome = tenant.authorize(helped, audience=AUDIENCE)
    assert isinstance(outcome, Granted)
    redeemed = tenant.redeem(outcome.token, helped.call(), adapter=tenant.adapter(AUDIENCE))
    assert (redeemed.claims.sub, redeemed.claims.act) == (HELPER, (BOT,))
    for chain in ((), (replace(GRANT, verified=False),), (replace(GRANT, actions=("other",)),), (replace(GRANT, subject=BOT),)):
        found = tenant.authorize(replace(helped, chain=chain), audience=AUDIENCE)
        assert isinstance(found, Deny)
        assert found.kind == "chain_missing"
    tenant.put_entities([Entity(ref=BOT, parents=member, attributes={"suspended": True})])
    found = tenant.authorize(helped, audience=AUDIENCE)
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("forbid", ("kill",))
