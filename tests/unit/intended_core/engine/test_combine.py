"""combine: one total order, permits as alternatives, gates that never grant."""

from __future__ import annotations

import itertools

import pytest

from intended_core import Allow, ApprovalRequirement, Deny, EntityRef, Escalate
from intended_core.engine.combine import Failed, Matched, combine


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
