from __future__ import annotations

import base64
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.errors import TokenError
from intended_core.tokens.codec import MAX_TOKEN_BYTES, UnverifiedToken, decode_segment, header_segment, parse, split
from tests.reference.token_checks import b64 as reference_b64
from tests.reference.token_world import issue, record


def test_an_unverified_token_shows_the_hint_and_nothing_else() -> None:
    token = parse(issue().text)
    assert token.kid_hint == record().kid
    shown = [name for name in dir(token) if not name.startswith("_")]
    assert shown == ["kid_hint", "parts_for_verifier"]


def test_header_has_one_spelling() -> None:
    kid = record().kid
    data = base64.urlsafe_b64decode(header_segment(algorithm="RS256", kid=kid) + b"==")
    assert data == b'{"alg":"RS256","kid":"' + kid.encode() + b'","typ":"authority+jwt"}'


@pytest.mark.parametrize(
    ("algorithm", "kid"),
    [("HS256", "A" * 43), ("RS256", "A" * 42), ("RS256", 'A","x":"' + "A" * 36), ("none", "\ud800")],
)
def test_no_header_is_written_that_would_not_be_read(algorithm: str, kid: str) -> None:
    with pytest.raises(TokenError) as caught:
        header_segment(algorithm=algorithm, kid=kid)
    assert caught.value.code == "token.header"


def test_size_is_checked_at_the_byte() -> None:
    with pytest.raises(TokenError) as caught:
        split(b"a" * (MAX_TOKEN_BYTES + 1))
    assert caught.value.code == "token.size"
    with pytest.raises(TokenError) as caught:
        split(b"a" * MAX_TOKEN_BYTES)
    assert caught.value.code == "token.segments"


@given(st.binary(min_size=1, max_size=70))
def test_every_segment_we_write_we_read(data: bytes) -> None:
    assert decode_segment(base64.urlsafe_b64encode(data).rstrip(b"=")) == data


@given(st.text("ABCDEQRUgwx048_-Zz9", min_size=0, max_size=12))
def test_segments_as_the_reference_reads_them(text: str) -> None:
    wanted = reference_b64(text)
    if wanted is None:
        with pytest.raises(TokenError):
            decode_segment(text.encode())
    else:
        assert decode_segment(text.encode()) == wanted


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_other_text_raises_one_error(text: str | bytes) -> None:
    with pytest.raises(TokenError):
        parse(text)


def test_the_constructor_is_not_a_way_around_the_parser() -> None:
    assert parse(issue().text.encode()).parts_for_verifier() == parse(issue().text).parts_for_verifier()
    assert isinstance(parse(issue().text), UnverifiedToken)


def test_a_token_is_kept_as_text_and_shown_by_its_hint() -> None:
    token = parse(issue().text)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(token)
    assert repr(token) == f"UnverifiedToken(kid_hint={record().kid!r})"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("é" * 10, "token.base64"), ("é" * 9000, "token.size"), ("é" * MAX_TOKEN_BYTES, "token.base64"), (5, "token.segments"), (None, "token.segments"),
        (bytearray(b"a.b.c"), "token.segments"), ("a.b", "token.segments"), ("a.b.c.d", "token.segments"), ("a.b+.c", "token.base64"),
        ("..", "token.base64"), ("A" * 1000 + ".AA.AA", "token.header"),
    ],
)
def test_what_is_wrong_with_it(text: object, code: str) -> None:
    with pytest.raises(TokenError) as caught:
        parse(text)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_every_part_of_a_token_is_where_it_was_written() -> None:
    text = issue().text
    algorithm, kid, unsigned, payload, signature = parse(text).parts_for_verifier()
    head, claims, mark = text.split(".")
    assert (algorithm, kid, unsigned) == ("RS256", record().kid, f"{head}.{claims}".encode())
    assert [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (payload, signature)] == [claims, mark]
