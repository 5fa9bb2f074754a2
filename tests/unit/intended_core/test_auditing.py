"""What auditors do with a log: grades depend on what the verifier brings, and a kept checkpoint is believed only under a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from intended_core import AuditError, Authority, TenantAuthority, entities_from_json, intent_from_json
from intended_core.audit.grades import Grade
from intended_core.auditing import (
    export_evidence,
    export_range,
    is_range,
    show_evidence,
    show_record,
    verify_evidence,
    verify_evidence_range,
    verify_tenant_log,
)
from intended_core.unit import RecordRow
from tests.house.source import ROOT
from tests.reference.audit_world import TenantLog

STORY = ROOT / "policies" / "examples" / "payments"
OTHER = str(TenantLog(9).key)


class World(NamedTuple):
    tenant: TenantAuthority
    seq: int
    kept: bytes
    pin: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("audited")
    (folder / "keys").mkdir(mode=0o700)
    with Authority.create(folder / "a.db", key_file=folder / "keys" / "kek") as authority:
        tenant = authority.create_tenant("acme")
        tenant.activate({path.name: path.read_text(encoding="utf-8") for path in STORY.glob("*.policy")})
        tenant.put_entities(entities_from_json((STORY / "entities.json").read_bytes()))
        kept, key = tenant.checkpoint()
        case = json.loads((STORY / "intents.json").read_bytes())[0]["intent"]
        outcome = tenant.authorize(intent_from_json(json.dumps(case).encode()), audience="bank")
        yield World(tenant, outcome.seq, kept, str(key))


def test_a_log_is_graded_by_what_the_verifier_brings(world: World) -> None:
    assert verify_tenant_log(world.tenant).grade is Grade.CONSISTENT_UNPINNED
    pinned = verify_tenant_log(world.tenant, checkpoints=[world.kept], pinned=[world.pin])
    assert (pinned.grade, pinned.findings) == (Grade.CONSISTENT_UNANCHORED, ())
    assert pinned.size == world.seq + 1


def test_checkpoints_of_strangers_are_not_believed(world: World) -> None:
    for pinned, checkpoints in (
        ([OTHER], [world.kept]),
        ([world.pin], [TenantLog(9).note()]),
        ([], [TenantLog(9).note()]),
    ):
        with pytest.raises(AuditError):
            verify_tenant_log(world.tenant, checkpoints=checkpoints, pinned=pinned)
    with pytest.raises(AuditError):
        verify_tenant_log(world.tenant, pinned=["no key"])


def test_a_bundle_goes_round_and_is_run_again(world: World) -> None:
    data = export_evidence(world.tenant, world.seq, made_us=5, since=world.kept)
    assert export_evidence(world.tenant, world.seq, made_us=5, since=world.kept) == data
    verdict = verify_evidence(data, pinned=[world.pin], known=world.kept)
    assert (verdict.grade, verdict.rerun.value, verdict.outcome) == (Grade.CONSISTENT_UNANCHORED, "agrees", "allow")
    assert verify_evidence(data).grade is Grade.CONSISTENT_UNPINNED
    assert verify_evidence(data, pinned=[OTHER]).exit_code() != 0


def test_a_known_checkpoint_needs_a_key(world: World) -> None:
    data = export_evidence(world.tenant, world.seq, made_us=5)
    with pytest.raises(AuditError) as caught:
        verify_evidence(data, known=world.kept)
    assert caught.value.code == "audit.untrusted"
    for known in (TenantLog(9).note(), b"", world.kept[:-5]):
        with pytest.raises(AuditError):
            verify_evidence(data, pinned=[world.pin], known=known)


def test_what_is_no_decision_has_no_bundle(world: World) -> None:
    for seq in (0, world.seq + 1, -1):
        with pytest.raises(AuditError):
            export_evidence(world.tenant, seq, made_us=5)


def test_a_record_is_shown_only_with_the_body_that_its_header_names(world: World) -> None:
    rows = list(world.tenant.records(start=world.seq, stop=world.seq + 1))
    shown = show_record(rows[0])
    assert (shown.seq, shown.kind, shown.body["outcome"]) == (world.seq, "decision.allow", "allow")
    row = rows[0]
    with pytest.raises(AuditError):
        show_record(RecordRow(row.seq, row.entry, row.body.replace(b"allow", b"denyy"), row.leaf, row.thread))


def test_the_story_of_a_bundle_carries_its_verdict(world: World) -> None:
    data = export_evidence(world.tenant, world.seq, made_us=1)
    story = show_evidence(data, pinned=[world.pin])
    assert story.verdict == verify_evidence(data, pinned=[world.pin])
    assert story.text.startswith("Verdict: CONSISTENT_UNANCHORED\n")
    assert "Everything holds under a key that you brought." in story.html
    assert show_evidence(b"").verdict.grade is Grade.MALFORMED


def test_a_stretch_goes_round_and_holds_everything(world: World, tmp_path: Path) -> None:
    path, again = tmp_path / "all.evb", tmp_path / "again.evb"
    size = export_range(world.tenant, 0, out=path, made_us=5, since=world.kept)
    export_range(world.tenant, 0, world.seq + 1, out=again, made_us=5, since=world.kept)
    assert path.read_bytes() == again.read_bytes()
    assert (path.stat().st_size, is_range(path)) == (size, True)
    verdict = verify_evidence_range(path, pinned=[world.pin], known=world.kept, kind="decision.allow")
    assert (verdict.grade, verdict.selected) == (Grade.CONSISTENT_UNANCHORED, (world.seq,))
    assert verify_evidence_range(path).grade is Grade.CONSISTENT_UNPINNED
    with pytest.raises(AuditError, match="pinned key"):
        verify_evidence_range(path, known=world.kept)
    with pytest.raises(AuditError, match="no record of the kind"):
        verify_evidence_range(path, kind="decision.maybe")


def test_a_stretch_that_fails_leaves_no_file(world: World, tmp_path: Path) -> None:
    with pytest.raises(AuditError):
        export_range(world.tenant, 0, 10_000, out=tmp_path / "x", made_us=5)
    assert list(tmp_path.iterdir()) == []
