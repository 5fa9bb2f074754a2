"""What every decision's unit writes: one record with all that it rests on, the snapshot once, and a nonce for nobody but an Allow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from intended_core import Deny, Granted, Intent, Pending
from intended_core.audit.fields import FIELDS, held_values, read_body
from intended_core.canonical import b64url
from intended_core.flows.authorize import authorize
from tests.reference.flow_world import CLOSED, NOW_US, World, intent, trace


def decided(world: World, given: Intent) -> Granted | Pending | Deny:
    seen = trace(world, authorize(world.context, given, audience="bank"))
    assert seen.error is None
    outcome: Granted | Pending | Deny = seen.result
    return outcome


def snapshots(world: World) -> list[str]:
    return [row.key for row in world.data().rows.values() if row.kind == "snapshot" and row.state == "STORED"]


@pytest.mark.parametrize(
    ("given", "kind"), [(intent(), "allow"), (intent("500.00"), "escalate"), (intent(account=CLOSED), "deny")], ids=["allow", "escalate", "deny"]
)
def test_a_body_says_what_the_decision_rests_on(world: World, given: Intent, kind: str) -> None:
    decided(world, given)
    body = world.body()
    assert (body["outcome"], body["now"], body["tenant"]) == (kind, NOW_US, "acme")
    assert body["entities_digest"] in snapshots(world)
    assert '"pay"' in str(body["intent"])
    assert (body["approved"], body["approvals_used"]) == ([], [])
    assert ("class" in body) is (kind == "deny")


def test_a_snapshot_is_written_with_the_first_decision_that_rests_on_it(world: World) -> None:
    decided(world, intent("500.00"))
    once = snapshots(world)
    decided(world, intent("501.00"))
    decided(world, intent())
    assert snapshots(world) == once, "content-addressed: the same entities are one row, whatever was decided over them"


def test_an_escalation_names_its_request_and_a_denial_opens_none(world: World) -> None:
    pending = decided(world, intent("500.00"))
    assert isinstance(pending, Pending)
    row = world.row("approval", pending.approval_id)
    assert (row.state, row.version) == ("PENDING", 1)
    assert (world.body()["approval"], world.body()["approval_digest"]) == (pending.approval_id, b64url(pending.digest))
    assert pending.seq == world.head.size - 1
    asked = [each.key for each in world.data().rows.values() if each.kind == "approval"]
    denied = decided(world, intent(account=CLOSED))
    assert isinstance(denied, Deny)
    assert (denied.seq, denied.leaf) == (world.head.size - 1, world.data().records[-1].leaf)
    assert [each.key for each in world.data().rows.values() if each.kind == "approval"] == asked


CLEAR = {
    "outcome", "rules", "reasons", "intent", "policy_digest", "now", "tenant", "approved", "approvals_used", "fields", "salt",
}  # fmt: skip
ASKED = {"intent.args.amount", "intent.principal", "intent.resource", "ith", "entities_digest"}


@pytest.mark.parametrize(
    ("amount", "clear", "fields"),
    [
        ("12.50", {"claims_digest"}, set()),
        ("500.00", {"alternatives", "approval", "approval_digest"}, {"excluded"}),
        ("-1.00", {"class"}, set()),
    ],
)
def test_who_asked_for_what_is_committed_to_only(world: World, amount: str, clear: set[str], fields: set[str]) -> None:
    outcome: Any = world.tenant.authorize(intent(amount), audience="bank")
    row = next(iter(world.tenant.records(start=outcome.seq, stop=outcome.seq + 1)))
    body = orjson.loads(row.body)
    assert body.keys() == CLEAR | clear
    assert body["intent"] == {"action": "pay", "args": {}, "caller": [], "context": {}, "origins": {}}
    assert set(body[FIELDS]) == set(held_values(row.fields)) == ASKED | fields
    read = read_body(row)
    assert orjson.loads(str(read["intent"]))["principal"] == ["Agent", "bot"]
    for said in (b'"bot"', b'"main"', f'"d:{Decimal(amount).normalize():f}"'.encode()):
        assert said not in row.body
        assert said in row.fields


def test_whom_a_requirement_leaves_out_is_a_field(world: World) -> None:
    outcome: Any = world.tenant.authorize(intent("500.00"), audience="bank")
    body = world.body(outcome.seq)
    assert [[item.keys() for item in each] for each in body["alternatives"]] == [[{"key", "rule", "group", "quorum", "expires_ms"}]]
    assert body["excluded"] == [[[]]]


def test_a_denial_before_any_rule_names_nobody_in_the_clear(world: World) -> None:
    outcome: Any = world.tenant.authorize(replace(intent(), action="unknown"), audience="bank")
    row = next(iter(world.tenant.records(start=outcome.seq, stop=outcome.seq + 1)))
    assert b'"bot"' not in row.body
    assert world.body(outcome.seq)["principal"] == ["Agent", "bot"]


def test_two_digests_of_one_request_to_approve_differ(world: World) -> None:
    """What approvers sign is salted: with it in the log, nobody finds an argument by trying."""
    one, two = (world.tenant.authorize(intent("500.00"), audience="bank") for _ in range(2))
    assert one.digest != two.digest
