"""Looking for records: every condition narrows, what is found is checked, and a life comes whole."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core import AuditError, EntityRef
from intended_core.searching import LogQuery, life_of, search_log
from tests.reference.flow_world import World


def seqs(world: World, **named: Any) -> list[int]:
    return [record.seq for record in search_log(world.tenant, LogQuery(**named))]


def test_every_condition_narrows(world: World) -> None:
    everything = seqs(world)
    assert everything == list(range(world.tenant.head().size))
    decided = seqs(world, kinds=("decision.",))
    allowed = seqs(world, kinds=("decision.allow",))
    assert set(allowed) < set(decided) < set(everything)
    assert seqs(world, kinds=("decision.allow", "decision.escalate")) == decided
    assert seqs(world, action="pay") == decided
    assert seqs(world, action="pay", kinds=("decision.allow",), rule="large") == []
    assert seqs(world, action="steal") == []
    escalated = set(decided) - set(allowed)
    assert set(seqs(world, rule="large")) <= escalated
    assert seqs(world, text="never-said") == []
    assert set(seqs(world, text='"action":"pay"')) == set(decided)


def test_an_entity_is_found_wherever_a_record_names_it(world: World) -> None:
    bot, ann = EntityRef("Agent", "bot"), EntityRef("Person", "ann")
    assert set(seqs(world, kinds=("decision.",))) < set(seqs(world, about=bot))  # in the intents, and where it was written
    assert [r.kind for r in search_log(world.tenant, LogQuery(about=ann)) if r.kind == "person.registered"] == ["person.registered"]
    assert seqs(world, about=EntityRef("Agent", "bo")) == []


def test_moments(world: World) -> None:
    times = [record.time_us for record in search_log(world.tenant, LogQuery())]
    assert seqs(world, since_us=times[-1] + 1) == []
    assert seqs(world, until_us=times[0]) == []
    assert seqs(world, since_us=times[0], until_us=times[-1] + 1) == list(range(len(times)))


def test_a_kind_that_does_not_exist_is_no_empty_answer() -> None:
    for kind in ("decision.maybe", "decision", "", "x."):
        with pytest.raises(AuditError, match="no record of the kind"):
            LogQuery(kinds=(kind,))


def test_a_life_comes_whole(world: World) -> None:
    rows = list(world.tenant.records())
    consumed = next(row for row in rows if b'"k":"token.consumed"' in row.entry)
    life = life_of(world.tenant, consumed)
    assert [record.kind for record in life] == ["decision.allow", "token.consumed"]
    assert life_of(world.tenant, rows[life[0].seq]) == life
    assert [record.seq for record in life_of(world.tenant, rows[0])] == [0]
