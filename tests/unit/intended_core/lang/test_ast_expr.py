"""The expressions inside an expression."""

from __future__ import annotations

from intended_core.lang.ast_expr import BinaryExpr, LiteralExpr, Name, NameExpr, RecordExpr, SetExpr, inside
from intended_core.lang.typed import Span

HERE = Span("a", 1, 1, 1, 1)


def test_inside_finds_every_part() -> None:
    one, two = LiteralExpr("int", "1", HERE), NameExpr("x", HERE)
    assert inside(BinaryExpr("add", one, two, HERE)) == [one, two]
    assert inside(SetExpr((one, two), HERE)) == [one, two]
    assert inside(RecordExpr(((Name("a", HERE), one), (Name("b", HERE), two)), (), HERE)) == [one, two]
    assert inside(one) == []
