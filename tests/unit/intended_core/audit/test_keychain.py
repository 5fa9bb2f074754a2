"""A change of token keys that nobody vouched for is found, whoever wrote the record."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core import Grade, verify_tenant_log
from intended_core.audit.keychain import KeyChain
from intended_core.audit.record import make_record, parse_body, parse_entry
from intended_core.canonical import unb64url
from intended_core.unit import RecordRow
from tests.reference.flow_world import World


@pytest.fixture
def changed(world: World) -> World:
    """Prepared, rotated twice, called compromised, rotated again."""
    world.tenant.keyring.prepare()
    world.tenant.rotate_keys()
    world.tenant.rotate_keys(algorithm="Ed25519")
    world.tenant.keyring.compromise(world.signing, signatures=world.both_sign(world.signing))
    world.tenant.rotate_keys()
    return world


def forged(row: RecordRow, **members: Any) -> RecordRow:
    """The record with other members in its body, written as its log would write it."""
    entry = parse_entry(row.entry)
    body = parse_body(row.body, expected=entry.body_hash)
    salt = unb64url(str(body.pop("salt")))
    return make_record(
        origin=entry.origin, tenant_uuid=entry.tenant_uuid, generation=entry.generation, seq=entry.seq, epoch=entry.epoch,
        time_us=entry.time_us, kind=entry.kind, body={**body, **members}, salt=salt, previous_leaf=entry.previous_leaf,
        thread=entry.thread, writer=entry.writer, policy_digest=entry.policy_digest, trace=entry.trace,
    )  # fmt: skip


def finding(world: World, seq: int = -1, **members: Any) -> tuple[str, int] | None:
    chain = KeyChain(world.tenant.scope)
    rows = [forged(row, **members) if row.seq == seq else row for row in world.data().records]
    assert list(chain.watch(rows)) == rows
    return None if chain.finding is None else (chain.finding.code, chain.finding.seq or 0)


def at(world: World, kind: str, number: int = 0) -> int:
    return [seq for seq, found in enumerate(world.kinds()) if found == kind][number]


def test_an_honest_log(changed: World) -> None:
    assert finding(changed) is None
    assert verify_tenant_log(changed.tenant).grade is Grade.CONSISTENT_UNPINNED


@pytest.mark.parametrize("kind", ["key.generated", "key.rotated"])
def test_a_change_that_the_old_key_did_not_sign_for(changed: World, kind: str) -> None:
    seq = at(changed, kind)
    body = changed.body(seq)
    for members in (
        {"signed": {}}, {"signed": {**body["signed"], "old": body["signed"]["new"]}}, {"at_us": body["at_us"] + 1}, {"signed": None},
    ):  # fmt: skip
        assert finding(changed, seq, **members) == ("key.transition", seq)


def test_a_key_of_the_forgers_own(changed: World) -> None:
    first, second = at(changed, "key.rotated"), at(changed, "key.rotated", 1)
    other = changed.body(second)
    own = {name: other[name] for name in ("active", "active_key", "active_alg")}
    assert finding(changed, first, **own) == ("key.transition", first)
    assert finding(changed, first, active=other["active"]) == ("key.transition", first)
    assert finding(changed, second, previous="A" * 43) == ("key.transition", second)
    assert finding(changed, 1, token_kid=own["active"], token_key=own["active_key"], token_alg=own["active_alg"]) is not None


def test_a_compromise_that_two_persons_did_not_sign(changed: World) -> None:
    seq = at(changed, "key.compromised")
    ann, bob = changed.body(seq)["persons"]
    for persons in ([], [ann], [ann, ann], [ann, [*bob[:3], ann[3]]], [ann, bob[:3]], None):
        assert finding(changed, seq, persons=persons) == ("key.transition", seq)


def test_the_verdict_over_a_log_says_so(changed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = KeyChain._follow

    def refuse(self: KeyChain, kind: Any, seq: int, body: Any) -> None:
        looked(self, kind, seq, {**body, "signed": {}})

    monkeypatch.setattr(KeyChain, "_follow", refuse)
    verdict = verify_tenant_log(changed.tenant)
    assert verdict.grade is Grade.TAMPERED
    assert [found.code for found in verdict.findings] == ["key.transition"]
