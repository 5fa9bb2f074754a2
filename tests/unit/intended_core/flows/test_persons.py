"""Who may act changes through the log: by the host until there is an admin, then by an admin who is somebody else."""

from __future__ import annotations

import pytest

from intended_core import (
    AccessDeniedError,
    Entity,
    EntityRef,
    IntentError,
    KeyRingError,
    LocalPersonKey,
    Pending,
    UnitRefusedError,
)
from intended_core.access.persons import authenticate
from intended_core.canonical import b64url, unb64url
from intended_core.clock import SystemRandomness
from intended_core.flows.effects import Commit
from intended_core.flows.persons import (
    change_statement,
    list_persons,
    register_person,
    remove_person,
    rotate_person,
    rotation_digest,
)
from intended_core.flows.rows import entity_key
from intended_core.persons import Person
from tests.reference.flow_world import (
    ANN,
    ANN_KEY,
    BOB,
    BOB_KEY,
    CHIEFS,
    NOW_US,
    POLICY,
    Traced,
    World,
    at,
    intent,
    trace,
)

EVE, EVE_KEY = EntityRef("Person", "eve"), LocalPersonKey.generate(SystemRandomness())
NEW_KEY = LocalPersonKey.generate(SystemRandomness())
UNTIL = NOW_US + 60_000_000


def person(ref: EntityRef, key: LocalPersonKey, *roles: str) -> Person:
    return Person(ref=ref, public_key=key.public_key, roles=frozenset(roles or ("approver",)))


@pytest.fixture
def governed(world: World) -> World:
    """Eve is an admin."""
    world.tenant.persons.add(EVE, EVE_KEY.public_key, roles=["admin"])
    return world


def signed(world: World, verb: str, who: Person, signer: EntityRef = EVE, key: LocalPersonKey = EVE_KEY) -> list[tuple[EntityRef, bytes]]:
    statement = trace(world, change_statement(world.context, verb, who, expires_us=UNTIL)).result  # type: ignore[arg-type]
    return [(signer, key.sign(statement.digest()))]


def registering(world: World, who: Person, signatures: object = (), before: object = None) -> Traced:
    flow = register_person(world.context, who, signatures=signatures, expires_us=UNTIL)  # type: ignore[arg-type]
    return trace(world, flow, before)  # type: ignore[arg-type]


def test_the_host_registers_and_replaces_until_there_is_an_admin(world: World) -> None:
    before = world.head
    seen = registering(world, person(ANN, NEW_KEY, "approver", "viewer"))
    assert (seen.order, seen.result) == (["LoadState", "Commit"], before.size)
    assert (world.head.guards, world.head.entities) == (before.guards + 1, before.entities)
    assert world.row("person", entity_key(ANN)).version == 2
    assert world.tenant.policy().persons[ANN] == person(ANN, NEW_KEY, "approver", "viewer")
    assert world.kinds(before.size) == ["person.registered"]
    assert (world.body()["roles"], world.body()["replaces"]) == (["approver", "viewer"], 1)


def test_everybody_is_listed_by_name(world: World) -> None:
    assert [each.ref for each in trace(world, list_persons(world.context)).result] == [ANN, BOB]


@pytest.mark.parametrize("key", [b"", b"k" * 31, b"k" * 33, bytes(32), b"\x01" + bytes(31)])
def test_a_person_key_is_a_sound_point_of_32_bytes(world: World, key: bytes) -> None:
    error = registering(world, Person(ref=EVE, public_key=key)).error
    assert isinstance(error, IntentError | KeyRingError)


@pytest.mark.parametrize("roles", [(), ("root",), ("approver", "root")])
def test_a_role_that_does_not_exist(world: World, roles: tuple[str, ...]) -> None:
    who = Person(ref=EVE, public_key=EVE_KEY.public_key, roles=frozenset(roles))
    assert isinstance(registering(world, who).error, IntentError)


def test_one_key_under_two_names_is_one_person_where_persons_are_counted(world: World) -> None:
    assert registering(world, person(EVE, ANN_KEY)).error is None
    world.tenant.put_entities([Entity(ref=ref, parents=frozenset({CHIEFS})) for ref in (ANN, EVE)])
    world.tenant.activate({"bank.policy": POLICY.replace("quorum: 1", "quorum: 2")})
    request = world.tenant.authorize(intent("500.00"), audience="bank")
    assert isinstance(request, Pending)
    assert world.tenant.approve(request.approval_id, person=ANN, key=ANN_KEY).state == "PENDING"
    with pytest.raises(AccessDeniedError, match="distinct"):
        world.tenant.approve(request.approval_id, person=EVE, key=ANN_KEY)


class TestGoverned:
    def test_the_host_alone_changes_nobody_any_more(self, governed: World) -> None:
        before = governed.data()
        for flow in (register_person(governed.context, person(ANN, NEW_KEY)), remove_person(governed.context, ANN)):
            assert isinstance(trace(governed, flow).error, KeyRingError)
        with pytest.raises(KeyRingError):
            governed.tenant.register_person(EntityRef("Person", "mallory"), NEW_KEY.public_key)
        assert governed.data() == before

    def test_an_admin_registers_and_removes(self, governed: World) -> None:
        joe = person(EntityRef("Person", "joe"), NEW_KEY, "approver", "operator")
        assert registering(governed, joe, signed(governed, "register", joe)).error is None
        body = governed.body()
        assert body["by"][0][:3] == ["Person", "eve", b64url(EVE_KEY.public_key)]
        authenticate(person(EVE, EVE_KEY), digest=unb64url(body["digest"]), signature=unb64url(body["by"][0][3]))
        flow = remove_person(governed.context, joe.ref, signatures=signed(governed, "remove", joe), expires_us=UNTIL)
        assert trace(governed, flow).error is None
        assert joe.ref not in governed.tenant.policy().persons
        assert governed.row("person", entity_key(joe.ref)).state == "REMOVED"

    def test_who_is_no_admin_signs_for_nobody(self, governed: World) -> None:
        joe = person(EntityRef("Person", "joe"), NEW_KEY)
        assert isinstance(registering(governed, joe, signed(governed, "register", joe, ANN, ANN_KEY)).error, AccessDeniedError)

    def test_nobody_changes_their_own_roles(self, governed: World) -> None:
        more = person(EVE, EVE_KEY, "admin", "approver")
        assert isinstance(registering(governed, more, signed(governed, "register", more)).error, AccessDeniedError)

    def test_two_admins_change_each_other_and_the_last_one_stays(self, governed: World) -> None:
        ann = person(ANN, ANN_KEY, "admin")
        assert registering(governed, ann, signed(governed, "register", ann)).error is None
        eve = person(EVE, EVE_KEY, "admin")
        flow = remove_person(governed.context, EVE, signatures=signed(governed, "remove", eve, ANN, ANN_KEY), expires_us=UNTIL)
        assert trace(governed, flow).error is None
        for signatures in (signed(governed, "remove", ann, ANN, ANN_KEY), signed(governed, "remove", ann), []):
            flow = remove_person(governed.context, ANN, signatures=signatures, expires_us=UNTIL)
            assert isinstance(trace(governed, flow).error, AccessDeniedError)

    def test_a_statement_is_for_one_change_and_used_once(self, governed: World) -> None:
        joe = person(EntityRef("Person", "joe"), NEW_KEY)
        once = signed(governed, "register", joe)
        assert registering(governed, person(joe.ref, NEW_KEY, "admin"), once).error is not None
        assert registering(governed, joe, once).error is None
        assert isinstance(registering(governed, joe, once).error, KeyRingError)

    def test_a_statement_expires(self, governed: World) -> None:
        joe = person(EntityRef("Person", "joe"), NEW_KEY)
        once = signed(governed, "register", joe)
        governed.clock.advance(seconds=60)
        assert isinstance(registering(governed, joe, once).error, KeyRingError)

    def test_an_admin_who_was_removed_meanwhile(self, governed: World) -> None:
        ann = person(ANN, ANN_KEY, "admin")
        assert registering(governed, ann, signed(governed, "register", ann)).error is None
        joe = person(EntityRef("Person", "joe"), NEW_KEY)
        given = signed(governed, "register", joe)
        meanwhile = at(Commit, lambda: governed.tenant.persons.remove(EVE, keys=[(ANN, ANN_KEY)]))
        assert isinstance(registering(governed, joe, given, meanwhile).error, KeyRingError)


def rotating(world: World, *, old: LocalPersonKey = ANN_KEY, new: LocalPersonKey = NEW_KEY, proof: LocalPersonKey | None = None) -> Traced:
    asked = rotation_digest(world.context.scope, person(ANN, ANN_KEY), new.public_key)
    flow = rotate_person(
        world.context, ANN, new.public_key, signature=old.sign(asked), proof=(proof or new).sign(asked)
    )
    return trace(world, flow)


def test_a_person_changes_their_own_key(governed: World) -> None:
    assert rotating(governed).error is None
    assert governed.tenant.policy().persons[ANN] == person(ANN, NEW_KEY)
    assert governed.body()["rotated"] == b64url(ANN_KEY.public_key)
    with pytest.raises(KeyRingError):
        governed.tenant.approve(governed.pending.approval_id, person=ANN, key=ANN_KEY)
    assert governed.tenant.approve(governed.pending.approval_id, person=ANN, key=NEW_KEY).state == "APPROVED"


def test_both_keys_are_needed_and_they_differ(world: World) -> None:
    for seen in (rotating(world, old=BOB_KEY), rotating(world, proof=BOB_KEY), rotating(world, new=ANN_KEY)):
        assert isinstance(seen.error, KeyRingError)
    assert world.tenant.policy().persons[ANN].public_key == ANN_KEY.public_key


def test_somebody_who_is_not_registered(world: World) -> None:
    asked = bytes(32)
    flow = rotate_person(world.context, EVE, NEW_KEY.public_key, signature=EVE_KEY.sign(asked), proof=NEW_KEY.sign(asked))
    assert isinstance(trace(world, flow).error, KeyRingError)
    assert isinstance(trace(world, remove_person(world.context, EVE)).error, KeyRingError)


@pytest.mark.parametrize("how", ["removed", "with another key"])
def test_an_approval_of_somebody_who_left_counts_no_longer(world: World, how: str) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    if how == "removed":
        world.tenant.persons.remove(ANN)
    else:
        world.tenant.persons.rotate(ANN, old=ANN_KEY, new=NEW_KEY)
    outcome = world.tenant.authorize(intent("500.00"), audience="bank", approval=world.pending.approval_id)
    assert "standing" in outcome.reasons[0].text


def test_persons_that_keep_changing(world: World) -> None:
    count = iter(range(9))
    again = at(Commit, lambda: world.tenant.persons.add(EntityRef("Person", f"p{next(count)}"), _fresh()), times=9)
    seen = registering(world, person(EVE, EVE_KEY), before=again)
    assert isinstance(seen.error, UnitRefusedError)


def _fresh() -> bytes:
    return LocalPersonKey.generate(SystemRandomness()).public_key


def test_two_who_remove_one_person_remove_them_once(world: World) -> None:
    seen = trace(world, remove_person(world.context, BOB), at(Commit, lambda: world.tenant.persons.remove(BOB)))
    assert isinstance(seen.error, KeyRingError)
    assert world.kinds().count("person.removed") == 1
