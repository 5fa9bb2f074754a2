"""Common types under strict rules."""

from __future__ import annotations

from intended_core.lang import types as native
from intended_core.lang.cedar.types import (
    ANY_BOOL,
    LONG,
    STRING,
    BoolT,
    CedarType,
    EntityT,
    ExtT,
    RecordT,
    SetT,
    native_type,
    show,
    upper_bound,
    upper_bound_of,
)


def record(*members: tuple[str, CedarType, bool]) -> RecordT:
    return RecordT(members)


def test_upper_bounds() -> None:
    assert upper_bound(BoolT(True), BoolT(False)) == ANY_BOOL
    assert upper_bound(SetT(BoolT(True)), SetT(ANY_BOOL)) == SetT(ANY_BOOL)
    assert upper_bound(EntityT("A"), EntityT("B")) is None
    assert upper_bound(LONG, STRING) is None
    assert upper_bound(record(("a", BoolT(True), True)), record(("a", BoolT(False), True))) == record(("a", ANY_BOOL, True))
    assert upper_bound(record(("a", LONG, True)), record(("a", LONG, False))) is None
    assert upper_bound(record(("a", LONG, True)), record(("b", LONG, True))) is None
    assert upper_bound(record(), record(("b", LONG, False))) is None
    assert upper_bound_of([]) is None
    assert upper_bound_of([LONG, LONG, STRING]) is None
    assert upper_bound_of([BoolT(True), BoolT(False)]) == ANY_BOOL


def test_native_forms() -> None:
    held = native_type(record(("a", SetT(EntityT("U")), False), ("b", ExtT("decimal"), True)))
    assert held == native.RecordType(
        (
            native.Member("a", native.SetType(native.EntityType(("U",))), optional=True),
            native.Member("b", native.Scalar("cedar.decimal")),
        )
    )
    assert native_type(LONG) == native.INT
    assert native_type(ExtT("datetime")) == native.DATETIME


def test_shown_as_written() -> None:
    assert show(record(("a", SetT(LONG), True), ("b", BoolT(True), False))) == "{a: Set<Long>, b?: Bool}"
