"""found: a scope's secret, keys, first records and head come into being together, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.canonical import b64url
from intended_core.errors import IntendedError, KeyRingError, StoreError, UnitRefusedError
from intended_core.flows.effects import Commit, GenerateKey, Seal
from intended_core.flows.tenant import Founded, found, mac_place, make_key, signing_row
from intended_core.keys.ring import KeyRecord, KeyState, private_place
from intended_core.keys.sealing import open_sealed
from intended_core.ports import GeneratedKey
from tests.reference.flow_world import SECRET, Traced, World, at, raising, trace


def founding(world: World) -> Traced:
    return trace(world, found(world.new, origin="faults/new", issuer="faults", secret=SECRET))


def test_secrets_are_sealed_before_the_one_unit(world: World) -> None:
    seen = founding(world)
    assert seen.order == ["Seal", "GenerateKey", "Seal", "GenerateKey", "Seal", "Commit"]
    assert isinstance(seen.result, Founded)
    assert (seen.result.origin, seen.result.issuer) == ("faults/new", "faults")


def test_what_a_new_scope_holds(world: World) -> None:
    done = founding(world).result
    data = world.store.snapshot()[world.new.scope.key]
    assert sorted((row.kind, row.state, row.version) for row in data.rows.values()) == [
        ("policy", "STANDS", 1), ("secret", "SEALED", 1), ("signing_key", "ACTIVE", 1), ("signing_key", "ACTIVE", 1),
    ]  # fmt: skip
    for row in data.rows.values():
        world.new.mac.check(world.new.scope, row)
    (secret,) = [row for row in data.rows.values() if row.kind == "secret"]
    assert open_sealed(kek=world.runtime.kek, place=mac_place(world.new.scope), blob=secret.body) == SECRET
    assert len(data.records) == 2
    assert b64url(done.log_public_der) in data.records[0].body.decode()
    assert all(SECRET not in record.body + record.entry for record in data.records)


def test_a_scope_is_founded_once(world: World) -> None:
    founding(world)
    before = world.store.snapshot()
    error = founding(world).error
    assert isinstance(error, UnitRefusedError)
    assert error.code == "scope_exists"
    assert world.store.snapshot() == before


@pytest.mark.parametrize("kind", [Seal, GenerateKey, Commit])
def test_whatever_fails_leaves_nothing_of_the_scope(world: World, kind: type) -> None:
    flow = found(world.new, origin="faults/new", issuer="faults", secret=SECRET)
    assert isinstance(trace(world, flow, at(kind, raising(StoreError("broken")))).error, IntendedError)
    data = world.store.snapshot()[world.new.scope.key]
    assert (data.head, data.rows, data.records) == (None, {}, ())
    assert isinstance(founding(world).result, Founded), "and it can be tried again"


def test_a_private_key_of_another_pair_is_refused_before_it_is_sealed(world: World) -> None:
    flow = make_key(world.context, algorithm="RS256", purpose="token", state=KeyState.ACTIVE)
    assert isinstance(next(flow), GenerateKey)
    one, two = world.signer.generate("RS256"), world.signer.generate("RS256")
    with pytest.raises(KeyRingError):
        flow.send(GeneratedKey(private_der=one.private_der, public_der=two.public_der))


def test_a_key_of_another_algorithm_is_refused(world: World) -> None:
    flow = make_key(world.context, algorithm="RS256", purpose="token", state=KeyState.ACTIVE)
    next(flow)
    with pytest.raises(KeyRingError):
        flow.send(world.signer.generate("Ed25519"))


def test_a_made_key_is_sealed_to_its_own_place(world: World) -> None:
    seen = trace(world, make_key(world.context, algorithm="Ed25519", purpose="log", state=KeyState.PRE_ACTIVE))
    record = seen.result
    assert isinstance(record, KeyRecord)
    (sealing,) = [effect for effect in seen.effects if isinstance(effect, Seal)]
    assert sealing.place == private_place(world.context.scope, record.kid)
    assert (record.version, record.state, record.purpose) == (1, KeyState.PRE_ACTIVE, "log")


def test_a_row_names_purpose_and_kid(world: World) -> None:
    record = world.tenant.policy().ring.active("token")
    row = signing_row(world.context, record)
    assert (row.key, row.state, row.version) == (f"token:{record.kid}", "ACTIVE", record.version)
    assert signing_row(world.context, replace(record, version=2)).mac != row.mac
