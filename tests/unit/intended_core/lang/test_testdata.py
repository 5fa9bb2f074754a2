"""The data of tests: chains are verified unless they say otherwise."""

from __future__ import annotations

from intended_core.ids import EntityRef
from intended_core.intent import Grant
from tests.unit.intended_core.lang.support import run

TEXT = """
fixture f { given chain = [{ issuer: User::"ann", subject: Agent::"bot", actions: ["close"], not_before: from, not_after: datetime("2026-12-01T00:00:00Z") }];
  given from = datetime("2026-11-01T00:00:00Z"); given sure = true; }
test "t" with f {
  intent { principal: Agent::"bot"; action: close; resource: Account::"a"; chain: chain; }
  expect deny(intent_invalid);
  case "unsure" { sure: false } expect deny;
}
"""


def test_a_chain_is_given_by_name() -> None:
    checked, diagnostics = run(TEXT)
    assert checked is not None, diagnostics
    grant = Grant(
        issuer=EntityRef("User", "ann"), subject=EntityRef("Agent", "bot"), actions=("close",), not_before="2026-11-01T00:00:00Z",
        not_after="2026-12-01T00:00:00Z", verified=True,
    )  # fmt: skip
    assert checked.tests[0].intent.chain == (grant,)


def test_a_grant_may_say_that_nobody_checked_it() -> None:
    checked, _ = run(TEXT.replace('actions: ["close"]', 'verified: sure, actions: ["close"]'))
    assert checked is not None
    assert [test.intent.chain[0].verified for test in checked.tests] == [True, False]
