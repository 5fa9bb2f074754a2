"""Two digests: what was written, and what it means."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check
from intended_core.lang.semantic import text_digest
from intended_core.lang.typed import CheckedPolicySet
from tests.unit.intended_core.lang.support import SCHEMA, source

RULES = """
@id("a") @owner("me") permit a { principal in Group::"g"; action == transfer; let x = args.amount; when x + 1 < 5 and context.risk < 3; because "b"; }
@id("b") forbid b { action == transfer; unless any l in resource.labels { l == "ok" }; }
@id("c") escalate c { action == transfer; approval { from: Group::"g"; quorum: 1; exclude: [principal, context.maker]; expires: 1h; } }
"""


def checked(rules: str) -> CheckedPolicySet:
    return check([source(SCHEMA, "schema.policy"), source(rules)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("permit a ", "permit renamed "),
        ("let x = args.amount; when x ", "when args.amount "),
        ("any l in resource.labels { l ==", "any  other in resource.labels { other =="),
        ('\n@id("b")', '\n# a comment\n\n@id("b")'),
        ("[principal, context.maker]", "[context.maker, principal]"),
        ("1h", "60m"),
        ("< 5", "< 5.000"),
        ("forbid b", "forbid b2"),
    ],
)
def test_writing_changes_the_text_digest_only(old: str, new: str) -> None:
    assert old in RULES
    before, after = checked(RULES), checked(RULES.replace(old, new))
    assert before.semantic_digest == after.semantic_digest
    assert before.text_digest != after.text_digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("permit a ", "forbid a "),
        ('@owner("me")', '@owner("you")'),
        ('@id("b")', '@id("b2")'),
        ("< 5", "< 6"),
        ("x + 1", "x - 1"),
        ("and context.risk", "or context.risk"),
        ("principal in", "resource in"),
        ('"ok"', '"no"'),
        ("unless any", "when any"),
        ("any l", "all l"),
        ("quorum: 1", "quorum: 2"),
        ("expires: 1h", "expires: 2h"),
        ("exclude: [principal, context.maker]; ", ""),
        ('because "b"', 'because "c"'),
    ],
)
def test_meaning_changes_both(old: str, new: str) -> None:
    assert old in RULES
    text = RULES.replace(old, new, 1)
    text = text.replace('resource in Group::"g"', 'resource == Account::"g"')
    before, after = checked(RULES), checked(text)
    assert before.semantic_digest != after.semantic_digest
    assert before.text_digest != after.text_digest


def test_order_of_rules_and_files_does_not_matter() -> None:
    lines = RULES.strip().splitlines()
    turned = checked("\n".join(reversed(lines)))
    assert turned.semantic_digest == checked(RULES).semantic_digest
    split = check([source(lines[2], "z"), source(lines[0] + lines[1], "b"), source(SCHEMA, "schema.policy")])
    assert split.semantic_digest == checked(RULES).semantic_digest


def test_text_digest_frames_names_and_texts() -> None:
    assert text_digest([source("ab", "c")]) != text_digest([source("b", "ca")])
    assert text_digest([source("a", "x"), source("b", "y")]) == text_digest([source("b", "y"), source("a", "x")])
    assert text_digest([source("a\n", "x")]) != text_digest([source("a\r\n", "x")])
