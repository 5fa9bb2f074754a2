from __future__ import annotations

import dataclasses

import pytest

from intended_core import unit
from intended_core.ids import Scope
from intended_core.unit import Changes, Head, Row, RowKey, Unit, UnitView

SCOPE = Scope(tenant="acme", uuid="a" * 32, environment="live")
HEAD = Head(version=1, state=b"{}", mac=b"m")


@pytest.mark.parametrize("name", [name for name in unit.__all__ if name != "RowKind"])
def test_what_crosses_into_a_store_is_frozen(name: str) -> None:
    kind = getattr(unit, name)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)


def test_a_unit_reads_and_writes_nothing_unless_it_says_so() -> None:
    made = Unit(scope=SCOPE, decide=lambda view: Changes(head=view.head or HEAD))
    assert (made.reads, made.threads) == ((), ())
    changes = made.decide(UnitView(head=None, rows={}))
    assert (changes.head, changes.writes, changes.records, changes.answer) == (HEAD, (), (), None)


def test_rows_are_named_by_kind_and_key() -> None:
    row = Row(kind="nonce", key="k", version=1, state="ISSUED", body=b"", mac=b"")
    assert RowKey(row.kind, row.key) == RowKey("nonce", "k")
    assert len({RowKey("nonce", "k"), RowKey("person", "k"), RowKey("nonce", "l")}) == 3
