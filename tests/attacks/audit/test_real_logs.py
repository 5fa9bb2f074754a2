"""The same attacks on a log that the real flows wrote: the SQLite file is edited behind the authority's back, bundles are run again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from intended_core import Authority, TenantAuthority
from intended_core.access.persons import LocalPersonKey, person_message
from intended_core.audit import bundle as layout
from intended_core.audit import lives
from intended_core.audit.archive import pack, unpack
from intended_core.audit.checkpoint import parse_vkey
from intended_core.audit.grades import Grade
from intended_core.audit.manifest import MANIFEST, read_manifest, write_manifest
from intended_core.audit.verdicts import RerunState, TrustPolicy
from intended_core.auditing import export_evidence, verify_evidence, verify_tenant_log
from intended_core.canonical import frame
from intended_core.clock import SystemRandomness
from intended_core.entities import Entity
from intended_core.errors import TokenError
from intended_core.flows.outcomes import Granted, Pending
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.outcome import Deny
from tests.reference.second_verifier import agree

POLICY = """
entity Group;
@root entity Person in Group {}
@root entity Agent {}
entity Account {}
action pay { principal: Agent; resource: Account; args: { amount: Decimal, payee: String }; }
@id("small")
permit small { action == pay; when args.amount > 0.00 and args.amount <= 100.00; because "small"; }
@id("large")
permit large {
  action == pay;
  when args.amount > 100.00;
  approval { from: Group::"chiefs"; quorum: 2; expires: 1h; }
  because "large needs two";
}
"""
BOT, ACCOUNT, CHIEFS = EntityRef("Agent", "bot"), EntityRef("Account", "main"), EntityRef("Group", "chiefs")
PERSONS = [EntityRef("Person", name) for name in ("ann", "bob")]


def pay(amount: str) -> Intent:
    return Intent(principal=BOT, action="pay", resource=ACCOUNT, args={"amount": amount, "payee": "Ann"})


@dataclass
class World:
    tenant: TenantAuthority
    database: Path
    allowed: int
    denied: int
    invalid: int
    approved: int

    @property
    def pins(self) -> list[str]:
        return [str(self.tenant.checkpoint()[1])]

    def edit(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.database) as connection:
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (name,) in triggers:
                connection.execute(f'DROP TRIGGER "{name}"')
            assert connection.execute(statement, values).rowcount > 0
        connection.close()


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[World]:
    """A world of the test's own, to be edited."""
    with build(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with build(tmp_path_factory.mktemp("world")) as made:
        yield made


@contextmanager
def build(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "keys").mkdir()
    (tmp_path / "store").mkdir()
    database = tmp_path / "store" / "authority.db"
    with Authority.create(database, key_file=tmp_path / "keys" / "kek") as authority:
        tenant = authority.create_tenant("acme", "live")
        tenant.activate({"pay.policy": POLICY})
        people = [Entity(ref=person, parents=frozenset({CHIEFS})) for person in PERSONS]
        tenant.put_entities([Entity(ref=BOT), Entity(ref=ACCOUNT), Entity(ref=CHIEFS), *people])
        keys = {person: LocalPersonKey.generate(SystemRandomness()) for person in PERSONS}
        for person, key in keys.items():
            tenant.register_person(person, key.public_key)
        small = pay("12.50")
        granted = tenant.authorize(small, audience="bank")
        assert isinstance(granted, Granted)
        tenant.redeem(granted.token, small.call(), adapter=tenant.adapter("bank"))
        with pytest.raises(TokenError):
            tenant.redeem(granted.token, small.call(), adapter=tenant.adapter("bank"))
        large = pay("5000")
        pending = tenant.authorize(large, audience="bank")
        assert isinstance(pending, Pending)
        for person, key in keys.items():
            tenant.approve(pending.approval_id, person=person, key=key)
        lifted = tenant.authorize(large, audience="bank", approval=pending.approval_id)
        assert isinstance(lifted, Granted)
        denied = tenant.authorize(pay("-1"), audience="bank")
        invalid = tenant.authorize(Intent(principal=BOT, action="steal", resource=ACCOUNT), audience="bank")
        assert isinstance(denied, Deny)
        assert isinstance(invalid, Deny)
        assert denied.seq is not None
        assert invalid.seq is not None
        yield World(tenant, database, granted.seq, denied.seq, invalid.seq, lifted.seq)


def test_no_false_alarm(world: World) -> None:
    verdict = verify_tenant_log(world.tenant, pinned=world.pins)
    assert (verdict.grade, verdict.findings) == (Grade.CONSISTENT_UNANCHORED, ())
    expected = {world.allowed: "allow", world.approved: "allow", world.denied: "deny", world.invalid: "deny"}
    for seq, outcome in expected.items():
        data = export_evidence(world.tenant, seq, made_us=1)
        agree(data, TrustPolicy(log_keys=tuple(parse_vkey(pin) for pin in world.pins)))
        found = verify_evidence(data, pinned=world.pins)
        assert (found.grade, found.findings, found.outcome) == (Grade.CONSISTENT_UNANCHORED, (), outcome)
        assert found.rerun is (RerunState.NO_INPUTS if seq == world.invalid else RerunState.AGREES)


def test_exporting_twice_gives_the_same_bytes(world: World) -> None:
    first = export_evidence(world.tenant, world.allowed, made_us=1)
    assert export_evidence(world.tenant, world.allowed, made_us=1) == first


def test_row_1_an_edited_body(edited: World) -> None:
    seq = edited.allowed
    old = next(row.body for row in edited.tenant.records(start=seq, stop=seq + 1))
    edited.edit("UPDATE record SET body = ? WHERE seq = ?", old.replace(b'"allow"', b'"alloy"'), seq)
    verdict = verify_tenant_log(edited.tenant, pinned=edited.pins)
    assert (verdict.grade, verdict.seq, verdict.findings[0].code) == (Grade.TAMPERED, seq, "record.body")


def test_row_24_an_edited_field(edited: World) -> None:
    seq = edited.allowed
    old = next(row.fields for row in edited.tenant.records(start=seq, stop=seq + 1))
    assert b"12.5" in old
    edited.edit("UPDATE record SET fields = ? WHERE seq = ?", old.replace(b"12.5", b"99.5"), seq)
    verdict = verify_tenant_log(edited.tenant, pinned=edited.pins)
    assert (verdict.grade, verdict.seq, verdict.findings[0].code) == (Grade.TAMPERED, seq, "record.body")


def test_row_2_a_deleted_record(edited: World) -> None:
    edited.edit("DELETE FROM record WHERE seq = ?", edited.allowed)
    verdict = verify_tenant_log(edited.tenant, pinned=edited.pins)
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, edited.allowed)


def test_row_7_a_cut_tail(edited: World) -> None:
    edited.edit("DELETE FROM record WHERE seq >= ?", edited.denied)
    verdict = verify_tenant_log(edited.tenant, pinned=edited.pins)
    assert (verdict.grade, verdict.seq) == (Grade.TRUNCATED, edited.denied)


def test_a_bundle_continues_the_checkpoint_that_its_receiver_kept(edited: World) -> None:
    kept, key = edited.tenant.checkpoint()
    granted = edited.tenant.authorize(pay("3"), audience="bank")
    assert isinstance(granted, Granted)
    edited.tenant.authorize(pay("4"), audience="bank")
    later = edited.tenant.authorize(pay("5"), audience="bank")
    assert isinstance(later, Granted)
    blind = export_evidence(edited.tenant, later.seq, made_us=1)
    assert verify_evidence(blind, pinned=[str(key)], known=kept).grade is Grade.INCOMPLETE
    linked = export_evidence(edited.tenant, later.seq, made_us=1, since=kept)
    assert verify_evidence(linked, pinned=[str(key)], known=kept).grade is Grade.CONSISTENT_UNANCHORED
    newer, _ = edited.tenant.checkpoint()
    old = export_evidence(edited.tenant, edited.allowed, made_us=1)
    edited.tenant.authorize(pay("6"), audience="bank")
    newest, _ = edited.tenant.checkpoint()
    assert verify_evidence(old, pinned=[str(key)], known=newer).grade is Grade.CONSISTENT_UNANCHORED
    assert verify_evidence(old, pinned=[str(key)], known=newest).grade is Grade.TRUNCATED


def forged(world: World, seq: int, name: str, data: bytes) -> bytes:
    """The bundle of `seq` with one member replaced, signed anew with the log's own key."""
    bundle = export_evidence(world.tenant, seq, made_us=1)
    members = dict(unpack(bundle).members)
    predicate = dict(read_manifest(members.pop(MANIFEST)).predicate)
    del predicate["sizes"]
    assert name in members
    members[name] = data
    key = world.tenant.checkpoint()[1]
    return pack({**members, MANIFEST: write_manifest(members, predicate, key=key, sign=world.tenant.sign_log)})


def test_other_policy_sources(world: World) -> None:
    data = forged(world, world.denied, "policy/0000.policy", POLICY.replace("> 0.00", "> -9.00").encode())
    verdict = verify_evidence(data, pinned=world.pins)
    assert (verdict.grade, verdict.rerun, verdict.seq) == (Grade.TAMPERED, RerunState.FAILED, world.denied)
    assert verdict.findings[0].code == "rerun.policy"


@pytest.mark.parametrize("text", ["", "permit", "\x00", "permit x { when " + "(" * 500 + "true; }", "@" * 1000])
def test_sources_that_are_no_policy(world: World, text: str) -> None:
    verdict = verify_evidence(forged(world, world.denied, "policy/0000.policy", text.encode()), pinned=world.pins)
    assert (verdict.grade, verdict.rerun) == (Grade.TAMPERED, RerunState.FAILED)


@pytest.mark.parametrize("data", [b"[]", b"{}", b"null", b"", b'[{"ref":["Agent","bot"]}]', b"[" * 3000])
def test_other_entities(world: World, data: bytes) -> None:
    verdict = verify_evidence(forged(world, world.allowed, layout.ENTITIES, data), pinned=world.pins)
    assert (verdict.grade, verdict.rerun) == (Grade.TAMPERED, RerunState.FAILED)


def test_another_request(world: World) -> None:
    intent = unpack(export_evidence(world.tenant, world.denied, made_us=1)).members[layout.INTENT]
    value = json.loads(intent)
    value["args"]["amount"] = "1"
    changed = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    verdict = verify_evidence(forged(world, world.denied, layout.INTENT, changed), pinned=world.pins)
    assert verdict.grade is Grade.TAMPERED
    assert verdict.rerun is RerunState.FAILED
    assert "inputs.intent" in {finding.code for finding in verdict.findings}


def test_inputs_of_another_decision(world: World) -> None:
    other = unpack(export_evidence(world.tenant, world.allowed, made_us=1)).members
    verdict = verify_evidence(forged(world, world.denied, layout.INTENT, other[layout.INTENT]), pinned=world.pins)
    assert {finding.code for finding in verdict.findings} == {"inputs.intent", "rerun.intent"}
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, world.denied)
    fewer = json.dumps(json.loads(other[layout.ENTITIES])[1:], sort_keys=True, separators=(",", ":")).encode()
    verdict = verify_evidence(forged(world, world.allowed, layout.ENTITIES, fewer), pinned=world.pins)
    assert [finding.code for finding in verdict.findings] == ["rerun.entities"]
    verdict = verify_evidence(forged(world, world.allowed, layout.ENTITIES, b"{}"), pinned=world.pins)
    assert [finding.code for finding in verdict.findings] == ["rerun.rerun"]


def test_an_approval_left_out(world: World) -> None:
    found = world.tenant.collect(world.approved)
    granted = [row for row in found.records if b'"k":"approval.granted"' in row.entry]
    assert len(granted) == 2
    for left_out in granted:
        kept = [(row, proof) for row, proof in zip(found.records, found.proofs, strict=True) if row is not left_out]
        data = layout.write_bundle(
            scope=found.scope, origin=found.origin, generation=found.generation, seq=found.seq, records=[row for row, _ in kept],
            proofs=[proof for _, proof in kept], checkpoint=found.checkpoint, log_key=found.log_key, token_keys=found.token_keys,
            sources=found.sources, intent=found.intent, entities=found.entities, made_us=1, engine="test", headers=found.headers,
            sign=world.tenant.sign_log,
        )  # fmt: skip
        verdict = verify_evidence(data, pinned=world.pins)
        assert verdict.grade is Grade.INCOMPLETE
        assert "approval.missing" in {finding.code for finding in verdict.findings}


def test_one_label_for_persons_in_two_rooms() -> None:
    assert frame(lives._PERSON_LABEL, bytes(32)) == person_message(bytes(32))
