"""A rule may not be dodged by leaving something out."""

from __future__ import annotations

import pytest

from tests.unit.intended_core.lang.support import codes

NARROW = ("forbid", "escalate")


@pytest.mark.parametrize(
    "text",
    [
        'when args has reason and args.reason == "x";',
        "unless not (args has reason);",
        'when (args?.reason ?? "") == "x";',
        "when context has said and args has cc;",
        'when "user" in origin(args.payee);',
        'when "content" not in origin(args.payee);',
        'when origin(args.payee) == ["user"];',
        'when all p in origin(args.payee) { p in ["user", "record"] };',
        'unless "unknown" in origin(args.payee);',
        'when all p in origin(args.payee) { p != "content" };',
    ],
)
def test_fine_in_a_permit_and_not_in_a_narrowing_rule(text: str) -> None:
    assert codes(text) == []
    for effect in NARROW:
        assert set(codes(text, effect)) <= {"polarity", "origin.polarity"}
        assert codes(text, effect) != []


@pytest.mark.parametrize(
    "text",
    [
        'when not (args has reason) or args.reason == "x";',
        'unless args has reason and args.reason == "x";',
        'when (args?.reason ?? "x") == "x";',
        "when not (args has box.note);",
        'when "content" in origin(args.payee);',
        'when "unknown" in origin(args.payee);',
        'unless "user" in origin(args.payee);',
        'when origin(args.payee) != ["user"];',
        'unless all p in origin(args.payee) { p in ["user", "record"] };',
        'when any p in origin(args.payee) { p == "content" };',
        'when any p in origin(args.payee) { not (p in ["user", "record"]) };',
    ],
)
def test_fine_in_a_narrowing_rule(text: str) -> None:
    for effect in NARROW:
        assert codes(text, effect) == []


@pytest.mark.parametrize(
    "text",
    [
        'when not (args has reason) or args.reason == "x";',
        "unless args has reason;",
        'when "content" in origin(args.payee);',
        'unless "user" in origin(args.payee);',
        "when context.risk > 3 and not (context has said);",
        "let gone = not (args has reason); when gone;",
        "when (args has reason) == false;",
        "when (if args has reason then 1 else 2) == 2;",
        'let dirty = "content" in origin(args.payee); when dirty;',
        'when ("content" in origin(args.payee)) == true;',
        "when origin(args.payee).size() == 2;",
        "when origin(args.payee) == origin(args.amount);",
        'when origin(args.payee) == ["unknown", "content"];',
    ],
)
def test_refused_in_a_permit(text: str) -> None:
    assert set(codes(text)) <= {"polarity", "origin.polarity"}
    assert codes(text) != []


@pytest.mark.parametrize(
    "text",
    [
        'when args has reason and args.reason == "bribe";',
        'when (args?.reason ?? "") like "bribe*";',
        'when any a in (args?.cc ?? []) { a == "a@b.example" };',
        'let why = args?.reason ?? ""; when why == "bribe";',
        "when context has said;",
        "when args has box and args.box.size > 3;",
        "when (args?.box.size ?? 0) > 3;",
        'when (args?.reason ?? "x") == "x" and (args?.box.size ?? 0) > 3;',
        "when (if args has reason then 1 else 2) == 1;",
        "when (args has reason) == true;",
        'unless (args?.reason ?? "fine") == "fine";',
    ],
)
def test_refused_in_a_narrowing_rule(text: str) -> None:
    for effect in NARROW:
        assert codes(text, effect) == ["polarity"]


def test_what_the_host_gives_may_be_asked_either_way() -> None:
    for effect in ("permit", *NARROW):
        assert codes('when context has ticket and context.ticket == "x";', effect) == []
        assert codes("unless context has ticket;", effect) == []
        assert codes("when principal is User and principal has manager;", effect) == []


def test_approvals_do_not_ask_less_when_a_member_is_left_out() -> None:
    block = 'approval { from: Group::"g"; quorum: if args has reason then 2 else 1; expires: 1h; }'
    assert codes(block, "escalate") == ["polarity"]
    block = 'approval { from: Group::"g"; quorum: 1; expires: 1h; when (args?.reason ?? "") == ""; }'
    assert codes(block, "permit") == ["polarity"]
