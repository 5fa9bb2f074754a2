"""A small set with its world, for the tests of what authors use: two permits, a gate and a forbid about one action."""

from __future__ import annotations

from intended_core.entities import Entity
from intended_core.ids import EntityRef
from intended_core.intent import Intent

POLICY = """
enum Currency { "EUR", "USD" }
entity Group;
@root entity User in Group { limit: Decimal, suspended: Bool }
entity Account { owner: User }
param ceiling: Decimal = 1_000.00;
table blocked: Set<String>;
action pay {
  principal: User;
  resource: Account;
  args: { amount: Decimal, currency: Currency, note?: String };
  context: { risk: Int };
}
@id("pay.small")
permit small {
  principal in Group::"payers";
  action == pay;
  when args.amount <= 100.00 and args.amount > 0.00;
  unless principal.suspended;
  because "small";
}
@id("pay.large")
permit large {
  action == pay;
  when args.amount <= ceiling and principal.limit >= args.amount;
  approval { from: Group::"bosses"; quorum: 1; expires: 4h; }
}
@id("risk.ask")
escalate risky {
  action == pay;
  when context.risk >= 70;
  approval { from: Group::"bosses"; quorum: 1; exclude: [resource.owner]; expires: 1h; }
}
@id("risk.stop")
forbid too_risky {
  action == pay;
  when context.risk >= 90;
  because "too risky";
}
test "paying" {
  given amount = 10.00;
  given risk = 1;
  entity Group::"payers", Group::"bosses";
  entity User::"ann" in Group::"payers" { limit: 500.00, suspended: false };
  entity Account::"a" { owner: User::"ann" };
  intent {
    principal: User::"ann";
    action: pay;
    resource: Account::"a";
    args: { amount: amount, currency: "EUR" };
    context: { risk: risk };
  }
  case "small" expect allow by small;
  case "large" { amount: 400.00 } expect escalate by large;
  case "too risky" { risk: 95 } expect deny(forbid) by too_risky;
}
"""
FILES = {"pay.policy": POLICY.encode()}
ANN, ACCOUNT = EntityRef("User", "ann"), EntityRef("Account", "a")
PAYERS, BOSSES = EntityRef("Group", "payers"), EntityRef("Group", "bosses")
ENTITIES = (
    Entity(ref=PAYERS),
    Entity(ref=BOSSES),
    Entity(ref=ANN, parents=frozenset({PAYERS}), attributes={"limit": "500.00", "suspended": False}),
    Entity(ref=ACCOUNT, attributes={"owner": ANN}),
)
NOW_US = 1_764_000_000_000_000


def intent(amount: str = "10.00", risk: int = 1, **more: object) -> Intent:
    """Ann pays."""
    args = {"amount": amount, "currency": "EUR", **more}
    return Intent(principal=ANN, action="pay", resource=ACCOUNT, args=args, context={"risk": risk})
