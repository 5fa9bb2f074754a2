from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.approvals.assignment import Eligible, assign, choose, is_full
from intended_core.ids import EntityRef
from intended_core.outcome import ApprovalRequirement


def need(key: str, quorum: int = 1) -> ApprovalRequirement:
    group = EntityRef("Group", "g")
    return ApprovalRequirement(key=key, rule=key, group=group, quorum=quorum, exclude=frozenset(), expires_ms=1)


def who(**may: str) -> Eligible:
    return {EntityRef("User", name): frozenset(keys) for name, keys in may.items()}


def names(assigned: dict[str, tuple[EntityRef, ...]]) -> dict[str, list[str]]:
    return {key: [ref.id for ref in refs] for key, refs in assigned.items()}


def test_a_person_who_may_serve_both_is_moved_to_the_one_that_needs_them() -> None:
    # Counted greedily, ann takes "a" and bob, who may serve "a" only, is refused.
    assert names(assign([need("a"), need("b")], who(ann="ab", bob="a"))) == {"a": ["bob"], "b": ["ann"]}


def test_a_person_counts_once_over_all_requirements() -> None:
    assert choose([[need("a"), need("b")]], who(ann="ab")) is None
    assert choose([[need("a", 2)]], who(ann="a")) is None


def test_nobody_and_nothing_is_never_enough() -> None:
    assert choose([], who(ann="a")) is None
    assert choose([[]], who(ann="a")) is None
    assert choose([[need("a")]], {}) is None
    assert not is_full([], {})


def test_the_first_alternative_that_is_met_counts() -> None:
    found = choose([[need("a"), need("b")], [need("a")], [need("b")]], who(ann="ab"))
    assert found is not None
    assert names(found) == {"a": ["ann"]}


def test_a_requirement_that_nobody_asked_for_counts_for_nothing() -> None:
    assert names(assign([need("a")], who(ann="b"))) == {"a": []}


KEYS = "abc"
PEOPLE = ["ann", "bob", "eve", "joe"]


@given(
    st.dictionaries(st.sampled_from(KEYS), st.integers(1, 3), min_size=1),
    st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(KEYS))),
)
def test_an_assignment_is_found_exactly_when_there_is_one(quorum: dict[str, int], may: dict[str, frozenset[str]]) -> None:
    requirements = [need(key, number) for key, number in quorum.items()]
    eligible = {EntityRef("User", name): keys for name, keys in may.items()}
    found = assign(requirements, eligible)
    served = [ref for refs in found.values() for ref in refs]
    assert len(served) == len(set(served))
    assert all(len(refs) <= quorum[key] and all(key in eligible[ref] for ref in refs) for key, refs in found.items())
    people = sorted(eligible)
    there_is = any(
        all(sum(choice == key for choice in way) >= number for key, number in quorum.items())
        for way in product(*(sorted(eligible[ref]) or ("",) for ref in people))
    )
    assert is_full(requirements, found) == there_is


@pytest.mark.parametrize("order", list(permutations(PEOPLE[:3])))
def test_the_order_of_people_does_not_matter(order: tuple[str, ...]) -> None:
    may = {"ann": "ab", "bob": "a", "eve": "bc"}
    found = assign([need("c"), need("b"), need("a")], who(**{name: may[name] for name in order}))
    assert names(found) == {"a": ["bob"], "b": ["ann"], "c": ["eve"]}
