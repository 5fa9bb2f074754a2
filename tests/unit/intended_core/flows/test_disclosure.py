"""Fields of a decision's evidence: each can be kept back or erased, three verifiers say which, and nothing else about the evidence changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intended_core import AuditError, EntityRef, Grade, parts_about
from intended_core.audit.archive import unpack
from intended_core.audit.checkpoint import parse_vkey
from intended_core.audit.fields import held_paths, read_body
from intended_core.audit.verdicts import RerunState, TrustPolicy
from intended_core.auditing import export_evidence, show_evidence, show_record, verify_evidence, verify_tenant_log
from intended_core.errors import AccessDeniedError, KeyRingError, StoreConflictError
from intended_core.flows.disclosure import shown_records
from intended_core.unit import Changes, Head, RecordRow, Unit, UnitView
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOB_KEY, BOT, World, intent
from tests.reference.second_verifier import agree

BOTH = [(ANN, ANN_KEY), (BOB, BOB_KEY)]
AMOUNT = "intent.args.amount"


def judged(world: World, seq: int, **chosen: Any) -> Any:
    """The package's verdict, after the other two verifiers gave the same."""
    data = export_evidence(world.tenant, seq, made_us=1, **chosen)
    key = str(world.tenant.checkpoint()[1])
    agree(data, TrustPolicy(log_keys=(parse_vkey(key),)))
    return verify_evidence(data, pinned=[key])


def row_of(world: World, seq: int) -> RecordRow:
    return next(iter(world.tenant.records(start=seq, stop=seq + 1)))


def erased(world: World, *fields: tuple[int, str]) -> int:
    planned = world.tenant.erasures.plan("redact", fields=fields, reason="somebody asked", basis="law")
    until = world.runtime.clock.now_us() + 600_000_000
    return world.tenant.erasures.erase(planned, expires_us=until, keys=BOTH).seq


def test_with_everything_shown_the_decision_is_taken_again(world: World) -> None:
    verdict = judged(world, world.tenant.authorize(intent(), audience="bank").seq)
    assert (verdict.grade, verdict.findings, verdict.rerun) == (Grade.CONSISTENT_UNANCHORED, (), RerunState.AGREES)


def test_a_withheld_argument_is_in_no_byte_of_the_evidence(world: World) -> None:
    seq = world.tenant.authorize(intent("77.31"), audience="bank").seq
    data = export_evidence(world.tenant, seq, made_us=1, withhold=[AMOUNT])
    assert b"77.31" in export_evidence(world.tenant, seq, made_us=1)
    assert b"77.31" not in data
    verdict = judged(world, seq, withhold=[AMOUNT])
    assert (verdict.grade, verdict.rerun) == (Grade.INCOMPLETE, RerunState.NOT_RUN)
    assert [(item.code, item.seq) for item in verdict.findings] == [("fields.withheld", seq)]
    assert AMOUNT in verdict.findings[0].text
    assert "ith" in verdict.findings[0].text
    assert any("not run again" in note for note in verdict.notes)
    story = show_evidence(data, pinned=[str(world.tenant.checkpoint()[1])])
    assert "withheld" in story.text
    assert "77.31" not in story.html


def test_one_field_alone_is_shown(world: World) -> None:
    seq = world.tenant.authorize(intent(), audience="bank").seq
    data = export_evidence(world.tenant, seq, made_us=1, disclose=["intent.resource"])
    fields = unpack(data).members[f"fields/{seq:016d}.json"]
    assert held_paths(fields) == ("intent.resource",)
    assert [item.code for item in judged(world, seq, disclose=["intent.resource"]).findings] == ["fields.withheld"]
    assert judged(world, seq, disclose=[]).grade is Grade.INCOMPLETE


def test_a_path_that_nothing_has_is_refused(world: World) -> None:
    seq = world.tenant.authorize(intent(), audience="bank").seq
    rows = [row_of(world, seq)]
    for chosen in ({"withhold": ["intent.args.iban"]}, {"disclose": ["intent.args.iban"]}, {"withhold": ["intent.arg"]}):
        with pytest.raises(AuditError, match="no record"):
            shown_records(rows, **chosen)  # type: ignore[arg-type]
    assert shown_records(rows) == tuple(rows)
    assert AMOUNT not in held_paths(shown_records(rows, withhold=["intent.args"])[0].fields)


def test_an_erased_argument_is_gone_and_the_log_still_holds(world: World) -> None:
    tenant = world.tenant
    seq = tenant.authorize(intent("77.31"), audience="bank").seq
    kept, key = tenant.checkpoint()
    before = row_of(world, seq)
    by = erased(world, (seq, AMOUNT))
    after = row_of(world, seq)
    assert (after.entry, after.body, after.leaf, after.thread) == (before.entry, before.body, before.leaf, before.thread)
    assert b"77.31" in before.fields
    assert b"77.31" not in after.fields
    assert set(held_paths(before.fields)) - set(held_paths(after.fields)) == {AMOUNT, "ith"}
    shown = show_record(after)
    assert (shown.erased, shown.body["$missing"]) == (False, {AMOUNT: by, "ith": by})
    assert shown.body["intent_parts"]["principal"] == ["Agent", "bot"]  # type: ignore[index,call-overload]
    verdict = verify_tenant_log(tenant, checkpoints=[kept], pinned=[str(key)])
    assert (verdict.grade, verdict.findings, verdict.erased, verdict.erased_fields) == (Grade.CONSISTENT_UNANCHORED, (), 0, 2)


def test_evidence_tells_the_erased_from_the_withheld(world: World) -> None:
    seq = world.tenant.authorize(intent(), audience="bank").seq
    by = erased(world, (seq, AMOUNT))
    verdict = judged(world, seq)
    assert [(item.code, item.grade, item.seq) for item in verdict.findings] == [("fields.erased", Grade.INCOMPLETE, seq)]
    assert f"erased by record {by}" in verdict.findings[0].text
    both = judged(world, seq, withhold=["intent.resource"])
    assert [item.code for item in both.findings] == ["fields.withheld", "fields.erased"]


def test_what_names_an_entity_takes_the_snapshot_with_it(world: World) -> None:
    seq = world.tenant.authorize(intent(), audience="bank").seq
    planned = world.tenant.erasures.plan("redact", fields=[(seq, "intent.resource")], reason="somebody asked", basis="law")
    assert planned.parts == ((seq, ("entities_digest", "intent.resource", "ith")),)
    assert len(planned.snapshots) == 1
    assert world.tenant.erasures.plan("redact", fields=[(seq, AMOUNT)], reason="a", basis="b").snapshots == ()


def test_fields_and_records_go_in_one_erasure(world: World) -> None:
    tenant = world.tenant
    one, two = (tenant.authorize(intent(), audience="bank").seq for _ in range(2))
    planned = tenant.erasures.plan("redact", [one], fields=[(one, AMOUNT), (two, AMOUNT)], reason="asked", basis="law")
    assert (planned.count, [seq for seq, _ in planned.parts]) == (1, [two])
    done = tenant.erasures.erase(planned, expires_us=world.runtime.clock.now_us() + 1_000_000, keys=BOTH)
    assert (done.records, done.fields) == (1, 2)
    assert row_of(world, one).body == row_of(world, one).fields == b""
    assert verify_tenant_log(tenant).findings == ()
    again = tenant.erasures.plan("redact", [two], fields=[(two, "intent.resource")], reason="asked", basis="law")
    tenant.erasures.erase(again, expires_us=world.runtime.clock.now_us() + 1_000_000, keys=BOTH)
    assert verify_tenant_log(tenant).findings == ()


def test_one_person_erases_no_field(world: World) -> None:
    seq = world.tenant.authorize(intent(), audience="bank").seq
    planned = world.tenant.erasures.plan("redact", fields=[(seq, AMOUNT)], reason="asked", basis="law")
    before = list(world.tenant.records())
    for keys in ([], BOTH[:1], [BOTH[0], BOTH[0]]):
        with pytest.raises((KeyRingError, AccessDeniedError)):
            world.tenant.erasures.erase(planned, expires_us=world.runtime.clock.now_us() + 1_000_000, keys=keys)
    assert list(world.tenant.records()) == before


def test_a_plan_of_fields_is_not_believed(world: World) -> None:
    tenant, until = world.tenant, world.runtime.clock.now_us() + 1_000_000
    seq = tenant.authorize(intent(), audience="bank").seq
    planned = tenant.erasures.plan("redact", fields=[(seq, AMOUNT)], reason="asked", basis="law")
    for parts in (((seq, (AMOUNT,)),), ((seq, ("intent.args.none",)),), ((0, ("origin",)),), ((10_000, (AMOUNT,)),), ((seq, ()),)):
        with pytest.raises(AuditError):
            tenant.erasures.erase(replace(planned, parts=parts), expires_us=until, keys=BOTH)
    for fields in ([(seq, "intent.args.none")], [(10_000, AMOUNT)], [(0, "origin")]):
        with pytest.raises(AuditError):
            tenant.erasures.plan("redact", fields=fields, reason="asked", basis="law")
    assert verify_tenant_log(tenant).erased == 0


def test_two_erasures_at_once_bring_nothing_back(world: World) -> None:
    """The second was read before the first: written as it is, it would put back what the first took out."""
    seq = world.tenant.authorize(intent(), audience="bank").seq
    before = row_of(world, seq)
    erased(world, (seq, AMOUNT))

    def late(view: UnitView) -> Changes:
        head = view.head or Head(0, b"", b"")
        return Changes(head=replace(head, version=head.version + 1), thinned=((seq, before.fields, before.fields[:-60] + b"}"),))

    with pytest.raises(StoreConflictError):
        world.runtime.storage.commit(Unit(world.tenant.scope, late))


def test_a_search_for_somebody_proposes_the_fields(world: World) -> None:
    seq = world.tenant.authorize(intent(), audience="bank").seq
    found = [(at, path) for at, path in parts_about(world.tenant, ACCOUNT) if at == seq]
    assert found == [(seq, "intent.resource")]
    assert (seq, "intent.principal") in list(parts_about(world.tenant, BOT))
    written = [at for at, path in parts_about(world.tenant, BOT) if path is None]
    assert written
    assert list(parts_about(world.tenant, EntityRef("Agent", "nobody"))) == []


def test_no_unsalted_digest_of_the_request_stands_in_the_log(world: World) -> None:
    """Whoever knows everything else must not find the amount by trying: no digest that they can compute is in any record."""
    for amount in ("12.50", "500.00"):
        outcome: Any = world.tenant.authorize(intent(amount), audience="bank")
        values = read_body(row_of(world, outcome.seq))
        for digest in (values["ith"], values["entities_digest"]):
            assert all(str(digest).encode() not in row.body + row.entry for row in world.tenant.records())
