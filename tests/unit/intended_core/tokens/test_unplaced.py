"""Claims that wait for their place in the log: what is drafted reads back, and nothing else is drafted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.errors import KeyRingError
from intended_core.ids import EntityRef
from intended_core.tokens.claims import claims_digest, parse_claims
from intended_core.tokens.unplaced import UnplacedClaims, draft_claims
from tests.reference.token_world import claims

PLACE = (3, 41, bytes(range(32)))
TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


def test_the_digest_and_the_bytes_are_those_of_the_claims() -> None:
    base = replace(claims(), log=None)
    drafted = draft_claims(base)
    assert drafted.digest == claims_digest(base)
    assert drafted.placed(PLACE) == replace(base, log=PLACE).canonical()
    assert parse_claims(drafted.placed(PLACE)) == replace(base, log=PLACE)


@given(
    sub=TEXT, resource=TEXT, rul=st.lists(TEXT, max_size=3), obl=st.lists(TEXT, max_size=3), apr=st.lists(TEXT, max_size=2),
    iss=TEXT, action=TEXT, jti=st.text("azAZ09_-", min_size=20, max_size=66), exp=st.integers(-1, 2**40),
    place=st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32)),
)  # fmt: skip
def test_what_is_drafted_reads_back_as_the_same_claims(
    sub: str, resource: str, rul: list[str], obl: list[str], apr: list[str], iss: str, action: str, jti: str, exp: int,
    place: tuple[int, int, bytes],
) -> None:  # fmt: skip
    base = claims(
        sub=EntityRef("User", sub), resource=EntityRef("a::B", resource), rul=tuple(rul), obl=tuple(obl), apr=tuple(apr),
        iss=iss, action=action, jti=jti, exp=exp, log=None,
    )  # fmt: skip
    try:
        drafted = draft_claims(base)
    except KeyRingError:
        return
    assert parse_claims(drafted.placed(place)) == replace(base, log=place)
    assert drafted.placed(place) == replace(base, log=place).canonical()
    assert drafted.digest == claims_digest(base)


@pytest.mark.parametrize("text", ['","log":null,"', ',"log":null,', '\\","log":null,\\"', '"log":null'])
def test_a_text_that_looks_like_the_gap_is_text(text: str) -> None:
    base = claims(rul=(text,), obl=(text,), apr=(text,), action=text, sub=EntityRef("User", text), log=None)
    assert parse_claims(draft_claims(base).placed(PLACE)) == replace(base, log=PLACE)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": True}, {"iat": 1.0}, {"nbf": -1}, {"exp": 253402300800}, {"arh": b""}, {"ith": bytes(33)}, {"pol": b""}, {"jti": "x"}, {"jti": None},
        {"tid": "x"}, {"env": "prod"}, {"aud": "NO"}, {"iss": ""}, {"action": "x" * 513}, {"rul": ("",)}, {"rul": ["r"]}, {"rul": []},
        {"obl": ["o"]}, {"apr": []}, {"act": None}, {"cnf": "key"}, {"rul": ("x" * 8193,)}, {"rul": ("\ud800",)}, {"arh": "x" * 32},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_read_back_is_not_drafted_whatever_was_drafted_before(changes: dict[str, Any]) -> None:
    base = replace(claims(), log=None)
    draft_claims(base)
    with pytest.raises(KeyRingError):
        draft_claims(replace(base, **changes))
    assert parse_claims(draft_claims(base).placed(PLACE)) == replace(base, log=PLACE)


@pytest.mark.parametrize("text", ["%", "%d%b", "%%", "100%"])
def test_a_text_that_looks_like_a_place_of_the_frame_is_text(text: str) -> None:
    base = claims(rul=(text,), obl=(text,), apr=(text,), action=text, iss=text, sub=EntityRef("User", text), log=None)
    for given_ in (base, replace(base, obl=(), apr=())):
        assert parse_claims(draft_claims(given_).placed(PLACE)) == replace(given_, log=PLACE)


@pytest.mark.parametrize(
    "place",
    [(1, -7, bytes(32)), (-1, 7, bytes(32)), (True, 7, bytes(32)), (1, 2**53, bytes(32)), (1, 7, b""), (1, 7.0, bytes(32))],
    ids=repr,
)
def test_a_place_of_another_shape(place: Any) -> None:
    with pytest.raises(KeyRingError):
        draft_claims(replace(claims(), log=None)).placed(place)


def test_made_only_from_claims_and_never_with_a_place() -> None:
    with pytest.raises(TypeError):
        UnplacedClaims(b"{", b"}")
    with pytest.raises(KeyRingError):
        draft_claims(claims())
