"""Outside judges of canonical bytes: the RFC 8785 test data, and the library `rfc8785` as a second opinion on our profile.

Our profile is a part of RFC 8785: no number with a fraction or exponent, ASCII member names. On it the bytes are
equal; outside it we refuse.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.canonical import canonical_json, parse_canonical
from intended_core.errors import IntentError

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "audit" / "jcs"
IN_PROFILE = {"arrays", "unicode"}
OUTSIDE = {
    "french": "member names beyond ASCII",
    "structures": "a number written 56.0; its canonical form 56 is in the profile",
    "values": "floats",
    "weird": "member names beyond ASCII",
}

integers = st.integers(-(2**53) + 1, 2**53 - 1)
keys = st.text(st.characters(max_codepoint=127), max_size=6)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def need() -> Path:
    if not VECTORS.exists():
        message = "the RFC 8785 vectors are not beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return VECTORS


def test_every_vector_is_named() -> None:
    assert {path.stem for path in (need() / "input").iterdir()} == IN_PROFILE | OUTSIDE.keys()


@pytest.mark.parametrize("name", sorted(IN_PROFILE))
def test_vectors_in_the_profile(name: str) -> None:
    value = json.loads((need() / "input" / f"{name}.json").read_bytes())
    packed = canonical_json(value)
    assert packed == bytes.fromhex("".join((need() / "outhex" / f"{name}.txt").read_text().split()))
    assert parse_canonical(packed, max_bytes=10_000) == value


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_vectors_outside_the_profile(name: str) -> None:
    with pytest.raises(IntentError):
        canonical_json(json.loads((need() / "input" / f"{name}.json").read_bytes()))
    output = (need() / "output" / f"{name}.json").read_bytes()
    if name == "structures":
        assert canonical_json(parse_canonical(output, max_bytes=10_000)) == output
        return
    with pytest.raises(IntentError):
        parse_canonical(output, max_bytes=10_000)


@settings(max_examples=300)
@given(values)
def test_on_the_profile_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [0.5, 1e3, float("nan"), 2**53, -(2**53), {"é": 1}, {1: 1}, "\ud800", b"x", {"a": {1}}]
)
def test_outside_the_profile_nothing_is_written(value: object) -> None:
    with pytest.raises(IntentError):
        canonical_json(value)
