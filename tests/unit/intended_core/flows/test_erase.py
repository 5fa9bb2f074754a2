"""Erasing bodies: two persons, one unit, every header kept; and what is asked of the log afterwards says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from intended_core import (
    AccessDeniedError,
    AuditError,
    EntityRef,
    Grade,
    KeyRingError,
    LogQuery,
    search_log,
    show_record,
)
from intended_core.auditing import export_evidence, export_range, verify_evidence_range, verify_tenant_log
from intended_core.errors import UnitRefusedError
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World, intent

BOTH = [(ANN, ANN_KEY), (BOB, BOB_KEY)]
BOT = EntityRef("Agent", "bot")


def expires(world: World) -> int:
    return world.runtime.clock.now_us() + 600_000_000


def decided(world: World) -> list[int]:
    return [record.seq for record in search_log(world.tenant, LogQuery(kinds=("decision.",), about=BOT))]


def test_what_is_erased_is_gone_and_the_log_still_holds(world: World, tmp_path: Path) -> None:
    tenant, seqs = world.tenant, decided(world)
    kept, key = tenant.checkpoint()
    headers = [row.entry for row in tenant.records()]
    planned = tenant.erasures.plan("redact", seqs, reason="somebody asked", basis="GDPR art. 17")
    assert planned.count == len(seqs)
    done = tenant.erasures.erase(planned, expires_us=expires(world), keys=BOTH)
    assert (done.records, done.snapshots > 0) == (len(seqs), True)
    rows = list(tenant.records())
    assert [row.entry for row in rows[: len(headers)]] == headers
    assert [row.seq for row in rows if not row.body] == seqs
    assert all(show_record(rows[seq]).erased for seq in seqs)
    verdict = verify_tenant_log(tenant, checkpoints=[kept], pinned=[str(key)])
    assert (verdict.grade, verdict.findings, verdict.erased) == (Grade.CONSISTENT_UNANCHORED, (), len(seqs))
    with pytest.raises(AuditError, match="erased"):
        export_evidence(tenant, seqs[0], made_us=1)
    export_range(tenant, 0, out=tmp_path / "all.evb", made_us=1, since=kept)
    stretch = verify_evidence_range(tmp_path / "all.evb", pinned=[str(key)], known=kept)
    assert (stretch.grade, stretch.withheld, (stretch.kinds or {})["log.redact"]) == (Grade.CONSISTENT_UNANCHORED, len(seqs), 1)
    assert decided(world) == []


def test_what_others_rest_on_is_left_out(world: World) -> None:
    tenant = world.tenant
    planned = tenant.erasures.plan("prune", range(tenant.head().size), reason="older than the law asks", basis="10 years")
    rows = list(tenant.records())
    named = {seq for start, stop in planned.places for seq in range(start, stop)}
    left = {show_record(row).kind for row in rows if row.seq not in named}
    assert {"log.genesis", "tenant.created", "policy.activated", "person.registered"} <= left
    tenant.erasures.erase(planned, expires_us=expires(world), keys=BOTH)
    assert show_record(list(tenant.records())[-1]).kind == "log.prune"
    assert verify_tenant_log(tenant).findings == ()
    with pytest.raises(AuditError, match="nothing to erase"):
        tenant.erasures.plan("prune", range(tenant.head().size), reason="again", basis="10 years")


def test_deciding_and_redeeming_go_on(world: World) -> None:
    """A snapshot that went is written anew with the next decision on the same entities, and that one can be handed over."""
    planned = world.tenant.erasures.plan("redact", decided(world), reason="somebody asked", basis="law")
    world.tenant.erasures.erase(planned, expires_us=expires(world), keys=BOTH)
    granted = world.tenant.authorize(intent(), audience="bank")
    assert export_evidence(world.tenant, granted.seq, made_us=1)
    assert verify_tenant_log(world.tenant).findings == ()


def test_one_person_does_not_erase(world: World) -> None:
    tenant, seqs = world.tenant, decided(world)
    planned = tenant.erasures.plan("redact", seqs, reason="somebody asked", basis="law")
    before = list(tenant.records())
    for keys in ([], BOTH[:1], [BOTH[0], BOTH[0]], [(ANN, ANN_KEY), (BOB, ANN_KEY)]):
        with pytest.raises((KeyRingError, AccessDeniedError)):
            tenant.erasures.erase(planned, expires_us=expires(world), keys=keys)
    for late in (world.runtime.clock.now_us(), world.runtime.clock.now_us() + 90_000_000_000):
        with pytest.raises(KeyRingError, match="expired"):
            tenant.erasures.erase(planned, expires_us=late, keys=BOTH)
    assert list(tenant.records()) == before


def test_a_signature_is_for_exactly_these_records(world: World) -> None:
    tenant, seqs, until = world.tenant, decided(world), expires(world)
    one = tenant.erasures.plan("redact", seqs[:1], reason="somebody asked", basis="law")
    all_of_them = tenant.erasures.plan("redact", seqs, reason="somebody asked", basis="law")
    asked = tenant.erasures.digest(one, expires_us=until)
    given = [(ref, key.sign(asked)) for ref, key in BOTH]
    with pytest.raises(KeyRingError):
        tenant.erasures.erase(all_of_them, expires_us=until, signatures=given)
    assert tenant.erasures.erase(one, expires_us=until, signatures=given).records == 1


def test_a_plan_of_another_log_is_refused(world: World) -> None:
    tenant = world.tenant
    planned = tenant.erasures.plan("redact", decided(world), reason="somebody asked", basis="law")
    longer = replace(planned, places=((2, 10_000),))
    with pytest.raises(AuditError, match="plan it again"):
        tenant.erasures.erase(longer, expires_us=expires(world), keys=BOTH)


@pytest.mark.parametrize("text", ["", "a\nb", "\x1b[2J", "x" * 501])
def test_reasons_are_sentences(world: World, text: str) -> None:
    for named in ({"reason": text, "basis": "law"}, {"reason": "asked", "basis": text}):
        with pytest.raises(AuditError, match="sentence"):
            world.tenant.erasures.plan("redact", decided(world), **named)
    with pytest.raises(AuditError, match="no record"):
        world.tenant.erasures.plan("redact", [10_000], reason="asked", basis="law")


def test_a_plan_is_not_believed(world: World) -> None:
    """Whoever calls may have written it themselves: what others rest on stays, whatever two persons signed, and no snapshot goes but theirs."""
    tenant, until = world.tenant, expires(world)
    planned = tenant.erasures.plan("redact", decided(world)[:1], reason="somebody asked", basis="law")
    before = list(tenant.records())
    for places in (((0, 1),), ((0, 3),), ((2, 3),), ((6, 8), (7, 9)), ((7, 8), (6, 7)), ((6, 6),), ((-1, 1),), ()):
        with pytest.raises((AuditError, UnitRefusedError)):
            tenant.erasures.erase(replace(planned, places=places), expires_us=until, keys=BOTH)
    assert list(tenant.records()) == before
    granted = tenant.authorize(intent(), audience="bank")
    row = next(row for row in world.store.scan(tenant.scope, "snapshot"))
    harmless = next(r.seq for r in search_log(tenant, LogQuery(kinds=("token.consumed",))))
    other = tenant.erasures.plan("redact", [harmless], reason="somebody asked", basis="law")
    assert other.snapshots == ()
    done = tenant.erasures.erase(replace(other, snapshots=(row.key,)), expires_us=until, keys=BOTH)
    assert done.snapshots == 0
    assert export_evidence(tenant, granted.seq, made_us=1)
    assert verify_tenant_log(tenant).findings == ()
