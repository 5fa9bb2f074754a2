"""Chains at the door: bounded, typed, in one wire form; `narrower` is computed."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import MAX_CHAIN, Grant
from intended_core.lang.grants import chain_from_wire, chain_type, hop_types, type_chain
from intended_core.lang.types import ActionDecl, EntityDecl, ListType, RecordType, Schema
from tests.unit.intended_core.lang.support import run

ANN, BOT, SUB = EntityRef("User", "ann"), EntityRef("Agent", "bot"), EntityRef("Agent", "sub")
FIRST = Grant(
    issuer=ANN, subject=BOT, actions=("transfer", "close"), not_before="2026-11-01T00:00:00Z",
    not_after="2026-12-01T00:00:00Z", verified=True,
)  # fmt: skip
SECOND = replace(FIRST, issuer=BOT, subject=SUB, actions=("transfer",))
NAMES = ("Agent", "User")


def narrower(second: Grant) -> object:
    typed, _ = type_chain((FIRST, second), NAMES, set())
    return typed[1]["narrower"]


def test_the_first_grant_is_as_wide_as_its_root_likes() -> None:
    refs: set[EntityRef] = set()
    (typed,), _ = type_chain((FIRST,), NAMES, refs)
    assert typed["narrower"] is True
    assert refs == {ANN, BOT}


def test_narrower_compares_with_the_grant_before() -> None:
    assert narrower(SECOND) is True
    assert narrower(replace(SECOND, actions=("transfer", "delete"))) is False
    assert narrower(replace(SECOND, not_before="2026-10-31T23:59:59Z")) is False
    assert narrower(replace(SECOND, not_after="2026-12-01T00:00:01Z")) is False


def test_a_grant_that_ends_before_it_begins_is_not_narrower() -> None:
    (typed,), _ = type_chain((replace(FIRST, not_after="2026-10-01T00:00:00Z"),), NAMES, set())
    assert typed["narrower"] is False


def test_the_wire_form_reads_back() -> None:
    _, wire = type_chain((FIRST, SECOND), NAMES, set())
    assert type_chain(chain_from_wire(wire), NAMES, set())[1] == wire
    with pytest.raises((TypeError, KeyError, ValueError, IntentError)):
        chain_from_wire([{**wire[0], "verified": 1}])  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "chain",
    [
        (FIRST,) * 2,
        tuple(replace(FIRST, subject=EntityRef("Agent", f"a{n}")) for n in range(MAX_CHAIN + 1)),
        (replace(FIRST, subject=EntityRef("Payee", "p")),),
        (replace(FIRST, not_before="yesterday"),),
        (replace(FIRST, actions=tuple(f"a{n}" for n in range(65))),),
        (replace(FIRST, verified=1),),  # type: ignore[arg-type]
        ("grant",),
        "chain",
    ],
)  # fmt: skip
def test_refused_at_the_door(chain: object) -> None:
    with pytest.raises(IntentError):
        type_chain(chain, NAMES, set())


def test_hops_are_principals_where_each_is_evaluated() -> None:
    checked, _ = run("action pay { principal: User, Agent; resource: Account; delegation: intersect; }")
    assert checked is not None
    assert hop_types(checked.schema, checked.schema.actions["pay"]) == ("Agent", "User")
    only = dataclasses.replace(checked.schema.actions["pay"], principals=("User",))
    assert hop_types(checked.schema, only) == ("User",)
    kind = chain_type(checked.schema, only)
    assert isinstance(kind, ListType)
    assert kind.max_size == MAX_CHAIN


class Counting(dict[str, ActionDecl]):
    """Actions that count how often somebody goes through them all."""

    walks = 0

    def values(self) -> Any:
        self.walks += 1
        return super().values()


def test_who_may_act_is_gathered_once_a_schema_and_never_taken_from_another() -> None:
    def schema(name: str, entity: str) -> Schema:
        action = ActionDecl(name=name, principals=(entity,), resources=(entity,), args=RecordType(), context=RecordType())
        declared = EntityDecl(name=entity, parents=(), attributes=RecordType(), root=False)
        return Schema(entities={entity: declared}, actions=Counting({name: action}), digest=b"")

    one, two = schema("read", "User"), schema("read", "Robot")
    for made, names in ((one, ("User",)), (two, ("Robot",)), (one, ("User",))):
        assert hop_types(made, made.actions["read"]) == names
    before = one.actions.walks  # type: ignore[attr-defined]
    for _ in range(100):
        hop_types(one, one.actions["read"])
    assert one.actions.walks == before  # type: ignore[attr-defined]
