"""Whatever stands in a policy file, checking answers with diagnostics that point into it; it never raises."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.lang.checker import check
from intended_core.lang.parser import parse
from intended_core.lang.source import Source
from tests.reference.policy_texts import WORDS, judge

TEXT = (Path(__file__).parents[2] / "policies" / "examples" / "payments" / "policy.policy").read_text(encoding="utf-8")


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes(data: bytes) -> None:
    judge(data)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
@settings(max_examples=200)
def test_any_words(words: list[str]) -> None:
    judge(" ".join(words).encode())


@given(
    st.integers(0, len(TEXT) - 1),
    st.integers(1, 12),
    st.one_of(st.just(""), st.sampled_from(WORDS), st.text(max_size=3)),
)
@settings(max_examples=60)
def test_any_edit_of_a_real_policy(at: int, length: int, piece: str) -> None:
    judge((TEXT[:at] + piece + TEXT[at + length :]).encode("utf-8", "replace"))


@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_the_order_of_items_and_files_is_no_difference(chance: random.Random) -> None:
    items, problems = parse(Source.from_text("a.policy", TEXT))
    assert problems == ()
    lines = TEXT.splitlines(keepends=True)
    pieces = ["".join(lines[item.span.line - 1 : item.span.end_line]) for item in items]
    head, rest = pieces[0], pieces[1:]
    chance.shuffle(rest)
    cut = chance.randrange(len(rest))
    files = [
        Source.from_text("z.policy", head + "".join(rest[:cut])),
        Source.from_text("b.policy", "".join(rest[cut:])),
    ]
    chance.shuffle(files)
    turned, plain = check(files), check([Source.from_text("a.policy", TEXT)])
    assert turned.semantic_digest == plain.semantic_digest
    assert turned.cost == plain.cost
