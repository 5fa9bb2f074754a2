"""Parser and checker against bytes and words cut out of real files: never an exception but the documented one.

`make soak` looks for new inputs; one that fails becomes a file of the corpus.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.lang.checker import check_all
from intended_core.lang.source import read_source
from tests.reference.policy_texts import WORDS, judge

HERE = Path(__file__).parent
CORPUS = {path.name: path.read_bytes() for path in sorted((HERE / "corpus").glob("*.policy"))}
STORIES = {path.parent.name: path.read_bytes() for path in sorted((HERE.parents[1] / "policies" / "examples").glob("*/policy.policy"))}
SEEDS = [*CORPUS.values(), *(data for data in STORIES.values() if len(data) < 2_000)]
TOKEN = re.compile(rb'[A-Za-z_]\w*|\d[\w.]*|"[^"]*"|\s+|.', re.DOTALL)
TOKENS = sorted({token for seed in SEEDS for token in TOKEN.findall(seed)} | {word.encode() for word in WORDS})
ODD = [b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\r", b'"', b"/*", b"*/", b"\\", b"9" * 40, b"(" * 60, b"{" * 60]


@pytest.mark.parametrize("name", CORPUS)
def test_every_file_of_the_corpus(name: str) -> None:
    judge(CORPUS[name], twice=True)


def test_the_corpus_holds_good_files_and_bad_ones() -> None:
    good = {name for name, data in CORPUS.items() if _accepted(data)}
    assert good >= {"smallest.policy", "conditions.policy", "approvals.policy", "obligations.policy", "types.policy"}
    assert {"unclosed.policy", "twice.policy", "broken-utf8.policy", "circle.policy"}.isdisjoint(good)
    assert len(STORIES) >= 10


def _accepted(data: bytes) -> bool:
    source, _ = read_source("a.policy", data)
    return source is not None and check_all([source])[0] is not None


@st.composite
def spliced(draw: st.DrawFn) -> bytes:
    """A seed with bytes taken out, put in, doubled, or taken from another seed."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 40)))
        other = draw(st.sampled_from(SEEDS))
        cut = draw(st.integers(0, len(other)))
        piece = draw(
            st.one_of(
                st.just(b""), st.binary(max_size=4), st.sampled_from(ODD), st.just(data[begin:end] * 2), st.just(other[cut : cut + 60])
            )
        )
        data = data[:begin] + piece + data[end:]
    return data


@given(spliced())
@settings(max_examples=100)
def test_bytes_of_real_files_mixed(data: bytes) -> None:
    judge(data, twice=True)


@st.composite
def rewoven(draw: st.DrawFn) -> bytes:
    """The tokens of a seed, some of them replaced, doubled, dropped, or swapped with a neighbour."""
    tokens = TOKEN.findall(draw(st.sampled_from(SEEDS))) or [b" "]
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from("rdxs")):
            case "r":
                tokens[at] = draw(st.sampled_from(TOKENS))
            case "d":
                tokens.insert(at, tokens[at])
            case "x" if len(tokens) > 1:
                del tokens[at]
            case _:
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return b"".join(tokens)


@given(rewoven())
@settings(max_examples=120)
def test_tokens_of_real_files_mixed(data: bytes) -> None:
    judge(data)


def test_mixing_keeps_some_files_good() -> None:
    seen: set[bool] = set()

    @settings(max_examples=40, database=None, derandomize=True)
    @given(rewoven())
    def collect(data: bytes) -> None:
        seen.add(_accepted(data))

    collect()
    assert seen == {True, False}
