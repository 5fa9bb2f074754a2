"""The examples of a declared version stay as they are, byte by byte, and every verifier answers them as on the day of the declaration."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.checkpoint import parse_vkey
from intended_core.audit.grades import Grade
from intended_core.audit.range_verify import verify_range
from intended_core.audit.record import EventKind
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import KnownHead
from intended_core.errors import TokenError
from intended_core.keys.ring import KeyState, new_record
from tests.reference.browser import browser_page
from tests.reference.second_verifier import second
from tests.reference.third_verifier import replay
from tests.reference.token_world import redeemable

HERE = Path(__file__).parent
# A version that was declared is never made anew: a change here is a change of what auditors were promised.
DECLARED = {"v1": "0bc1f3d5aae0296b8167bb53c38bdd285da91c376f4b43cb0a87ac8ca78860c1"}
CASES = [
    pytest.param(version, number, case, id=f"{version}-{number}-{case['answer']['grade']}")
    for version in DECLARED
    for number, case in enumerate(json.loads((HERE / version / "cases.json").read_bytes()))
]
TOKENS = [
    pytest.param(case, id=f"{version}-{case['name']}")
    for version in DECLARED
    for case in json.loads((HERE / version / "tokens.json").read_bytes())
]


@pytest.mark.parametrize("version", DECLARED)
def test_no_byte_of_a_declared_version_changes(version: str) -> None:
    sums = (HERE / version / "SHA256SUMS").read_bytes()
    assert sha256(sums).hexdigest() == DECLARED[version]
    listed = dict(reversed(line.split("  ")) for line in sums.decode().splitlines())
    assert {path.name for path in (HERE / version).iterdir()} == {*listed, "SHA256SUMS"}
    assert all(sha256((HERE / version / name).read_bytes()).hexdigest() == digest for name, digest in listed.items())


def test_the_examples_hold_every_grade_and_most_findings() -> None:
    grades = {param.values[2]["answer"]["grade"] for param in CASES}
    assert grades == set(second.GRADES)
    codes = {code for param in CASES for code, _, _ in param.values[2]["answer"]["findings"]}
    assert len(codes) > 40


def _answer(case: dict[str, Any], data: bytes, known: Any, policy: bytes | None) -> dict[str, Any]:
    """What the verifier of one file says."""
    pins = [second.parse_key(pin) for pin in case["pins"]]
    trusted = None if policy is None else second.Policy(policy)
    if case["range"]:
        return dict(second.verify_range(BytesIO(data), pins, known, case["kind"], trusted))
    return dict(second.verify(data, pins, known, trusted))


@pytest.mark.parametrize(("version", "number", "case"), CASES)
def test_two_verifiers_answer_as_they_did(version: str, number: int, case: dict[str, Any]) -> None:
    data, answer = (HERE / version / case["file"]).read_bytes(), case["answer"]
    head = None if case["known"] is None else (case["known"]["size"], base64.b64decode(case["known"]["root"]))
    policy = None if case["policy"] is None else base64.b64decode(case["policy"])
    said = _answer(case, data, None if head is None else ("", *head), policy)
    found = [] if said["grade"] == "MALFORMED" else [[item["code"], item["grade"], item["seq"]] for item in said["findings"]]
    assert {**{name: said[name] for name in answer}, "findings": found} == answer
    trust = None
    if case["pins"] or policy is not None:
        trust = TrustPolicy(
            log_keys=tuple(parse_vkey(pin) for pin in case["pins"]),
            known_head=None if head is None else KnownHead(size=head[0], root=head[1]),
            anchors=None if policy is None else parse_policy(policy),
        )
    if case["range"]:
        ours: Any = verify_range(BytesIO(data), trust=trust, kind=None if case["kind"] is None else EventKind(case["kind"]))
    else:
        ours = verify_bundle(data, trust=trust)
    assert (ours.grade.value, ours.seq) == (answer["grade"], answer["seq"])
    if ours.grade is not Grade.MALFORMED:
        assert [[item.code, item.grade.value, item.seq] for item in ours.findings] == answer["findings"]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def test_the_page_answers_as_it_did(page: Page) -> None:
    cases = []
    for param in CASES:
        version, _, case = param.values
        cases.append({**case, "data": base64.b64encode((HERE / version / case["file"]).read_bytes()).decode()})
    for at in range(0, len(cases), 25):
        replay(page, cases[at : at + 25])


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_is_read_or_refused_as_it_was(case: dict[str, Any]) -> None:
    key = new_record(
        algorithm=case["algorithm"], purpose="token", public_der=base64.b64decode(case["public_key"]), sealed_private=b"sealed",
        now_us=1, state=KeyState.ACTIVE,
    )  # fmt: skip
    asked: dict[str, Any] = {"keys": (key,), "now": case["now_s"], "arh": bytes.fromhex(case["arh"])}
    if "refused" in case:
        with pytest.raises(TokenError) as refused:
            redeemable(case["token"], **asked)
        assert refused.value.code == case["refused"]
    else:
        assert dict(redeemable(case["token"], **asked).claims.to_json()) == case["claims"]
