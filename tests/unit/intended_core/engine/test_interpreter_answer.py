"""The naive half without expressions."""

from __future__ import annotations

from intended_core.engine.interpreter_answer import Said, answer, link_carries
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.intents import validate
from tests.reference.policy_world import NOW_MS, World

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
