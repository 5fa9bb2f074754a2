"""The keeper notes what was committed, later and in one write; what cannot be noted is tried again and stops nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from intended_core import Granted
from intended_core.errors import AdapterError
from intended_core.flows.effects import Context
from intended_core.flows.keeper import HeadKeeper
from intended_core.flows.rollback import note_of
from intended_core.flows.runtime import Runtime
from intended_core.ids import Scope
from intended_core.ports import HeadNote
from tests.reference.flow_world import World, intent


class Memory:
    """A mark in memory, which can be broken."""

    def __init__(self) -> None:
        self.notes: dict[str, HeadNote] = {}
        self.writes = 0
        self.broken = False

    def exists(self) -> bool:
        return bool(self.notes)

    def newest(self, scope: Scope) -> HeadNote | None:
        return self.notes.get(scope.key)

    def advance(self, notes: Sequence[tuple[Scope, HeadNote]]) -> None:
        if self.broken:
            raise AdapterError("broken on purpose")
        self.writes += 1
        self.notes.update({scope.key: note for scope, note in notes})


def kept(world: World) -> tuple[Memory, HeadKeeper, Runtime, Context]:
    memory = Memory()
    keeper = HeadKeeper(memory, seconds=3600.0)
    runtime = replace(world.runtime, keeper=keeper)
    world.tenant._runtime = runtime
    return memory, keeper, runtime, world.context


def test_many_commits_are_one_note_of_the_newest_head(world: World) -> None:
    memory, keeper, _, context = kept(world)
    for _ in range(5):
        assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    assert memory.writes == 0, "nothing is written on the path of a request"
    keeper.flush()
    assert (memory.writes, memory.notes[context.scope.key]) == (1, note_of(context, world.head))
    keeper.flush()
    assert memory.writes == 1


def test_closing_notes_the_rest(world: World) -> None:
    memory, keeper, _, context = kept(world)
    world.tenant.authorize(intent(), audience="bank")
    keeper.close()
    assert memory.notes[context.scope.key] == note_of(context, world.head)


def test_a_mark_that_cannot_be_written_denies_nothing_and_is_tried_again(world: World) -> None:
    memory, keeper, _, context = kept(world)
    memory.broken = True
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    keeper.flush()
    assert keeper.failed == "broken on purpose"
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    memory.broken = False
    keeper.flush()
    assert (keeper.failed, memory.notes[context.scope.key].size) == ("", world.head.size)


def test_nothing_is_noted_of_a_log_that_is_suspected(world: World) -> None:
    memory, keeper, _, context = kept(world)
    context.heads.suspect(1)
    world.tenant.authorize(intent(), audience="bank")
    keeper.flush()
    assert memory.notes == {}


def test_a_child_of_a_fork_begins_with_nothing(world: World) -> None:
    memory, keeper, _, context = kept(world)
    world.tenant.authorize(intent(), audience="bank")
    thread = keeper._thread
    keeper._pid = -1  # as in a child: another process made it
    world.tenant.authorize(intent(), audience="bank")
    assert keeper._thread is not thread
    keeper.close()
    assert memory.notes[context.scope.key].size == world.head.size
