"""Bundles: byte for byte the same, readable by anybody's ZIP, and text from outside cannot dress up as ours."""

from __future__ import annotations

import io
import zipfile

import pytest

from intended_core.audit import bundle as layout
from intended_core.audit.archive import unpack
from intended_core.audit.bundle import Claims, moment, shown
from intended_core.audit.bundle_reader import read_bundle
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.manifest import MANIFEST, read_manifest
from intended_core.errors import AuditError
from tests.reference.audit_world import TenantLog

LOG = TenantLog(1)
DECIDED = LOG.decide(1)
CONSUMED = LOG.consume(1, DECIDED)
GOOD = LOG.bundle(DECIDED, [CONSUMED])


def test_the_same_evidence_is_the_same_bytes() -> None:
    again = TenantLog(1)
    decided = again.decide(1)
    assert again.bundle(decided, [again.consume(1, decided)]) == GOOD


def test_what_a_bundle_holds() -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as source:
        assert source.namelist() == [
            "README.txt", "bodies/0000000000000000.json", "bodies/0000000000000001.json", "bodies/0000000000000002.json",
            "bodies/0000000000000003.json", "entries.jsonl", "heads/checkpoint", "heads/frontier", "heads/headers.jsonl",
            "inputs/entities.json", "inputs/intent.json", "keys/log.vkey", "keys/tokens.json", "manifest.json",
            "policy/0000.policy", "policy/0001.policy", "policy/names.json", "proofs.jsonl",
        ]  # fmt: skip


def test_reading_gives_back_what_was_written() -> None:
    bundle = read_bundle(GOOD)
    assert bundle.entries == tuple(row.entry for row in LOG.rows)
    assert bundle.bodies == tuple(row.body for row in LOG.rows)
    assert bundle.claims.decision == DECIDED
    assert bundle.log_key == LOG.key
    assert bundle.inputs is not None
    assert bundle.inputs[2][1] == ("ü/more.policy", "")


def test_the_readme_is_ascii_and_says_what_is_not_covered() -> None:
    text = unpack(GOOD).members[layout.README].decode("ascii")
    for line in layout.NOT_COVERED:
        assert line in text
    assert str(LOG.key) in text
    assert max(len(line) for line in text.splitlines()) <= 160


def test_hostile_names_stay_on_one_line() -> None:
    assert shown("a\nEvidence: WITNESSED") == "a\\u{a}Evidence: WITNESSED"
    assert shown("\u202eabc\x1b[31m") == "\\u{202e}abc\\u{1b}[31m"
    assert shown("x" * 500) == "x" * 200 + "..."
    assert moment(10**18) == "1000000000000000000 microseconds since 1970"


def test_claims_have_one_form() -> None:
    predicate = dict(read_manifest(unpack(GOOD).members[MANIFEST]).predicate)
    assert Claims.from_json(predicate).to_json() == {name: item for name, item in predicate.items() if name != "sizes"}
    for change in (
        {"scope": None}, {"scope": {}}, {"decision": "2"}, {"decision": True}, {"engine": None}, {"format": "intended.evidence/v9"},
        {"extra": 1}, {"claim": "everything is fine"}, {"not_covered": []}, {"size": None},
    ):  # fmt: skip
        with pytest.raises(AuditError) as caught:
            Claims.from_json({**predicate, **change})
        assert caught.value.code == "audit.manifest"


def test_writing_refuses_what_could_not_be_verified() -> None:
    row = LOG.rows[0]
    for change in (
        {"records": [], "proofs": []}, {"records": [row], "proofs": []}, {"token_keys": {"ä": 1}}, {"sources": [("\ud800", "")]},
    ):  # fmt: skip
        with pytest.raises(AuditError):
            LOG.bundle(DECIDED, [CONSUMED], **change)


def test_a_verdict_is_not_a_bool() -> None:
    with pytest.raises(TypeError):
        bool(verify_bundle(GOOD))
