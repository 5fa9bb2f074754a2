"""Entities as the schema accepts them: closed, without cycles, one wire form, one digest."""

from __future__ import annotations

import pytest

from intended_core import Entity, EntityRef, IntentError
from intended_core.entities import EntitySnapshot
from intended_core.lang.checker import check
from intended_core.lang.snapshot import TypedSnapshot, parse_snapshot, type_entity, type_snapshot
from intended_core.lang.source import Source

TEXT = """
entity Group in Group;
@root entity User in Group { level: Int, limit: Decimal, boss?: User, @max(3) tags: Set<String> }
entity Doc;
action read { principal: User; resource: Doc; }
@id("p") permit p { action == read; }
"""
SCHEMA = check([Source.from_text("t.policy", TEXT)]).schema
ANN = EntityRef("User", "ann")


def group(name: str) -> EntityRef:
    return EntityRef("Group", name)


def user(name: str = "ann", *parents: EntityRef, **changes: object) -> Entity:
    attributes = {"level": 1, "limit": "1.50", "tags": ["b", "a"], **changes}
    return Entity(
        ref=EntityRef("User", name),
        parents=frozenset(parents),
        attributes={k: v for k, v in attributes.items() if v is not None},
    )


def groups(*edges: tuple[str, str]) -> list[Entity]:
    names = {name for edge in edges for name in edge}
    return [
        Entity(ref=group(n), parents=frozenset(group(b) for a, b in edges if a == n and b != a)) for n in sorted(names)
    ]


def snap(*entities: Entity, version: str = "v") -> TypedSnapshot:
    return type_snapshot(SCHEMA, EntitySnapshot(version=version, entities={e.ref: e for e in entities}))


def test_ancestors_are_closed() -> None:
    made = snap(user("ann", group("a")), *groups(("a", "b"), ("b", "c"), ("a", "c")))
    assert made.ancestors[ANN] == {group("a"), group("b"), group("c")}
    assert made.ancestors[group("c")] == frozenset()
    assert made.attributes[ANN]["limit"] == 1_500_000_000


@pytest.mark.parametrize(
    ("entity", "place"),
    [
        (Entity(ref=EntityRef("Ghost", "x")), 'Ghost::"x"'), (user("ann", EntityRef("Doc", "d")), 'User::"ann"'),
        (user(level="1"), 'User::"ann".level'), (user(level=None), 'User::"ann".level'), (user(level=True), 'User::"ann".level'),
        (user(limit=1.5), 'User::"ann".limit'), (user(tags=["a", "a"]), 'User::"ann".tags'), (user(more=1), 'User::"ann".more'),
        (user(boss=EntityRef("Doc", "d")), 'User::"ann".boss'), (user(tags=["\ud800"]), 'User::"ann".tags[0]'),
        (Entity(ref=ANN, attributes=[1]), 'User::"ann"'),  # type: ignore[arg-type]
        (Entity(ref=EntityRef("Doc", "d"), attributes={"x": 1}), 'Doc::"d".x'),
    ],
)  # fmt: skip
def test_an_entity_that_does_not_fit_is_refused_with_its_place(entity: Entity, place: str) -> None:
    with pytest.raises(IntentError) as caught:
        type_entity(SCHEMA, entity)
    assert caught.value.place == place


def test_a_dangling_parent_is_refused() -> None:
    with pytest.raises(IntentError, match="not known") as caught:
        snap(user("ann", group("nowhere")))
    assert caught.value.place == 'User::"ann"'


@pytest.mark.parametrize("edges", [[("a", "b"), ("b", "a")], [("a", "b"), ("b", "c"), ("c", "a")]])
def test_a_cycle_is_refused(edges: list[tuple[str, str]]) -> None:
    with pytest.raises(IntentError, match="own ancestor"):
        snap(*groups(*edges))


def test_an_entity_in_itself_is_refused() -> None:
    with pytest.raises(IntentError, match="own ancestor"):
        snap(Entity(ref=group("a"), parents=frozenset({group("a")})))


def test_an_entity_under_anothers_name_is_refused() -> None:
    with pytest.raises(IntentError, match="another's name"):
        type_snapshot(SCHEMA, EntitySnapshot(version="v", entities={EntityRef("User", "eve"): user()}))


def test_the_wire_form_reads_back_as_itself() -> None:
    made = snap(user("ann", group("a"), boss=ANN), user("bob"), *groups(("a", "b")), Entity(ref=EntityRef("Doc", "d")))
    again = parse_snapshot(SCHEMA, made.wire)
    assert (again.attributes, again.ancestors, again.wire, again.digest) == (
        made.attributes,
        made.ancestors,
        made.wire,
        made.digest,
    )


def test_order_and_version_do_not_change_the_digest_and_everything_else_does() -> None:
    world = [user("ann", group("a")), user("bob"), *groups(("a", "b"))]
    base = snap(*world)
    assert snap(*reversed(world), version="other").digest == base.digest
    assert snap(user("ann", group("a"), tags=["a", "b"]), *world[1:]).digest == base.digest
    others = [
        snap(user("ann", group("a"), level=2), *world[1:]), snap(user("ann", group("b")), *world[1:]), snap(user("ann"), *world[1:]),
        snap(user("ann", group("a"), boss=ANN), *world[1:]), snap(user("ann", group("a"), tags=[]), *world[1:]), snap(world[0], *world[2:]),
    ]  # fmt: skip
    assert len({base.digest, *(other.digest for other in others)}) == 7
    wider = check([Source.from_text("t.policy", TEXT + "entity More;")]).schema
    assert type_snapshot(wider, EntitySnapshot(version="v", entities={e.ref: e for e in world})).digest != base.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"i:1"', b'"i:01"'), (b'"d:1.5"', b'"d:1.50"'), (b'["s:a","s:b"]', b'["s:b","s:a"]'), (b'["s:a","s:b"]', b'["s:a","s:a"]'),
     (b'"User","ann"', b'"Doc","ann"'), (b'"User","ann"', b'"Ghost","ann"'), (b'"ref"', b'"raf"'), (b'"parents":[]', b'"parents":[["Group","x"]]'),
     (b'"parents":[]', b'"parents":{}'), (b'"level":"i:1"', b'"level":"i:1","x":"i:1"'), (b'"parents":[]', b'"more":1,"parents":[]'),
     (b"[{", b"[ {")],
)  # fmt: skip
def test_another_spelling_of_a_wire_form_is_refused(old: bytes, new: bytes) -> None:
    wire = snap(user()).wire
    assert old in wire
    with pytest.raises(IntentError):
        parse_snapshot(SCHEMA, wire.replace(old, new, 1))


def test_an_entity_twice_is_refused() -> None:
    wire = snap(user()).wire
    with pytest.raises(IntentError):
        parse_snapshot(SCHEMA, b"[" + wire[1:-1] + b"," + wire[1:-1] + b"]")


@pytest.mark.parametrize("wire", [b"", b"null", b"{}", b"1", b"[1]", b"[[]]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_snapshot_is_refused(wire: bytes) -> None:
    with pytest.raises(IntentError):
        parse_snapshot(SCHEMA, wire)
