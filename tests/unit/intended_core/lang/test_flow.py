"""What is known where: facts, assignability, paths."""

from __future__ import annotations

import pytest

from intended_core.lang.flow import Fact, assignable, join, meet
from intended_core.lang.types import INT, STRING, EntityType, Member, RecordType, SetType
from tests.unit.intended_core.lang.support import codes


def test_meet_keeps_what_both_sides_know() -> None:
    a, b = Fact(("args", "a")), Fact(("args", "b"))
    assert meet(frozenset({a, b}), frozenset({b})) == frozenset({b})
    assert meet(None, frozenset({b})) == frozenset({b})
    assert meet(frozenset({a}), None) == frozenset({a})
    assert meet(None, None) is None


def test_assignable() -> None:
    user, both = EntityType(("User",)), EntityType(("Agent", "User"))
    assert assignable(user, both)
    assert not assignable(both, user)
    assert assignable(SetType(user, 3), SetType(both, None))
    assert not assignable(SetType(INT), SetType(STRING))
    wide = RecordType((Member("a", INT), Member("b", INT, True)))
    assert assignable(RecordType((Member("a", INT),)), wide)
    assert not assignable(RecordType((Member("b", INT),)), wide)
    assert not assignable(RecordType((Member("a", INT), Member("c", INT))), wide)
    assert not assignable(RecordType((Member("a", INT, True),)), wide)


def test_join() -> None:
    assert join(EntityType(("B",)), EntityType(("A",))) == EntityType(("A", "B"))
    assert join(SetType(INT, 2), SetType(INT, 5)) == SetType(INT, 5)
    assert join(SetType(INT, 2), SetType(INT, None)) == SetType(INT, None)
    assert join(INT, STRING) is None


@pytest.mark.parametrize(
    "text",
    [
        'when args has reason and args.reason == "x";',
        'unless not (args has reason) or args.reason == "x";',
        'when args has reason; when args.reason == "x";',
        "when args has box and args.box.size > 3;",
        'when args has box.note and args.box.note == "x";',
        'let b = args; when b has reason and args.reason == "x";',
        'when principal is User and principal.department == "x";',
        'when principal is Agent or principal.department == "x";',
        'when if principal is User then principal.department == "x" else principal.suspended;',
        'unless principal is Agent; when principal.department == "x";',
        'when principal is User and principal has manager and principal.manager.department == "x";',
        'when (principal is Agent and principal.owner.department == "x") or (principal is User and principal.department == "x");',
    ],
)
def test_guards_that_are_seen(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('when args.reason == "x" and args has reason;', "type.optional"),
        ('when args has reason or args.reason == "x";', "type.optional"),
        ('when args.reason == "x"; when args has reason;', "type.optional"),
        ('when args has box and args.box.note == "x";', "type.optional"),
        ('let x = args.reason; when args has reason and x == "y";', "type.optional"),
        ('when principal is User or principal.department == "x";', "type.member"),
        ('when (args has reason or context.risk > 3) and args.reason == "x";', "type.optional"),
        ('when any a in args.to { args has reason } and args.reason == "x";', "type.optional"),
    ],
)
def test_guards_that_are_not_enough(text: str, code: str) -> None:
    assert code in codes(text)
