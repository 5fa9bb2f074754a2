"""What is known where: facts, assignability, paths."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.flow import Fact, assignable, join, meet
from intended_core.lang.types import INT, STRING, EntityType, Member, RecordType, SetType
from tests.unit.intended_core.lang.support import codes, source


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


def test_records_join_by_name_whatever_their_order() -> None:
    one = RecordType((Member("a", INT, max_bytes=4), Member("b", STRING, True)))
    other = RecordType((Member("b", STRING, presentational=True), Member("a", INT, from_caller=True, max_bytes=9)))
    made = RecordType((Member("a", INT, False, True, False, 9), Member("b", STRING, True, False, True)))
    assert join(one, other) == made
    assert join(one, RecordType((Member("a", INT),))) is None
    assert join(one, RecordType((Member("a", INT), Member("c", STRING)))) is None
    assert join(one, RecordType((Member("a", STRING), Member("b", STRING)))) is None


_PAIRS = '''
@root entity A {{}}
action "do" {{
  principal: A;
  resource: A;
  args: {{ one: {{ a: Int, b: String }}, two: {{ b: String, a: Int }}, shown: {{ a: Int, @presentational b: String }}, open: {{ a: Int, b?: String }} }};
}}
@id("p") permit p {{
  action == "do";
  when {condition};
  because "x";
}}
'''


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("args.one == args.two", ()),
        ('{ b: "x", a: 1 } == args.one', ()),
        ('args.one in [{ b: "x", a: 1 }, args.two]', ()),
        ("(if true then args.one else args.two).a == 1", ()),
        ("args.one == args.shown", ("type.operator",)),
        ("args.shown == args.one", ("type.operator",)),
        ("args.one == args.open", ("type.operator",)),
        ('(if true then args.one else args.shown).b == "x"', ("data.presentational",)),
        ('(if true then args.one else args.open).b == "x"', ("type.optional",)),
    ],
)
def test_records_are_compared_by_name(condition: str, expected: tuple[str, ...]) -> None:
    _, found = check_all([source(_PAIRS.format(condition=condition))])
    assert tuple(item.code for item in found if item.severity == "error") == expected


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
