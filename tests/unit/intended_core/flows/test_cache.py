"""What a process remembers: only what was authenticated, at the version it was read at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from intended_core.canonical import canonical_json
from intended_core.entities import Entity, EntitySnapshot
from intended_core.errors import IntendedError, IntentError, KeyRingError, PolicyError, StoreCorruptError
from intended_core.flows import cache
from intended_core.flows.cache import EntityCache, ScopeState, StateCache, compile_policy, decode_sources
from intended_core.flows.pointer import PolicyPointer
from intended_core.flows.rows import encode_entity, entity_key
from intended_core.ids import EntityRef, Scope
from intended_core.lang.checker import check
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.unit import Row
from tests.reference.flow_world import ACCOUNT, ANN, BOT, CHIEFS, ENTITIES, POLICY, STRICT, World

REFS = frozenset({BOT, ACCOUNT})


def state(world: World, states: StateCache | None = None, *, fresh: bool = True) -> ScopeState:
    return (states or StateCache(world.store)).get(world.context.scope, world.context.mac, fresh=fresh)


def sealed(world: World, row: Row, **changes: object) -> Row:
    """The row with changes and the tag that belongs to them: what only the authority itself could have written."""
    row = replace(row, **changes)  # type: ignore[arg-type]
    return world.context.mac.seal_row(world.context.scope, row.kind, row.key, row.version, row.state, row.body)


def test_the_state_of_a_scope(world: World) -> None:
    found = state(world)
    assert found.guards == world.head.guards
    assert found.policy is not None
    assert found.policy.checked.sources == (("bank.policy", POLICY),)
    assert found.persons[ANN].ref == ANN
    assert found.ring.active("token").kid != found.ring.active("log").kid
    assert (found.issuer, found.generation) == ("faults", 1)


def test_it_is_read_once_and_again_when_asked(world: World) -> None:
    states = StateCache(world.store)
    first = state(world, states, fresh=False)
    world.tenant.activate({"bank.policy": STRICT})
    assert state(world, states, fresh=False) is first
    second = state(world, states)
    assert second.guards == first.guards + 1
    assert second.policy is not None
    assert second.policy.checked.sources == (("bank.policy", STRICT),)
    assert state(world, states, fresh=False) is second


def test_an_unchanged_policy_is_compiled_once(world: World) -> None:
    states = StateCache(world.store)
    assert state(world, states).policy is state(world, states).policy


def test_a_scope_without_a_policy_has_none(world: World) -> None:
    world.found_another()
    assert StateCache(world.store).get(world.new.scope, world.new.mac, fresh=False).policy is None


def test_a_scope_without_a_head_has_no_state(world: World) -> None:
    with pytest.raises(StoreCorruptError, match="gone"):
        StateCache(world.store).get(world.new.scope, world.new.mac, fresh=False)


@pytest.mark.parametrize("change", [{"version": 7}, {"state": "X"}, {"body": b"{}"}, {"mac": b"m" * 32}], ids=lambda each: next(iter(each)))
@pytest.mark.parametrize("kind", ["signing_key", "policy", "person"])
def test_an_edited_row_gives_no_state(world: World, kind: str, change: dict[str, object]) -> None:
    for key, row in sorted(world.data().rows.items(), key=str):
        if key.kind != kind or (kind == "person" and "state" in change):
            continue  # a person whose row says another state is not read, so that their approvals count no more
        if key.key.startswith("cache:"):
            continue  # a copy that nothing rests on: attacks/store/test_edited_cache.py
        world.restore()
        world.edit(replace(row, **change))  # type: ignore[arg-type]
        with pytest.raises(StoreCorruptError):
            state(world)


def test_a_person_who_is_not_active_is_nobody(world: World) -> None:
    world.edit(sealed(world, world.row("person", entity_key(ANN)), state="REMOVED"))
    assert ANN not in state(world).persons


def test_a_pointer_to_nowhere_and_one_that_is_no_pointer(world: World) -> None:
    pointer = world.row("policy", "active")
    nowhere = replace(PolicyPointer.from_row(pointer), digest=b"x" * 32)
    world.edit(sealed(world, pointer, body=nowhere.to_body()))
    with pytest.raises(StoreCorruptError, match="sources are gone"):
        state(world)
    for body in (b"[]", b"{}", canonical_json({"digest": 5})):
        world.edit(sealed(world, pointer, body=body))
        with pytest.raises(StoreCorruptError, match="damaged"):
            state(world)


def test_sources_under_the_name_of_others(world: World) -> None:
    """Authentic, and still not the set that was activated."""
    name = next(key.key for key in world.data().rows if key.kind == "policy" and key.key.startswith("set:"))
    body = canonical_json({"sources": [["bank.policy", STRICT]]})
    world.edit(sealed(world, world.row("policy", name), body=body))
    with pytest.raises(StoreCorruptError, match="not the one"):
        state(world)


def test_a_key_record_that_contradicts_itself(world: World) -> None:
    key = next(key.key for key in world.data().rows if key.kind == "signing_key" and key.key.startswith("token:"))
    world.edit(sealed(world, world.row("signing_key", key), body=b"{}"))
    with pytest.raises(KeyRingError):
        state(world)


def test_sources_are_decoded_or_damaged() -> None:
    (made,) = decode_sources(canonical_json({"sources": [["a.policy", "entity A;"]]}))
    assert (made.name, made.text) == ("a.policy", "entity A;")
    for body in (b"[]", b"{}", b'{"sources":{}}'):
        with pytest.raises(StoreCorruptError):
            decode_sources(body)


def test_a_set_that_does_not_check_is_not_compiled(world: World) -> None:
    with pytest.raises(PolicyError):
        compile_policy(world.context.scope, [Source.from_bytes("bad.policy", b"permit everything;")])


def entities(world: World, held: EntityCache, refs: frozenset[EntityRef] = REFS, *, fresh: bool = False) -> cache.LoadedEntities:
    policy = state(world).policy
    assert policy is not None
    return held.get(world.context.scope, world.context.mac, policy, refs, fresh=fresh)


def test_entities_come_with_all_they_reach_and_their_version(world: World) -> None:
    loaded = entities(world, EntityCache(world.store), frozenset({ANN}))
    assert loaded.version == world.head.entities
    assert b"chiefs" in loaded.snapshot.wire
    assert b"main" not in loaded.snapshot.wire


def test_a_snapshot_is_kept_until_it_is_asked_for_anew(world: World) -> None:
    held = EntityCache(world.store)
    first = entities(world, held)
    world.tenant.put_entities([Entity(ref=ACCOUNT, attributes={"closed": True})])
    assert entities(world, held) is first
    second = entities(world, held, fresh=True)
    assert (second.version, first.version) == (world.head.entities, world.head.entities - 1)
    assert second.snapshot.digest != first.snapshot.digest
    assert entities(world, held) is second


def test_snapshots_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_CACHED_SNAPSHOTS", 2)
    held = EntityCache(world.store)
    first = entities(world, held, frozenset({BOT}))
    for other in (ANN, CHIEFS):
        entities(world, held, frozenset({other}))
    assert entities(world, held, frozenset({BOT})) is not first


def test_an_entity_that_is_not_there_or_was_removed_is_not_in_the_snapshot(world: World) -> None:
    """The engine denies for want of it; what is in a group that is gone cannot even be read."""
    assert b"none" not in entities(world, EntityCache(world.store), frozenset({EntityRef("Account", "none")})).snapshot.wire
    world.tenant.remove_entities([ACCOUNT, CHIEFS])
    assert b"main" not in entities(world, EntityCache(world.store)).snapshot.wire
    with pytest.raises(IntentError, match="not known"):
        entities(world, EntityCache(world.store), frozenset({ANN}))


@pytest.mark.parametrize("state", ["ACTIVE", "REMOVED"])
def test_an_edited_entity_row_is_noticed_even_where_it_narrows(world: World, state: str) -> None:
    row = world.row("entity", entity_key(ACCOUNT))
    world.edit(replace(row, state=state, body=encode_entity(Entity(ref=ACCOUNT, attributes={"closed": True}))))
    with pytest.raises(StoreCorruptError):
        entities(world, EntityCache(world.store))


def test_a_decision_reaches_a_bounded_number_of_entities(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_CLOSURE", 1)
    entities(world, EntityCache(world.store), frozenset({BOT}))
    with pytest.raises(IntentError, match="more than 1"):
        entities(world, EntityCache(world.store), frozenset({ANN}))


class Elsewhere:
    """A provider of the host's own."""

    def __init__(self, given: list[Entity]) -> None:
        self.given = {entity.ref: entity for entity in given}

    def snapshot(self, scope: Scope, refs: frozenset[EntityRef]) -> EntitySnapshot:
        return EntitySnapshot(version="7", entities=self.given)


def test_a_provider_of_the_hosts_own_is_typed_as_well(world: World) -> None:
    policy = state(world).policy
    assert policy is not None
    held, scope, mac = EntityCache(world.store), world.context.scope, world.context.mac
    loaded = held.get(scope, mac, policy, REFS, fresh=False, provider=Elsewhere(ENTITIES))
    assert loaded.version is None
    wrong = [Entity(ref=ACCOUNT, attributes={"closed": "yes"})]
    with pytest.raises(IntendedError):
        held.get(scope, mac, policy, REFS, fresh=False, provider=Elsewhere(wrong))


def test_the_same_texts_are_checked_once_and_other_texts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def counting(sources: Sequence[Source]) -> CheckedPolicySet:
        seen.append(sources[0].text)
        return check(sources)

    monkeypatch.setattr(cache, "check", counting)
    text = "entity Once;\n@root entity User;\naction go { principal: User; resource: Once; }\n"
    scope = Scope(tenant="t", uuid="0" * 32, environment="test")
    first = cache.compile_policy(scope, [Source.from_text("once.policy", text)])
    again = cache.compile_policy(scope, [Source.from_text("once.policy", text)])
    assert first.checked is again.checked
    assert seen == [text]
    for name, other in (("once.policy", text + "\n"), ("other.policy", text)):
        cache.compile_policy(scope, [Source.from_text(name, other)])
    assert seen == [text, text + "\n", text]
    for _ in range(2):
        with pytest.raises(PolicyError):
            cache.compile_policy(scope, [Source.from_text("once.policy", "permit")])
    assert seen.count("permit") == 2
