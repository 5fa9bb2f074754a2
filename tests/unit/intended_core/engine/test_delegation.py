"""Chains: who is evaluated, and which links may carry authority."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.entities import EntitySnapshot
from intended_core.intent import Grant
from intended_core.lang.checker import check
from intended_core.lang.compiler import compile_set
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.values import parse_datetime
from tests.reference.policy_world import ANN, SCHEMA, World, group, user

BOT, SUB = EntityRef("Agent", "bot"), EntityRef("Agent", "sub")
FIRST = Grant(
    issuer=ANN, subject=BOT, actions=("read",), not_before="2026-11-01T00:00:00Z", not_after="2026-12-01T00:00:00Z", verified=True
)
SECOND = replace(FIRST, issuer=BOT, subject=SUB)
PERMIT = '@id("p") permit p { action == read; principal in Group::"staff"; }\n'
ENTITIES = [
    Entity(ref=group("staff")), Entity(ref=group("board")), user("ann", "staff"), user("bob", "staff", "board"),
    Entity(ref=EntityRef("Doc", "d"), attributes={"owner": ANN}),
    Entity(ref=BOT, parents=frozenset({group("staff")}), attributes={"owner": ANN}),
    Entity(ref=SUB, parents=frozenset({group("staff")}), attributes={"owner": ANN}),
]  # fmt: skip


def world(rules: str, *, intersect: bool = True, without: EntityRef | None = None) -> World:
    entities = [entity for entity in ENTITIES if entity.ref != without]
    made = World.of(rules, entities)
    if not intersect:
        return made
    text = SCHEMA.replace("hint?: String }; }", "hint?: String }; delegation: intersect; }") + rules
    checked = check([Source.from_bytes("t.policy", text.encode())])
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="t", entities={e.ref: e for e in entities}))
    return World(checked, compile_set(checked), snapshot)


def ask(made: World, *chain: Grant, principal: EntityRef | None = None, approved: frozenset[str] = frozenset()) -> Allow | Escalate | Deny:
    who = principal or (chain[-1].subject if chain else ANN)
    intent: Intent = made.intent(principal=who, chain=tuple(chain))
    return made.decide(intent, approved=approved)


def kind(answer: Allow | Escalate | Deny) -> str:
    return answer.kind if isinstance(answer, Deny) else type(answer).__name__


def test_every_hop_must_be_granted() -> None:
    assert kind(ask(world(PERMIT), FIRST)) == "Allow"
    assert kind(ask(world(PERMIT), FIRST, SECOND)) == "Allow"
    only_agents = PERMIT.replace('principal in Group::"staff"', "principal is Agent")
    assert kind(ask(world(only_agents), FIRST)) == "default"
    assert kind(ask(world(only_agents, intersect=False), FIRST)) == "Allow"


def test_a_forbid_for_any_hop_denies() -> None:
    answer = ask(world(PERMIT + '@id("f") forbid f { principal == User::"ann"; action == read; }'), FIRST, SECOND)
    assert isinstance(answer, Deny)
    assert (answer.kind, answer.rules) == ("forbid", ("f",))


def test_an_error_for_any_hop_denies() -> None:
    answer = ask(world(PERMIT + '@id("e") forbid e { action == read; principal is User; when 9223372036854775807 + principal.level > 0; }'), FIRST)
    assert kind(answer) == "error"


def test_rules_of_all_hops_determine() -> None:
    two = '@id("u") permit u { action == read; principal is User; when args.n > 0; }\n@id("a") permit a { action == read; principal is Agent; when args.n > 0; }'
    answer = ask(world(two), FIRST, SECOND)
    assert isinstance(answer, Allow)
    assert answer.rules == ("a", "u")


@pytest.mark.parametrize(
    "chain",
    [
        (),
        (SECOND,),
        (FIRST, replace(SECOND, issuer=SUB, subject=EntityRef("Agent", "x"))),
        (FIRST, replace(SECOND, issuer=ANN)),
        (FIRST, SECOND, replace(SECOND, issuer=SUB, subject=BOT), replace(SECOND, not_before="2026-11-02T00:00:00Z")),
    ],
    ids=["none", "not from a root", "leads elsewhere", "broken", "a circle"],
)  # fmt: skip
@pytest.mark.parametrize("intersect", [True, False])
def test_a_chain_that_does_not_lead_from_a_root_to_the_principal(chain: tuple[Grant, ...], intersect: bool) -> None:
    assert kind(ask(world(PERMIT, intersect=intersect), *chain, principal=SUB)) == "chain_missing"


def test_a_root_needs_no_chain_and_a_wrong_one_does_not_help_it() -> None:
    assert kind(ask(world(PERMIT), principal=ANN)) == "Allow"
    assert kind(ask(world(PERMIT), FIRST, principal=ANN)) == "chain_missing"


@pytest.mark.parametrize(
    "second",
    [
        replace(SECOND, verified=False),
        replace(SECOND, actions=("read", "write")),
        replace(SECOND, not_after="2026-12-02T00:00:00Z"),
        replace(SECOND, actions=("write",)),
        replace(SECOND, not_before="2026-11-20T00:00:00Z"),
        replace(SECOND, not_after="2026-11-10T00:00:00Z"),
    ],
    ids=["unverified", "more actions", "longer", "other action", "not yet", "no more"],
)
@pytest.mark.parametrize("intersect", [True, False])
def test_a_link_that_may_not_carry_it_denies_whatever_the_rules_say(second: Grant, intersect: bool) -> None:
    made = world(PERMIT, intersect=intersect)
    at = parse_datetime("2026-11-15T00:00:00Z")
    assert kind(made.decide(made.intent(principal=SUB, chain=(FIRST, SECOND)), now_ms=at)) == "Allow"
    assert kind(made.decide(made.intent(principal=SUB, chain=(FIRST, second)), now_ms=at)) == "chain_missing"


def test_the_first_and_the_last_moment_of_a_grant() -> None:
    made = world(PERMIT)
    start, end = parse_datetime(FIRST.not_before), parse_datetime(FIRST.not_after)
    moments = (start - 1, start, end - 1, end)
    answers = [kind(made.decide(made.intent(principal=BOT, chain=(FIRST,)), now_ms=at)) for at in moments]
    assert answers == ["chain_missing", "Allow", "Allow", "chain_missing"]


def test_a_hop_that_is_not_known_is_an_error() -> None:
    assert kind(ask(world(PERMIT, without=BOT), FIRST, SECOND)) == "error"


def test_rules_read_the_chain() -> None:
    rule = '@id("c") forbid c { principal is Agent; action == read; when chain.size() > 1 or not all g in chain { g.verified and g.narrower and now < g.not_after and g.issuer is User }; }'
    assert kind(ask(world(PERMIT + rule), FIRST)) == "Allow"
    assert kind(ask(world(PERMIT + rule), FIRST, SECOND)) == "forbid"
    assert kind(ask(world(PERMIT + rule), replace(FIRST, verified=False))) == "forbid"


GATE = '@id("g") escalate g {{ action == read; approval {{ from: {group}; quorum: {quorum}; exclude: [principal]; expires: 1h; }} }}'


def test_one_block_asked_by_several_hops_is_one_requirement() -> None:
    made = world(PERMIT + GATE.format(group='Group::"board"', quorum="if principal is User then 2 else 1"))
    answer = ask(made, FIRST, SECOND)
    assert isinstance(answer, Escalate)
    ((need,),) = answer.alternatives
    assert (need.key, need.quorum, need.exclude) == ("g#1", 2, frozenset({ANN, BOT, SUB}))
    assert kind(ask(made, FIRST, SECOND, approved=frozenset({"g#1"}))) == "Allow"


def test_hops_that_name_different_groups_ask_both() -> None:
    made = world(PERMIT + GATE.format(group='if principal is User then Group::"board" else Group::"staff"', quorum="1"))
    answer = ask(made, FIRST)
    assert isinstance(answer, Escalate)
    assert [need.key for need in answer.alternatives[0]] == ['g#1@Group::"board"', 'g#1@Group::"staff"']
    assert kind(ask(made, FIRST, approved=frozenset({'g#1@Group::"board"'}))) == "Escalate"
    assert kind(ask(made, FIRST, approved=frozenset({'g#1@Group::"board"', 'g#1@Group::"staff"'}))) == "Allow"


def test_a_meter_counts_once_however_long_the_chain() -> None:
    made = world('meter m { on: [read]; key: [principal]; window: lifetime; amount: 1; }\n@id("f") forbid f { meter m > 3; }\n' + PERMIT)
    answer = made.decide(made.intent(principal=SUB, chain=(FIRST, SECOND)), readings={"m": 2})
    assert isinstance(answer, Allow)
    assert [use.amount for use in answer.reservations] == [1]
    assert kind(made.decide(made.intent(principal=SUB, chain=(FIRST, SECOND)), readings={"m": 3})) == "forbid"
