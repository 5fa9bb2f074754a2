"""Approval blocks."""

from __future__ import annotations

import pytest

from intended_core.lang.typed import Let, Literal_, Root, SetOf
from intended_core.lang.types import EntityType, SetType
from intended_core.lang.walk import walk
from tests.unit.intended_core.lang.support import body, codes


def test_a_whole_block() -> None:
    made = body(
        'let n = args.amount * 2; approval { from: Group::"g"; quorum: if n > 5 then 2 else 1; exclude: [context.maker, principal];'
        " expires: 4h; when approver is User and approver.limit >= n; when approver != context.maker; }"
        ' approval { from: Group::"a"; quorum: 16; expires: 1h; }',
        "escalate",
    )
    first, second = made.approvals
    assert (first.key, second.key) == ("r#1", "r#2")
    assert isinstance(first.quorum, Let)
    assert isinstance(first.conditions[0], Let)
    assert not isinstance(first.conditions[1], Let)
    assert isinstance(first.exclude, SetOf)
    assert first.exclude.type == SetType(EntityType(("Agent", "User")), 2)
    assert isinstance(first.expires, Literal_)
    assert first.expires.value == 4 * 3_600_000
    assert second.exclude is None
    approver = next(node for node in walk(first.conditions[1]) if isinstance(node, Root))
    assert (approver.name, approver.type) == ("approver", EntityType(("Agent", "User")))


def test_blocks_see_what_the_conditions_guard() -> None:
    text = 'when context has ticket; approval { from: Group::"g"; quorum: 1; expires: 1h; when context.ticket == "x"; }'
    assert codes(text) == []
    assert codes(text.replace("when context has ticket; ", "")) == ["type.optional"]


def _block(fields: str) -> str:
    return "approval { " + fields + " }"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("quorum: 1; expires: 1h;", "field.missing"),
        ('from: Group::"g"; expires: 1h;', "field.missing"),
        ('from: Group::"g"; quorum: 1;', "field.missing"),
        ('from: Group::"g"; from: Group::"g"; quorum: 1; expires: 1h;', "field.repeated"),
        ('from: Group::"g"; quorum: 1; expires: 1h; exclude: []; exclude: [principal];', "field.repeated"),
        ('from: Group::"g"; quorum: 0; expires: 1h;', "approval.quorum"),
        ('from: Group::"g"; quorum: 17; expires: 1h;', "approval.quorum"),
        ('from: Group::"g"; quorum: -1; expires: 1h;', "approval.quorum"),
        ('from: Group::"g"; quorum: 1.5; expires: 1h;', "type.literal"),
        ('from: Group::"g"; quorum: 1; expires: 5;', "type.mismatch"),
        ('from: Group::"g"; quorum: 1; expires: 0s;', "type.literal"),
        ('from: Group::"g"; quorum: 1; expires: -1h;', "type.literal"),
        ('from: "g"; quorum: 1; expires: 1h;', "type.mismatch"),
        ('from: Group::"g"; quorum: 1; expires: 1h; exclude: principal;', "type.mismatch"),
        ('from: Group::"g"; quorum: 1; expires: 1h; exclude: ["a"];', "type.mismatch"),
        ('from: Group::"g"; quorum: 1; expires: 1h; when approver.limit;', "type.member"),
        ('from: Group::"g"; quorum: 1; expires: 1h; binds: [context.risk, context.said];', "type.optional"),
        ('from: Group::"g"; quorum: 1; expires: 1h; binds: [args.amount];', "type.mismatch"),
        ('from: Group::"g"; quorum: 1; expires: 1h; binds: context.risk;', "type.mismatch"),
        ('from: Group::"g"; quorum: 1; expires: 1h; binds: [context.risk]; binds: [context.at];', "field.repeated"),
    ],
)
def test_refused(fields: str, code: str) -> None:
    assert codes(_block(fields), "escalate") == [code]


def test_what_an_approval_binds_is_named() -> None:
    text = 'approval { from: Group::"g"; quorum: 1; expires: 1h; binds: [context.risk, context.maker]; }'
    assert body(text, "escalate").approvals[0].binds == ("context.maker", "context.risk")
