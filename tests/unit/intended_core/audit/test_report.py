"""The report: plain words, the verdict first, and nothing of a hostile bundle that a terminal or a browser would obey."""

from __future__ import annotations

import html.parser
from typing import Any

import pytest

from intended_core.audit import report
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.record import EventKind
from intended_core.audit.report import Section, as_html, as_text, tell
from intended_core.audit.verdicts import TrustPolicy
from tests.reference.audit_world import TenantLog

LOG = TenantLog(1)
DECIDED = LOG.decide(1)
CONSUMED = LOG.consume(1, DECIDED)
GOOD = LOG.bundle(DECIDED, [CONSUMED])
TRUST = TrustPolicy(log_keys=(LOG.key,))
HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(1)>'\"&\x1b[31m\u202e\u2066\r\n\x00"


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}


def tags(page: str) -> Tags:
    made = Tags()
    made.feed(page)
    return made


def test_the_story_of_an_honest_bundle() -> None:
    text = as_text(tell(GOOD, verify_bundle(GOOD, trust=TRUST)))
    assert text.startswith("Verdict: CONSISTENT_UNANCHORED\n  Everything holds under a key that you brought.")
    assert f"Record {DECIDED} of the log of tenant-1 (test), which then had 4 records." in text
    assert "It was allowed on 2026-09-21T14:13:20Z, by the issuer's own clock, by the rule pay-small." in text
    assert "Nothing else happened to this token up to record 3." in text
    assert "The token was redeemed: from here on it cannot be used again." in text
    assert "whether what was recorded was true when it was recorded" in text
    assert '"amount":"12.50"' in text


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = as_html(tell(GOOD, verify_bundle(GOOD, trust=TRUST)))
    found = tags(page)
    assert found.seen == {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.attributes == {"lang", "charset", "http-equiv", "content", "name"}
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert "url(" not in page
    assert "@import" not in page


def test_what_is_wrong_is_said() -> None:
    at = GOOD.index(b'"outcome":"allow"') + 12
    forged = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]
    text = as_text(tell(forged, verify_bundle(forged, trust=TRUST)))
    assert text.startswith("Verdict: TAMPERED\n  Something in this file is not what the log committed to.")
    assert "What is wrong" in text
    assert "record.body" in text


@pytest.mark.parametrize("data", [b"", b"PK", GOOD[:-3]])
def test_what_is_no_bundle_has_a_short_story(data: bytes) -> None:
    sections = tell(data, verify_bundle(data, trust=TRUST))
    assert [section.heading for section in sections] == ["Verdict: MALFORMED", "What is wrong", "What no such file can show"]


def test_a_hostile_issuer_writes_text_and_nothing_else() -> None:
    log = TenantLog(1)
    body: dict[str, Any] = {
        "outcome": "deny", "rules": [HOSTILE], "reasons": [[HOSTILE, HOSTILE], HOSTILE, 5], "intent": HOSTILE, "policy_digest": None, "approved": [],
    }  # fmt: skip
    seq = log.add(EventKind.DECISION_DENY, body)
    data = log.bundle(seq, [], intent=b"")
    sections = tell(data, verify_bundle(data, trust=TRUST))
    assert any("script" in sentence for section in sections for sentence in section.sentences)
    page, text = as_html(sections, title=HOSTILE), as_text(sections)
    assert tags(page).seen.isdisjoint({"script", "img"})
    assert tags(page).attributes == {"lang", "charset", "http-equiv", "content", "name"}
    for bad in ("\x1b", "\u202e", "\u2066", "\r", "\x00"):
        assert bad not in page
        assert bad not in text


def test_long_texts_are_cut() -> None:
    section = Section(heading="x" * 5_000, sentences=("y" * 5_000,), rows=(("a",), ("z" * 5_000,)))
    for made in (as_html([section]), as_text([section])):
        assert "x" * (report.MAX_SHOWN + 1) not in made
        assert "y" * (report.MAX_SHOWN + 1) not in made
        assert "z" * (report.MAX_SHOWN + 1) not in made


def test_every_verdict_and_rerun_has_its_words() -> None:
    assert set(report._VERDICTS) == set(report.Grade)
    assert set(report._RERUNS) == set(report.RerunState)


def test_many_records_are_told_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_RECORDS_TOLD", 2)
    told = next(s for s in tell(GOOD, verify_bundle(GOOD, trust=TRUST)) if s.heading == "What happened")
    assert (len(told.rows), told.sentences) == (3, ("2 more records are in the file.",))
