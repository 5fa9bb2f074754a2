"""The small world that benchmarks share: one tenant, a payments policy with a permit, a gate and two forbids, one honest intent."""

from __future__ import annotations

from intended_core import Authority, Entity, EntityRef, Intent, TenantAuthority, parse_datetime

__all__ = ["AUDIENCE", "ENTITIES", "NOW_US", "POLICY", "intent", "make_tenant"]

AUDIENCE = "bank"
NOW_US = parse_datetime("2026-11-23T10:00:00Z") * 1000
POLICY = """
enum Currency { "EUR", "USD" }
type Money = { amount: Decimal, currency: Currency };
entity Group;
@root entity Agent in Group { suspended: Bool }
entity Account { open: Bool }
entity Payee { verified: Bool }
action transfer { principal: Agent; resource: Account; args: { money: Money, payee: Payee }; context: { risk: Int }; }
@id("pay") permit pay {
  principal in Group::"payments"; action == transfer;
  when args.payee.verified and args.money.amount <= 1_000.00 and "content" not in origin(args.payee);
}
@id("risky") escalate risky {
  action == transfer; when context.risk >= 70;
  approval { from: Group::"desk"; quorum: 1; exclude: [principal]; expires: 30m; }
}
@id("stop") forbid stop { action == transfer; when context.risk >= 90; }
@id("kill") forbid kill { action == transfer; when principal.suspended or not resource.open; }
"""
BOT, ACCOUNT, PAYEE = EntityRef("Agent", "bot"), EntityRef("Account", "main"), EntityRef("Payee", "p1")
ENTITIES = [
    Entity(ref=EntityRef("Group", "payments")),
    Entity(ref=EntityRef("Group", "desk")),
    Entity(ref=BOT, parents=frozenset({EntityRef("Group", "payments")}), attributes={"suspended": False}),
    Entity(ref=ACCOUNT, attributes={"open": True}),
    Entity(ref=PAYEE, attributes={"verified": True}),
]


def intent() -> Intent:
    """Ten euros to a verified payee that the tenant's own records named."""
    return Intent(
        principal=BOT,
        action="transfer",
        resource=ACCOUNT,
        args={"money": {"amount": "10.00", "currency": "EUR"}, "payee": PAYEE},
        context={"risk": 10},
        origins={"payee": {"record"}},
    )


def make_tenant(authority: Authority) -> TenantAuthority:
    """A tenant with this policy and these entities."""
    tenant = authority.create_tenant("acme")
    tenant.activate({"bench.policy": POLICY})
    tenant.put_entities(ENTITIES)
    return tenant
