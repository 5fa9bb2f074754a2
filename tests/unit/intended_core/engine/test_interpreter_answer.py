"""The naive half without expressions."""

from __future__ import annotations

from dataclasses import replace

from intended_core.engine.interpreter_answer import Said, answer, hops, link_carries
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.intents import validate
from tests.reference.policy_world import ANN, NOW_MS, World

BOARD, STAFF = EntityRef("Group", "board"), EntityRef("Group", "staff")


def intent() -> ValidIntent:
    world = World.of('@id("p") permit p { action == read; when args.n > 0; }')
    return validate(world.checked.schema, TEST_SCOPE, world.intent())


def said(*hops: Said, approved: frozenset[str] = frozenset()) -> tuple[str, str, tuple[str, ...], frozenset[frozenset[str]]]:
    made = answer(list(hops), intent(), now_ms=NOW_MS, approved=approved, comparisons=frozenset())
    return made.outcome, made.kind, made.rules, made.alternatives


def hop(**more: dict[str, frozenset[tuple[str, EntityRef]]]) -> Said:
    return Said(**{"permit": {"p": frozenset()}, **more})  # type: ignore[arg-type]


def test_the_total_order() -> None:
    erring = Said(erring={"e"}, forbid={"f": frozenset()})
    assert said(hop(), erring)[:3] == ("deny", "error", ("e",))
    assert said(hop(), hop(forbid={"f": frozenset()}))[:3] == ("deny", "forbid", ("f",))
    assert said(hop(), hop(permit={}))[:2] == ("deny", "default")
    assert said(hop(), hop())[:3] == ("allow", "", ("p",))


def test_ways_multiply_over_hops() -> None:
    one = hop(permit={"p": frozenset({("p#1", BOARD)}), "q": frozenset({("q#1", BOARD)})})
    two = hop(permit={"p": frozenset({("p#1", STAFF)})})
    found = said(one, two)
    assert found[0] == "escalate"
    board, staff = 'p#1@Group::"board"', 'p#1@Group::"staff"'
    assert found[3] == frozenset({frozenset({board, staff}), frozenset({"q#1", staff})})
    assert said(one, two, approved=frozenset({"q#1", staff}))[0] == "allow"


def test_too_many_ways_are_an_error() -> None:
    wide = [hop(permit={f"{n}{at}": frozenset({(f"{n}{at}#1", BOARD)}) for at in range(3)}) for n in range(4)]
    assert said(*wide)[:2] == ("deny", "error")
    pair = [hop(permit={f"{n}{at}": frozenset({(f"{n}{at}#1", BOARD)}) for at in range(width)}) for n, width in ((0, 13), (1, 5))]
    assert said(*pair)[:2] == ("deny", "error")
    assert said(*pair[:1])[0] == "escalate"
    level = [hop(permit={f"{n}{at}": frozenset({(f"{n}{at}#1", BOARD)}) for at in range(8)}) for n in range(2)]
    assert said(*level)[0] == "escalate"
    assert said(hop(permit={f"p{at}": frozenset({(f"p{at}#1", BOARD)}) for at in range(65)}))[0] == "escalate"  # one hop: as many as there are


def test_a_link_carries_only_while_everything_about_it_holds() -> None:
    good = {"verified": True, "narrower": True, "not_before": 5, "not_after": 9, "actions": frozenset({"read"})}
    assert link_carries(good, "read", 5)
    assert not link_carries(good, "read", 9)
    assert not link_carries(good, "write", 5)
    assert not link_carries({**good, "verified": False}, "read", 5)
    assert not link_carries({**good, "narrower": False}, "read", 5)


def quarrelling(*due: tuple[str, str, str], forbids: frozenset[str] = frozenset(), link: object = None) -> tuple[str, str, tuple[str, ...]]:
    """What comes of rules that oblige. `due`: rule, obligation and value of each; `forbids`: those that are no permits; `link`: of a chain."""
    one = Said(due={})
    for rule, name, value in due:
        (one.forbid if rule in forbids else one.permit)[rule] = frozenset()
        one.due[rule] = (*one.due.get(rule, ()), (name, value))
    asked = intent()
    if link is not None:
        asked = replace(asked, chain=(link,))
    made = answer([one], asked, now_ms=NOW_MS, approved=frozenset(), comparisons=frozenset())
    return made.outcome, made.kind, made.rules


def test_the_first_two_rules_that_oblige_differently_are_named() -> None:
    assert quarrelling(("a", "x", "1"), ("b", "x", "1"), ("c", "x", "2")) == ("deny", "error", ("a", "c"))
    assert quarrelling(("a", "y", "2"), ("b", "x", "1"), ("c", "x", "2")) == ("deny", "error", ("b", "c"))
    assert quarrelling(("a", "y", "2"), ("b", "x", "1"), ("c", "x", "1")) == ("allow", "", ("a", "b", "c"))
    assert quarrelling(("a", "x", "1"), ("a", "x", "2")) == ("deny", "error", ("a",))


def test_rules_that_do_not_count_quarrel_with_nobody() -> None:
    """A forbid answers with what forbids oblige; what the permits beside it oblige is no more."""
    forbids = frozenset({"a", "c"})
    assert quarrelling(("a", "x", "1"), ("b", "x", "2"), ("c", "x", "1"), forbids=forbids) == ("deny", "forbid", ("a", "c"))
    assert quarrelling(("a", "x", "1"), ("b", "x", "2"), ("c", "x", "3"), forbids=forbids) == ("deny", "error", ("a", "c"))


def test_a_quarrel_is_an_error_also_where_a_link_does_not_carry() -> None:
    link = {"verified": False, "narrower": True, "not_before": 0, "not_after": NOW_MS + 1, "actions": frozenset({"read"})}
    assert quarrelling(("a", "x", "1"), ("b", "x", "2"), link=link) == ("deny", "error", ("a", "b"))
    assert quarrelling(("a", "x", "1"), ("b", "x", "1"), link=link) == ("deny", "chain_missing", ())


def test_a_chain_that_does_not_lead_from_a_root_to_the_principal_has_no_hops() -> None:
    world = World.of('@id("p") permit p { action == read; when args.n > 0; }')
    bot, other = EntityRef("Agent", "bot"), EntityRef("Agent", "other")

    def of(principal: EntityRef, *links: tuple[EntityRef, EntityRef]) -> list[EntityRef]:
        chain = tuple({"issuer": issuer, "subject": subject} for issuer, subject in links)
        return hops(world.checked.schema, replace(intent(), principal=principal, chain=chain))

    assert of(ANN) == [ANN]
    assert of(bot, (ANN, bot)) == [bot]  # this action is not delegated hop by hop
    for wrong in (of(bot), of(bot, (other, bot)), of(other, (ANN, bot)), of(bot, (ANN, other), (ANN, bot)), of(bot, (ANN, ANN))):
        assert wrong == []
