"""What evidence does not hold: withheld, erased with permission, or said to be erased."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.audit.bundle import Claims
from intended_core.audit.fields import MISSING, depending, joined, keep_fields, read_body
from intended_core.audit.gaps import inputs_shown, missing_fields
from intended_core.audit.grades import Grade
from intended_core.audit.lives import Seen
from intended_core.audit.record import parse_body, parse_entry
from tests.reference.audit_world import START_US, TenantLog
from tests.reference.tampered_fields import decisions, erased, fielded


def seen_of(log: TenantLog, rows: Any, places: Any) -> dict[int, Seen]:
    made = {}
    for seq in places:
        entry = parse_entry(rows[seq].entry)
        body = joined(parse_body(rows[seq].body, expected=entry.body_hash), rows[seq].fields)
        made[seq] = Seen(entry=entry, leaf=rows[seq].leaf, body=body)
    return made


def claims(log: TenantLog) -> Claims:
    return Claims(
        origin=log.origin, tenant=log.scope.tenant, tenant_uuid=log.scope.uuid, environment="test", generation=1, decision=4, size=9,
        made_us=START_US, engine="e",
    )  # fmt: skip


def test_nothing_is_missing() -> None:
    log = fielded(1)
    assert missing_fields(seen_of(log, log.rows, range(len(log.rows))), claims(log)) == []


def test_the_withheld_and_the_erased() -> None:
    log = fielded(1)
    one, two = decisions(log)[:2]
    paths = depending(log.rows[two].fields, ["intent.args.amount"])
    rows = erased(log, two, paths)
    rows.append(log.rows[-1])
    seen = seen_of(log, rows, range(len(log.rows)))
    body = joined(parse_body(rows[one].body, expected=seen[one].entry.body_hash), keep_fields(rows[one].fields, ["intent.principal"]))
    seen[one] = Seen(entry=seen[one].entry, leaf=seen[one].leaf, body=body)
    found = missing_fields(seen, claims(log))
    assert [(item.code, item.seq, item.grade) for item in found] == [
        ("fields.withheld", one, Grade.INCOMPLETE), ("fields.erased", two, Grade.INCOMPLETE),
    ]  # fmt: skip
    assert "intent.principal" in found[0].text
    assert f"by record {len(log.rows) - 1}" in found[1].text
    without = {seq: record for seq, record in seen.items() if seq != len(log.rows) - 1}
    assert [item.code for item in missing_fields(without, claims(log))] == ["fields.withheld", "field.erasure"]
    stranger = {seq: record for seq, record in seen.items() if seq != 2}
    assert [(item.code, item.grade) for item in missing_fields(stranger, claims(log))][1] == ("field.erasure", Grade.TAMPERED)


@pytest.mark.parametrize(
    ("gone", "shown"),
    [([], True), (["intent.args.amount"], False), (["intent.principal"], False), (["ith"], False), (["entities_digest"], False)],
)
def test_what_taking_a_decision_again_needs(gone: list[str], shown: bool) -> None:
    log = fielded(2)
    row = log.rows[decisions(log)[0]]
    body = joined(parse_body(row.body, expected=parse_entry(row.entry).body_hash), keep_fields(row.fields, gone))
    assert inputs_shown(body) is shown


def test_persons_who_approved_are_not_needed_for_it() -> None:
    body = read_body(fielded(2).rows[4]) | {MISSING: {"approved_by": None}}
    assert inputs_shown(body)
