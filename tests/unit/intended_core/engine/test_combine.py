"""combine: one total order, permits as alternatives, gates that never grant."""

from __future__ import annotations

import itertools

import pytest

from intended_core import Allow, ApprovalRequirement, Deny, EntityRef, Escalate
from intended_core.engine import combine as combine_room
from intended_core.engine.combine import MAX_ALTERNATIVES, Failed, HopRules, Matched, combine, combine_hops
from intended_core.outcome import MeterComparison, MeterUse, Obligation


def need(key: str) -> ApprovalRequirement:
    return ApprovalRequirement(
        key=key,
        rule=key.partition("#")[0],
        group=EntityRef("Group", "g"),
        quorum=1,
        exclude=frozenset(),
        expires_ms=1000,
    )


FAILED = (Failed("e", "f:1:1", "overflow"),)
FORBID = (Matched("f", "because f", "f:2:1"),)
GATE = (Matched("g", "because g", "f:3:1", (need("g#1"),)),)
PERMIT = (Matched("p", "because p", "f:4:1"),)
ASKING = (Matched("q", "because q", "f:5:1", (need("q#1"), need("q#2"))),)
NONE = frozenset[str]()
NOBODY = frozenset[EntityRef]()


@pytest.mark.parametrize(("failed", "forbids", "gates", "permits"), list(itertools.product((0, 1), repeat=4)))
def test_error_beats_forbid_beats_gate_beats_permit_beats_default(
    failed: int, forbids: int, gates: int, permits: int
) -> None:
    found = combine(
        failed=FAILED[:failed], forbids=FORBID[:forbids], gates=GATE[:gates], permits=PERMIT[:permits], approved=NONE
    )
    if failed:
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("error", ("e",))
    elif forbids:
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("forbid", ("f",))
    elif not permits:
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("default", ())
    elif gates:
        assert isinstance(found, Escalate)
        assert found.rules == ("g",)
    else:
        assert isinstance(found, Allow)
        assert found.rules == ("p",)
        assert found.approvals == ()


def test_a_permit_that_asks_and_one_that_does_not_are_alternatives() -> None:
    found = combine(failed=(), forbids=(), gates=(), permits=(*ASKING, *PERMIT), approved=NONE)
    assert isinstance(found, Allow)
    assert found.rules == ("p",)


def test_a_permit_that_asks_waits_for_every_block_of_it() -> None:
    found = combine(failed=(), forbids=(), gates=(), permits=ASKING, approved=NONE)
    assert isinstance(found, Escalate)
    assert [[n.key for n in one] for one in found.alternatives] == [["q#1", "q#2"]]
    for partial in ({"q#1"}, {"q#2"}, {"g#1"}):
        assert isinstance(
            combine(failed=(), forbids=(), gates=(), permits=ASKING, approved=frozenset(partial)), Escalate
        )
    done = combine(failed=(), forbids=(), gates=(), permits=ASKING, approved=frozenset({"q#1", "q#2"}))
    assert isinstance(done, Allow)
    assert (done.rules, done.approvals) == (("q",), ("q#1", "q#2"))


def test_a_gate_holds_for_every_alternative() -> None:
    found = combine(failed=(), forbids=(), gates=GATE, permits=(*ASKING, *PERMIT), approved=NONE)
    assert isinstance(found, Escalate)
    assert [[n.key for n in one] for one in found.alternatives] == [["g#1"], ["g#1", "q#1", "q#2"]]
    assert isinstance(
        combine(failed=(), forbids=(), gates=GATE, permits=ASKING, approved=frozenset({"q#1", "q#2"})), Escalate
    )
    done = combine(failed=(), forbids=(), gates=GATE, permits=PERMIT, approved=frozenset({"g#1"}))
    assert isinstance(done, Allow)
    assert done.approvals == ("g#1",)


def test_an_approval_never_lifts_a_forbid_or_an_error() -> None:
    everything = frozenset({"g#1", "q#1", "q#2"})
    assert isinstance(combine(failed=FAILED, forbids=(), gates=GATE, permits=PERMIT, approved=everything), Deny)
    assert isinstance(combine(failed=(), forbids=FORBID, gates=GATE, permits=PERMIT, approved=everything), Deny)
    assert isinstance(combine(failed=(), forbids=(), gates=GATE, permits=(), approved=everything), Deny)


def test_an_unneeded_approval_changes_nothing() -> None:
    found = combine(failed=(), forbids=(), gates=(), permits=PERMIT, approved=frozenset({"x#1"}))
    assert isinstance(found, Allow)
    assert (found.rules, found.approvals) == (("p",), ())


def test_rules_and_reasons_are_sorted_and_said_once() -> None:
    other = Matched("a", "because a", "f:9:1")
    found = combine(failed=(), forbids=(*FORBID, other, *FORBID), gates=(), permits=(), approved=NONE)
    assert isinstance(found, Deny)
    assert found.rules == ("a", "f")
    assert [(r.rule, r.text, r.place) for r in found.reasons] == [
        ("a", "because a", "f:9:1"),
        ("f", "because f", "f:2:1"),
    ]
    both = combine(failed=(), forbids=(), gates=(), permits=(*PERMIT, other), approved=NONE)
    assert isinstance(both, Allow)
    assert both.rules == ("a", "p")


def test_the_same_permit_gives_an_equal_allow_each_time() -> None:
    first = combine(failed=(), forbids=(), gates=(), permits=PERMIT, approved=NONE)
    again = combine(failed=(), forbids=(), gates=(), permits=PERMIT, approved=NONE)
    assert first == again
    twin = (Matched("p", "another because", "f:4:1"),)
    other = combine(failed=(), forbids=(), gates=(), permits=twin, approved=NONE)
    assert isinstance(other, Allow)
    assert other.reasons[0].text == "another because"


BOARD, STAFF = EntityRef("Group", "board"), EntityRef("Group", "staff")
ANN, BOB = EntityRef("User", "ann"), EntityRef("User", "bob")


def asks(key: str, group: EntityRef = BOARD, quorum: int = 1, exclude: frozenset[EntityRef] = NOBODY, expires_ms: int = 1000) -> Matched:
    """A rule that asks for one approval."""
    block = ApprovalRequirement(
        key=f"{key}#1", rule=key, group=group, quorum=quorum, exclude=exclude, expires_ms=expires_ms
    )
    return Matched(key, f"because {key}", f"f:{key}", (block,))


def owes(rule: str, name: str, value: int) -> Matched:
    """A rule that imposes one obligation."""
    return Matched(rule, f"because {rule}", f"f:{rule}", (), (Obligation(name=name, phase="after", values={"n": value}),))


def both(*hops: HopRules, approved: frozenset[str] = NONE) -> Allow | Escalate | Deny:
    """All hops at once; one hop alone must answer as `combine` does."""
    found = combine_hops(hops, approved=approved)
    if len(hops) == 1:
        (hop,) = hops
        alone = combine(failed=hop.failed, forbids=hop.forbids, gates=hop.gates, permits=hop.permits, approved=approved)
        assert found == alone
    return found


def hop(principal: EntityRef = ANN, **said: list[Matched]) -> HopRules:
    return HopRules(principal=principal, **said)  # type: ignore[arg-type]


def keys(found: Allow | Escalate | Deny) -> list[list[str]]:
    assert isinstance(found, Escalate)
    return [[block.key for block in way] for way in found.alternatives]


def test_an_error_of_any_hop_beats_a_forbid_of_any_other() -> None:
    erring = HopRules(principal=BOB, failed=[*FAILED, *FAILED, Failed("a", "f:7:1", "no key")])
    found = both(hop(forbids=list(FORBID), permits=list(PERMIT)), erring)
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("error", ("a", "e"))
    assert [(r.rule, r.text, r.place) for r in found.reasons] == [("a", "no key", "f:7:1"), ("e", "overflow", "f:1:1")]
    found = both(hop(permits=list(PERMIT)), hop(BOB, forbids=list(FORBID), permits=list(PERMIT)))
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("forbid", ("f",))


def test_every_hop_needs_a_permit_of_its_own() -> None:
    found = both(hop(permits=list(PERMIT)), hop(BOB))
    assert isinstance(found, Deny)
    assert (found.kind, found.reasons[0].text) == ("default", 'no permit matches this intent for User::"bob"')
    alone = both(hop())
    assert isinstance(alone, Deny)
    assert alone.reasons[0].text == "no permit matches this intent"
    allowed = both(hop(permits=list(PERMIT)), hop(BOB, permits=[Matched("q", "because q", "f:q")]))
    assert isinstance(allowed, Allow)
    assert (allowed.rules, allowed.approvals) == (("p", "q"), ())


def test_the_ways_of_hops_multiply_and_the_shortest_stands_first() -> None:
    found = both(hop(permits=[asks("z"), asks("b")]), hop(BOB, permits=[asks("c"), *PERMIT]))
    assert keys(found) == [["b#1"], ["z#1"], ["b#1", "c#1"], ["c#1", "z#1"]]
    assert found.rules == ("b", "z")
    allowed = both(hop(permits=[asks("z"), asks("b")]), hop(BOB, permits=[asks("c"), *PERMIT]), approved=frozenset({"z#1", "c#1"}))
    assert isinstance(allowed, Allow)
    assert (allowed.rules, allowed.approvals) == (("p", "z"), ("z#1",))


def test_a_gate_of_a_hop_holds_for_it_and_is_named_as_what_waits() -> None:
    gated = hop(gates=[asks("g")], permits=[*PERMIT, asks("q")])
    assert keys(both(gated)) == [["g#1"], ["g#1", "q#1"]]
    found = both(gated, hop(BOB, permits=list(PERMIT)), approved=frozenset({"q#1"}))
    assert (keys(found), found.rules) == ([["g#1"], ["g#1", "q#1"]], ("g",))
    allowed = both(gated, approved=frozenset({"g#1", "q#1"}))
    assert isinstance(allowed, Allow)
    assert (allowed.rules, allowed.approvals) == (("p",), ("g#1",))


def test_one_block_asked_by_two_hops_becomes_the_stricter_of_both() -> None:
    one = asks("q", quorum=1, exclude=frozenset({ANN}), expires_ms=900)
    two = asks("q", quorum=3, exclude=frozenset({BOB}), expires_ms=1_000)
    for first, second in ((one, two), (two, one)):
        found = both(hop(permits=[first]), hop(BOB, permits=[second]))
        assert isinstance(found, Escalate)
        ((block,),) = found.alternatives
        assert (block.key, block.quorum, block.exclude, block.expires_ms) == ("q#1", 3, frozenset({ANN, BOB}), 900)


def test_one_block_that_asks_two_groups_is_two_requirements() -> None:
    hops = hop(permits=[asks("q", BOARD)]), hop(BOB, permits=[asks("q", STAFF)])
    board, staff = 'q#1@Group::"board"', 'q#1@Group::"staff"'
    assert keys(both(*hops)) == [[board, staff]]
    assert isinstance(both(*hops, approved=frozenset({"q#1"})), Escalate)
    assert isinstance(both(*hops, approved=frozenset({board})), Escalate)
    allowed = both(*hops, approved=frozenset({board, staff}))
    assert isinstance(allowed, Allow)
    assert allowed.approvals == (board, staff)


def test_64_ways_are_listed_and_65_are_an_error() -> None:
    eight = [hop(permits=[asks(f"{name}{at}") for at in range(8)]) for name in "ab"]
    assert len(keys(both(*eight))) == MAX_ALTERNATIVES == 64
    found = both(hop(permits=[asks(f"a{at}") for at in range(13)]), hop(BOB, permits=[asks(f"b{at}") for at in range(5)]))
    assert isinstance(found, Deny)
    assert (found.kind, found.reasons[0].text) == ("error", "more than 64 ways of approving this")


def test_one_hop_lists_all_its_ways_as_the_short_way_does() -> None:
    assert len(keys(both(hop(permits=[asks(f"a{at:02d}") for at in range(65)])))) == 65


def test_an_allow_carries_what_meters_reserve_and_compare() -> None:
    use = MeterUse(meter="m", key=b"k" * 32, window="day", start_ms=0, end_ms=1, amount=5)
    asked = MeterComparison(rule="p", meter="m", ceiling=9, over=False)
    found = combine_hops([hop(permits=list(PERMIT))], approved=NONE, reservations=(use,), comparisons=(asked,))
    assert isinstance(found, Allow)
    assert (found.reservations, found.comparisons) == ((use,), (asked,))


def test_obligations_of_every_permit_and_gate_are_due_whatever_grants() -> None:
    bare, asking = owes("p", "keep", 1), asks("q")
    found = both(hop(permits=[asking, bare]))
    assert isinstance(found, Allow)
    assert ([due.name for due in found.obligations], found.rules) == (["keep"], ("p",))
    gate = Matched("g", "because g", "f:g", asks("g").approvals, owes("g", "tell", 2).obligations)
    for approved in (NONE, frozenset({"g#1"})):
        found = both(hop(permits=[owes("z", "keep", 1), owes("p", "keep", 1)], gates=[gate]), approved=approved)
        assert isinstance(found, Allow if approved else Escalate)
        assert [due.name for due in found.obligations] == ["keep", "tell"]
    # a permit that asks does not grant, and what it imposes is due all the same
    both_due = both(hop(permits=[bare, Matched("q", "because q", "f:q", asking.approvals, owes("q", "tell", 2).obligations)]))
    assert [due.name for due in both_due.obligations] == ["keep", "tell"]


def test_one_obligation_with_two_values_is_an_error_of_both_rules() -> None:
    for said in ({"permits": [owes("b", "keep", 1), owes("a", "keep", 2)]}, {"forbids": [owes("b", "keep", 1), owes("a", "keep", 2)]}):
        found = both(hop(**said))
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("error", ("a", "b"))
        assert found.reasons[0].text == "`keep` is due with different values"


def test_a_forbid_imposes_its_own_obligations_only() -> None:
    found = both(hop(forbids=[owes("f", "tell", 1), *FORBID], permits=[owes("p", "keep", 1)]))
    assert isinstance(found, Deny)
    assert (found.kind, [due.name for due in found.obligations]) == ("forbid", ["tell"])
    bare = both(hop(forbids=list(FORBID), permits=[owes("p", "keep", 1)]))
    assert isinstance(bare, Deny)
    assert bare.obligations == ()


def test_every_permit_of_the_alternative_that_is_met_grants() -> None:
    shared = asks("s").approvals
    two = [Matched(name, f"because {name}", f"f:{name}", shared) for name in ("v", "u")]
    found = both(hop(permits=[*two, asks("q")]), approved=frozenset({"s#1"}))
    assert isinstance(found, Allow)
    assert (found.rules, found.approvals) == (("u", "v"), ("s#1",))
    assert [(reason.rule, reason.text) for reason in found.reasons] == [("u", "because u"), ("v", "because v")]


def test_the_kept_allow_of_a_permit_is_the_same_value_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[int, tuple[Matched, Allow]] = {}
    monkeypatch.setattr(combine_room, "_ALONE", kept)
    monkeypatch.setattr(combine_room, "MAX_ALONE", 2)
    many = [Matched(f"p{at}", "because", "f") for at in range(3)]
    made = [combine(failed=(), forbids=(), gates=(), permits=[one], approved=NONE) for one in many[:2]]
    assert combine(failed=(), forbids=(), gates=(), permits=[many[0]], approved=NONE) is made[0]
    assert len(kept) == 2
    combine(failed=(), forbids=(), gates=(), permits=[many[2]], approved=NONE)
    assert len(kept) == 1
    # an id that came back as another rule's never answers for it
    kept[id(many[0])] = (many[1], made[1])  # type: ignore[assignment]
    other = combine(failed=(), forbids=(), gates=(), permits=[many[0]], approved=NONE)
    assert isinstance(other, Allow)
    assert other.rules == ("p0",)
