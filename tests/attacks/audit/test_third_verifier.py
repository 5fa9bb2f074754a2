"""The verifier in a page: one file, opened in a real browser without a network, gives the answers that the other two give."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from intended_core.audit.checkpoint import verify_ed25519
from intended_core.audit.freshness import Freshness
from intended_core.audit.timefile import encode_time, parse_time
from intended_core.audit.verdicts import TrustPolicy
from intended_core.errors import AuditError
from scripts.verifier_page import renewed
from tests.attacks.audit import test_closed, test_fields
from tests.house.source import ROOT
from tests.reference.anchor_world import START_S, policy_text
from tests.reference.anchored_bundles import SPOILED, anchored
from tests.reference.audit_world import TenantLog, honest_log
from tests.reference.browser import PAGE, browser_page
from tests.reference.second_verifier import agree, second
from tests.reference.stretches import agree_range, stretch
from tests.reference.tampered_fields import ON_FIELDS
from tests.reference.tampered_times import timed
from tests.reference.third_verifier import RECORDING, replay

LOG = honest_log(4, size=40, seed=5)
DECIDED = next(row.seq for row in LOG.rows if b'"k":"decision.allow"' in row.entry and row.seq > 4)
LIFE = [row.seq for row in LOG.rows if row.thread == LOG.rows[DECIDED].thread]
GOOD = LOG.bundle(DECIDED, LIFE)
CORPUS = (
    "test_tampered_bundles.py", "test_forged_by_the_issuer.py", "test_second_verifier.py", "test_tampered_stretches.py", "test_real_logs.py",
    "test_data_in_bundles.py", "test_anchors_in_bundles.py", "test_fields.py", "test_keys_in_bundles.py", "test_second_signature.py",
    "test_closed.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def recorded(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_page_says_what_follows_from_elsewhere() -> None:
    """`python -m scripts.verifier_page` after a change of the page or of the kinds of records."""
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text) == text
    assert "default-src 'none'" in text
    assert not any(word in text for word in ("http-equiv=\"refresh\"", "<img", "<link", "<iframe", "fetch(", "XMLHttp", "innerHTML", "eval("))


def test_honest_and_changed_bundles(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECORDING, str(tmp_path))
    trust = TrustPolicy(log_keys=(LOG.key,), known_head=LOG.known(7))
    for given in (None, trust, TrustPolicy(log_keys=(TenantLog(6).key,))):
        agree(GOOD, given)
        agree(LOG.bundle(DECIDED, LIFE, full=False, known=7), given)
        agree_range(stretch(LOG, 3, 30, known=7), given, "token.consumed")
    chance = random.Random(1)
    for data, look in ((GOOD, agree), (stretch(LOG, 3, 30), agree_range)):
        for _ in range(10):
            changed = bytearray(data)
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            look(bytes(changed), trust)
    cases = recorded(tmp_path)
    assert len(cases) == 29
    replay(page, cases)


def test_proofs_of_what_witnesses_saw(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Honest and spoiled in every way that has a finding of its own, for decisions and stretches."""
    monkeypatch.setenv(RECORDING, str(tmp_path))
    for whole, look in ((False, agree), (True, agree_range)):
        made = anchored(1)
        for quorum in ("group orgs 2 w other\nquorum orgs", "quorum none", "quorum o1"):
            look(made.bundle(made.proof(), made.link(), whole=whole), made.trust(quorum))
        for spoil in SPOILED:
            data, trust, _ = spoil(anchored(2), random.Random(3), whole)
            look(data, trust)
        for now_s in (START_S, START_S + 9, START_S + 10**6, START_S - 10**6):
            look(made.bundle(made.proof(), made.link(), whole=whole), replace(made.trust(), fresh=Freshness(min_epoch=1, max_age_s=60, now_s=now_s)))
            look(made.bundle(None, whole=whole), replace(made.trust(), fresh=Freshness(min_epoch=9, max_age_s=60, now_s=now_s)))
    cases = recorded(tmp_path)
    assert len(cases) == 2 * (3 + len(SPOILED) + 8)
    replay(page, cases)


def second_lines() -> list[bytes]:
    """`log` lines of ML-DSA-44 keys: the log's own, a stranger's, the same twice, and malformed ones."""
    lines = []
    for name in (LOG.key.name, "another/log"):
        public = b"\x06" + bytes(1312)
        hint = sha256(name.encode() + b"\n" + public).digest()[:4].hex()
        lines.append(f"log {name}+{hint}+{base64.b64encode(public).decode()}\n".encode())
    own = lines[0]
    return [*lines, own + own, own.replace(b"AAAA", b"", 1), own.replace(b"+", b"+0", 1), own.replace(b"Bg", b"Bw", 1)]


def test_policy_files_get_one_answer(page: Page) -> None:
    good = policy_text(LOG.key)
    texts = [
        good, b"", good + good, good.replace(b"\n", b"\r\n"), good.replace(b" ", b"\t "), good + b"\x7f", good + b"\xff", b"\n" * 5000 + good, good + b"quorum w\n",
        good.replace(b"any", b"2"), good.replace(b"any", b"0"), good.replace(b"any", b"all"), good.replace(b"any", b"3"), good.replace(b"quorum orgs", b"quorum none"),
        good.replace(b"w1 w2", b"w1 w1"), good.replace(b"w1 w2", b"w1 none"), good.replace(b"witness w1", b"witness w2"), good.replace(b"log", b"lag"),
        *(first + good for first in second_lines()),
    ]  # fmt: skip
    expected = []
    for text in texts:
        try:
            second.Policy(text)
            expected.append(True)
        except second.Bad:
            expected.append(False)
    got = page.evaluate(
        """async (texts) => Promise.all(texts.map(async (text) => {
          try { await Verifier.parsePolicy(Uint8Array.from(text)); return true; } catch (bad) {
            if (!(bad instanceof Verifier.Bad)) throw bad;
            return false;
          }
        }))""",
        [list(text) for text in texts],
    )
    assert got == expected
    assert 5 <= sum(expected) <= 9


def test_signatures_get_one_answer(page: Page) -> None:
    """True ones, changed ones, points of small order, and encodings that are not canonical."""
    chance, secret = random.Random(9), LOG.secret
    public, message = secret.public_key().public_bytes_raw(), b"message"
    good = secret.sign(message)
    large = good[:32] + (int.from_bytes(good[32:], "little") + second.ORDER).to_bytes(32, "little")
    cases = [(public, good, message), (public, good, b"other"), (public, large, message), (public, good[:63], message), (public[:31], good, message)]
    for point in second.SMALL:
        for sign in (0, 1):
            small = (point | sign << 255).to_bytes(32, "little")
            cases += [(small, good, message), (public, small + good[32:], message), (small, small + bytes(32), message)]
    cases += [((2**255 - 19 + n).to_bytes(32, "little"), good, message) for n in range(19)]
    for _ in range(40):
        part, made = chance.randrange(3), [public, good, message]
        changed = bytearray(made[part])
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        made[part] = bytes(changed)
        cases.append((made[0], made[1], made[2]))
    expected = []
    for key, signature, text in cases:
        try:
            verify_ed25519(key, signature, text)
            expected.append(True)
        except AuditError:
            expected.append(False)
    got = page.evaluate(
        """async (cases) => Promise.all(cases.map(async (parts) => {
          const [key, signature, text] = parts.map((part) => Uint8Array.from(part));
          try { await Verifier.checkSignature(key, signature, text); return true; } catch (bad) {
            if (!(bad instanceof Verifier.Bad)) throw bad;
            return false;
          }
        }))""",
        [[list(part) for part in case] for case in cases],
    )
    assert got == expected
    assert sum(expected) == 1


def test_as_a_person_uses_it(page: Page, tmp_path: Path) -> None:
    """A file chosen, a key pasted: the verdict stands in words, and what came from the bundle is text."""
    path, kept = tmp_path / "decision.evb", tmp_path / "kept.txt"
    path.write_bytes(GOOD)
    kept.write_bytes(LOG.note(7))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_input_files("#file", path)
    page.click("button")
    page.wait_for_selector("#grade")
    assert page.inner_text("#grade") == "CONSISTENT_UNPINNED"
    page.fill("#pins", f"  {LOG.key}\n\n")
    page.set_input_files("#known", kept)
    page.click("button")
    page.locator("#grade", has_text="CONSISTENT_UNANCHORED").wait_for()
    said = page.inner_text("#answer")
    assert f"record {DECIDED} of a log of 40 records" in said
    assert "Nothing else happened to this token up to record 39." in said
    path.write_bytes(GOOD.replace(b"allow", b"<b>ow", 1))
    page.set_input_files("#file", path)
    page.click("button")
    page.locator("#grade", has_text="TAMPERED").wait_for()
    assert page.query_selector("#answer b") is None
    page.fill("#epoch", "3")
    page.click("button")
    page.locator("#grade", has_text="only under your policy file").wait_for()
    made, policy = anchored(1), tmp_path / "own.policy"
    path.write_bytes(made.bundle(made.proof(), made.link()))
    policy.write_bytes(policy_text(made.anchor.key))
    page.set_input_files("#file", path)
    page.set_input_files("#known", [])
    page.set_input_files("#policy", policy)
    page.fill("#pins", str(made.log.key))
    for epoch, said in ((made.epoch, "WITNESSED"), (made.epoch + 1, "INCOMPLETE"), ("1e3", "whole numbers")):
        page.fill("#epoch", str(epoch))
        page.click("button")
        page.locator("#grade", has_text=said).wait_for()
    page.fill("#pins", "no key")
    page.click("button")
    page.locator("#grade", has_text="Not checked").wait_for()
    assert requests == []


def test_nothing_but_the_script_of_the_page_runs(page: Page) -> None:
    """The policy in its head lets no other script in, and reaches nothing."""
    ran = page.evaluate(
        """() => { const made = document.createElement("script"); made.textContent = "window.intruder = 1"; document.body.append(made);
        return window.intruder === undefined; }"""
    )
    assert ran is True
    assert page.evaluate("fetch('https://127.0.0.1:9/').then(() => 'reached', () => 'refused')") == "refused"


def test_fields_withheld_erased_and_attacked(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECORDING, str(tmp_path))
    for trial in range(4):
        test_fields.test_no_false_alarm(trial)
        test_fields.test_withheld_and_erased_are_told_apart(trial)
        test_fields.test_fields_in_a_stretch(trial)
        for _, attack, _, run in ON_FIELDS:
            run(random.Random(f"{attack}/{trial}"))
    for how in ("unsigned", "removed", "no role", "own key twice", "later", "malformed"):
        test_fields.test_an_erasure_in_a_bundle_is_two_persons_of_the_log(how)
    for change in test_fields.MISFITS:
        test_fields.test_a_body_that_its_fields_do_not_fit(change)
    cases = recorded(tmp_path)
    assert len(cases) > 40
    replay(page, cases)


def test_records_after_the_end_of_a_closed_log(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECORDING, str(tmp_path))
    test_closed.test_what_becomes_of_a_closed_tenant_is_found(len(test_closed.WANTED) - 1)
    test_closed.test_evidence_of_a_log_that_ended_honestly_is_no_alarm(1)
    test_closed.test_a_stretch_that_does_not_hold_the_end_says_nothing_of_it()
    test_closed.test_a_log_that_ended_twice_is_found_after_the_first_end()
    cases = recorded(tmp_path)
    assert {code for case in cases for code, _, _ in case["answer"]["findings"]} == {"log.closed"}
    replay(page, cases)


@pytest.mark.slow
def test_the_whole_corpus_gets_the_answers_of_the_second_verifier(page: Page, tmp_path: Path) -> None:
    """Every bundle, good or bad, that the attacks on audit make is asked of the page as well."""
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *(str(folder / name) for name in CORPUS)],
        cwd=ROOT, env={**os.environ, RECORDING: str(tmp_path)}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    cases = recorded(tmp_path)
    assert len(cases) > 1_000
    seen = {case["answer"]["grade"] for case in cases}
    assert seen == set(second.GRADES)
    for at in range(0, len(cases), 50):
        replay(page, cases[at : at + 50])


def test_a_time_file_is_named_and_not_checked(page: Page, tmp_path: Path) -> None:
    bundle, stamp = tmp_path / "decision.evb", tmp_path / "x.time"
    bundle.write_bytes(GOOD)
    data = encode_time(timed(random.Random(1), dated_s=5000).file)
    page.reload()
    page.fill("#pins", str(LOG.key))
    page.set_input_files("#file", str(bundle))
    for content, said in ((data, f"A time file of record {parse_time(data).record.seq} is here, and not checked"), (b"{}", "Not checked: this is no time file")):
        stamp.write_bytes(content)
        page.set_input_files("#time", str(stamp))
        page.click("button")
        page.wait_for_selector("#grade")
        page.wait_for_function("said => document.getElementById('answer').textContent.includes(said)", arg=said)
        assert said in page.inner_text("#answer")
